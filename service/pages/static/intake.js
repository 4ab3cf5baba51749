// The three ways a picture comes in: chosen, dropped anywhere on the page, pasted anywhere on the page.
// Calls take(files, { pasted }) with at least one file, or complain(text) when something came that is no file.

/** Wire the drop zone `zone`, the file input `input` and the document. */
export function watchIntake({ zone, input, take, complain }) {
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // the same file may be chosen again
    if (files.length) take(files, { pasted: false });
  });

  // dragenter and dragleave fire for every child: `depth` is 0 only when the pointer has left the window.
  let depth = 0;
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    zone.classList.toggle("over", depth > 0);
  };
  addEventListener("dragenter", (event) => carriesFiles(event) && mark(+1));
  addEventListener("dragleave", (event) => carriesFiles(event) && mark(-1));
  addEventListener("dragover", (event) => event.preventDefault()); // without it the browser opens the file instead
  addEventListener("drop", (event) => {
    event.preventDefault();
    mark(-depth);
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length) take(files, { pasted: false });
    else complain("That was no file. Links are not followed: save the picture first, then drop the file.");
  });

  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return; // text pasted into the prompt, for one
    event.preventDefault();
    take(files, { pasted: true });
  });
}
