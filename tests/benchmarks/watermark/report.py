"""The results as markdown: nothing is computed here that the JSON does not have."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.watermark.recovery import Run, size_class
from tests.benchmarks.watermark.suite import Entry

CLASSES = (">= 700 px", "480-699 px", "under 480 px")


BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def into_document(text: str, document: Path) -> None:
    """Put the tables between the marks of a document; raises ValueError where it has none."""
    before, mark, rest = document.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"document: {document} has no {BEGIN} ... {END}, expected both, add them")
    document.write_text(f"{before}{BEGIN}\n{text.strip()}\n{END}{after}", "utf-8")


def markdown(results: dict[str, Any], run: Run, entries: Sequence[Entry], peer_runs: Sequence[Run]) -> str:
    """Write all tables of one run."""
    parts = [
        _quality(run),
        _by_group(run, entries),
        _by_distortion(run, entries),
        _weak(run, entries),
        _against_peers(run, peer_runs, entries, results["absent"]),
        _strengths(results["strengths"]),
        _unmarked(results["unmarked"]),
        _timing(results["multiples"], results["footprints"]),
    ]
    if results["left_out"]:
        parts.append(f"Left out, since this Pillow cannot write them: {', '.join(results['left_out'])}.")
    return "\n\n".join(part for part in parts if part) + "\n"


def share(outcomes: Sequence[str]) -> str:
    """Percent read exactly, or a dash without any."""
    return f"{100 * sum(o == 'exact' for o in outcomes) / len(outcomes):.0f}" if outcomes else "-"


def outcomes_of(run: Run, names: Sequence[str], of_class: str | None = None) -> list[str]:
    """All outcomes of some distortions, of one size class or of all."""
    return [
        picture.outcomes[name]
        for picture in run.pictures
        if of_class is None or size_class(picture.short_side_px) == of_class
        for name in names
        if name in picture.outcomes
    ]


def _quality(run: Run) -> str:
    rows = [
        "| pictures | n | PSNR mean | least | SSIM mean | flat-area luma RMS mean | most |",
        "|---|" + "--:|" * 6,
    ]
    for label in (*CLASSES, "all"):
        pictures = [p for p in run.pictures if label in {"all", size_class(p.short_side_px)}]
        if not pictures:
            continue
        psnr = [p.quality.psnr_db for p in pictures]
        ssim = statistics.mean(p.quality.ssim for p in pictures)
        flat = [p.quality.flat_luma_rms for p in pictures if p.quality.flat_luma_rms is not None]
        flat_text = f"{statistics.mean(flat):.2f} | {max(flat):.2f}" if flat else "- | -"
        levels = f"{statistics.mean(psnr):.1f} dB | {min(psnr):.1f} dB"
        rows.append(f"| {label} | {len(pictures)} | {levels} | {ssim:.4f} | {flat_text} |")
    wrong = outcomes_of(run, list(run.pictures[0].outcomes)).count("wrong") if run.pictures else 0
    return "### Quality\n\n" + "\n".join(rows) + f"\n\nWrong messages, of all that were read: {wrong}."


def _table(run: Run, rows: Sequence[tuple[str, list[str]]], heading: str) -> str:
    lines = [f"| {heading} | " + " | ".join(CLASSES) + " |", "|---|" + "--:|" * len(CLASSES)]
    for label, names in rows:
        lines.append(f"| {label} | " + " | ".join(share(outcomes_of(run, names, c)) for c in CLASSES) + " |")
    return "\n".join(lines)


def _groups(entries: Sequence[Entry]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for entry in entries:
        groups.setdefault(entry.group, []).append(entry.name)
    return groups


def _by_group(run: Run, entries: Sequence[Entry]) -> str:
    rows = [(f"{group} ({len(names)})", names) for group, names in _groups(entries).items()]
    rows.append((f"**all** ({len(entries)})", [e.name for e in entries]))
    return "### Whole message recovered, %, by group\n\n" + _table(run, rows, "group (distortions)")


def _by_distortion(run: Run, entries: Sequence[Entry]) -> str:
    rows = [(entry.name, [entry.name]) for entry in entries]
    return "### Whole message recovered, %, every distortion\n\n" + _table(run, rows, "distortion")


def _weak(run: Run, entries: Sequence[Entry]) -> str:
    """Which kinds of picture lose the message, for the distortions that lose any at 480 px and more."""
    lines = ["| distortion | lost at 480 px and more |", "|---|---|"]
    for entry in entries:
        large = [p for p in run.pictures if p.short_side_px >= 480]
        lost = [p.kind for p in large if p.outcomes[entry.name] != "exact"]
        if lost:
            kinds = ", ".join(
                f"{k} ({lost.count(k)})" for k in sorted(set(lost), key=lambda k: -lost.count(k))
            )
            lines.append(f"| {entry.name} | {len(lost)} of {len(large)}: {kinds} |")
    return "### Where it fails\n\n" + "\n".join(lines) if len(lines) > 2 else ""


def _against_peers(
    run: Run, peer_runs: Sequence[Run], entries: Sequence[Entry], absent: Sequence[str]
) -> str:
    notes = "".join(f"\n\n{sentence}." for sentence in absent)
    measured = [peer for peer in peer_runs if peer.pictures]
    if not measured:
        return "### Peers" + (notes or "\n\nNot measured.")
    names = {p.name for peer in measured for p in peer.pictures}
    same = Run(run.method, run.payload_bits, [p for p in run.pictures if p.name in names])
    runs = [same, *measured]
    lines = [
        "| | " + " | ".join(f"{r.method}, {r.payload_bits} bits" for r in runs) + " |",
        "|---|" + "--:|" * len(runs),
    ]
    lines.append("| pictures | " + " | ".join(str(len(r.pictures)) for r in runs) + " |")
    means = [statistics.mean(p.quality.psnr_db for p in r.pictures) if r.pictures else 0.0 for r in runs]
    lines.append("| PSNR mean, dB | " + " | ".join(f"{m:.1f}" for m in means) + " |")
    shared = set(measured[0].pictures[0].outcomes)
    for group, in_group in _groups([e for e in entries if e.name in shared]).items():
        cells = (share(outcomes_of(r, in_group)) for r in runs)
        lines.append(f"| {group} ({len(in_group)}) | " + " | ".join(cells) + " |")
    return "### Peers on the same pictures: whole message recovered, %\n\n" + "\n".join(lines) + notes


def _strengths(points: Sequence[dict[str, float]]) -> str:
    if not points:
        return ""
    lines = ["| strength | PSNR mean, dB | recovered, % |", "|--:|--:|--:|"]
    lines += [f"| {p['strength']:g} | {p['psnr_db']:.1f} | {100 * p['recovered']:.0f} |" for p in points]
    return "### Recovery against quality (mean over the short suite)\n\n" + "\n".join(lines)


def _unmarked(found: dict[str, Any]) -> str:
    values = found["p_values"]
    if not values:
        return ""
    other = found["wrong_key"]
    return (
        f"### False alarms\n\n{len(values)} unmarked pictures and crops: {found['alarms']} called marked, "
        f"{found['payloads']} messages, smallest p-value {values[0]:.2g}. {other['tried']} marked pictures under "
        f"a wrong key: {other['alarms']} called marked, {other['payloads']} messages."
    )


def _timing(multiples: dict[str, dict[str, float]], footprints: dict[str, float]) -> str:
    if not multiples:
        return ""
    lines = ["| 1024 x 1024, one core | CPU ms | times one float32 rFFT2 |", "|---|--:|--:|"]
    lines += [f"| {name} | {row['ms']:.1f} | {row['multiple']:.1f} |" for name, row in multiples.items()]
    text = ", ".join(
        f"{name.removesuffix(', s').removesuffix(', MiB')}: {value:.2f} s"
        if name.endswith(", s")
        else f"{name.removesuffix(', MiB')}: {value:.0f} MiB more"
        for name, value in footprints.items()
    )
    return "### Cost\n\n" + "\n".join(lines) + f"\n\nFresh process: {text}."
