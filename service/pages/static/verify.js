// The verify page: takes pictures in, checks a few at a time, shows a card for each.

import { showBatch } from "./batch_table.js";
import { watchIntake } from "./intake.js";
import { showWanted } from "./permalink.js";
import { ResultCard } from "./result_card.js";
import { ServiceFailure, verifyPicture } from "./service_api.js";
import { watchTryIt } from "./try_it.js";
import { sizeInWords } from "./wording.js";

const AT_ONCE = 2; // requests in flight: the service works on as many pictures by default
const MOST_FILES = 50; // cards added by one drop
const PASTED = "A pasted picture usually arrives without its metadata. To check Content Credentials, choose the file itself.";

const page = document.getElementById("verify");
const results = document.getElementById("results");
const list = document.getElementById("cards");
const notice = document.getElementById("notice");
const announcement = document.getElementById("announce");
const largest = Number(page.dataset.maxUploadMib) * 1024 * 1024;

const shown = new Map(); // ResultCard -> AbortController of its request
const outcomes = new Map(); // ResultCard -> { report } or { failure }
const waiting = [];
let running = 0;

function drawBatch() {
  const cards = [...list.children].map((element) => [...shown.keys()].find((card) => card.element === element));
  showBatch(document.getElementById("batch"), cards.map((card) => ({
    name: card.name,
    ...outcomes.get(card),
    show: () => {
      card.element.open = true;
      card.summary.focus({ preventScroll: true });
      card.element.scrollIntoView({ block: "start" });
    },
  })));
}

function settle(card, outcome) {
  if (!shown.has(card)) return;
  outcomes.set(card, outcome);
  drawBatch();
}

function complain(text) {
  notice.textContent = text;
  notice.hidden = text === "";
}

function unfit(file) {
  if (file.size === 0) return "The file is empty. Choose another one.";
  if (file.size > largest) {
    return `The file has ${sizeInWords(file.size)}; the limit is ${sizeInWords(largest)}. Choose a smaller file.`;
  }
  return null;
}

async function check(card) {
  const abort = shown.get(card);
  if (!abort) return; // removed while it waited
  try {
    const report = await verifyPicture(card.file, abort.signal);
    card.showReport(report);
    settle(card, { report });
    announcement.textContent = `${card.name}: ${report.summary}`;
  } catch (error) {
    if (error.name === "AbortError") return;
    const failure = error instanceof ServiceFailure ? error
      : new ServiceFailure("The answer of the service could not be shown. Reload the page and try again.");
    card.showFailure(failure, () => enqueue(card));
    settle(card, { failure: failure.message });
    announcement.textContent = `${card.name}: ${failure.message}`;
    if (failure !== error) throw error; // a fault of this page: leave it in the console
  }
}

async function work() {
  running += 1;
  while (waiting.length) await check(waiting.shift()).catch(reportError);
  running -= 1;
}

function enqueue(card) {
  card.showWaiting();
  announcement.textContent = `Checking ${card.name}`;
  waiting.push(card);
  if (running < AT_ONCE) work();
}

function remove(card) {
  shown.get(card)?.abort();
  shown.delete(card);
  outcomes.delete(card);
  card.drop();
  drawBatch();
  results.hidden = shown.size === 0;
  if (results.hidden) document.getElementById("file").focus();
}

/** Show a card for each file, newest on top, and check those that are fit to send. */
function take(files, { pasted = false } = {}) {
  complain(files.length > MOST_FILES
    ? `${files.length} files at once are too many; the first ${MOST_FILES} are checked.` : "");
  const cards = files.slice(0, MOST_FILES).map((file) => {
    const card = new ResultCard(file, {
      open: files.length === 1,
      hint: pasted ? PASTED : null,
      onRemove: () => remove(card),
    });
    shown.set(card, new AbortController());
    return card;
  });
  list.prepend(...cards.map((card) => card.element));
  results.hidden = false;
  for (const card of cards) {
    const fault = unfit(card.file);
    if (fault === null) enqueue(card);
    else {
      card.showFailure(new ServiceFailure(fault, { status: 400 }));
      outcomes.set(card, { failure: fault });
      announcement.textContent = `${card.name}: ${fault}`;
    }
  }
  drawBatch();
  cards[0].summary.focus({ preventScroll: true });
  cards[0].element.scrollIntoView({ block: "start" });
}

showWanted(document.getElementById("wanted")).catch(reportError);
watchIntake({ zone: document.getElementById("drop"), input: document.getElementById("file"), take, complain });
document.getElementById("clear").addEventListener("click", () => [...shown.keys()].forEach(remove));

const form = document.getElementById("try-form");
if (form) watchTryIt({ form, output: document.getElementById("try-result"), take });

for (const place of document.querySelectorAll("[data-origin]")) place.textContent = location.origin;
