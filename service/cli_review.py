"""`countermark review`: what people say of decisions, kept in the log as entries of their own.

Nothing is changed by a verdict: it is appended, and a later one on the same entry counts instead. Verdicts move
thresholds through `countermark policy tune`, and reach training through `countermark review export`.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli_options import Config, DataDir, Json
from service.command_io import CANNOT_JUDGE, fail, open_audit, read_csv, say, write_file

review_app = typer.Typer(
    help="List decisions for review, record verdicts, export them.", no_args_is_help=True
)


@review_app.command("list")
def review_list(
    action: Annotated[str, typer.Option(help="review, or block to judge what was refused")] = "review",
    json_: Json = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """List the entries with that action that have no verdict yet, oldest first."""
    from safety.audit_entry import VERDICT
    from safety.decision import ACTIONS

    if action not in ACTIONS:
        fail(f"--action: got {action!r}, expected one of {', '.join(ACTIONS)}.")
    waiting: dict[int, Any] = {}
    for index, entry in enumerate(open_audit(data_dir, config).entries()):
        if entry.kind == VERDICT:
            waiting.pop(entry.subject, None)
        elif entry.action == action:
            waiting[index] = entry
    rows = [
        {
            "index": index,
            "time": entry.time.isoformat(timespec="seconds"),
            "kind": entry.kind,
            "stage": entry.stage,
            "flagged": list(entry.categories),
            "scores": entry.scores,
            "record_ids": list(entry.record_ids),
            "request_id": entry.request_id,
            "policy_version": entry.policy_version,
        }
        for index, entry in waiting.items()
    ]
    if json_:
        say(json.dumps(rows))
    for row in [] if json_ else rows:
        scores = ", ".join(f"{name} {row['scores'].get(name, 0):.2f}" for name in row["flagged"])
        say(
            f"{row['index']:>7}  {row['time']}  {row['kind']}  {scores}  {' '.join(row['record_ids'])}".rstrip()
        )
    if not json_:
        say(f"{len(rows)} without a verdict.")


@review_app.command("resolve")
def review_resolve(
    index: Annotated[int, typer.Argument(help="entry number, from 0, as `review list` shows it")],
    verdict: Annotated[str, typer.Option(help="harmless or harmful")],
    category: Annotated[str | None, typer.Option(help="what a harmful one was")] = None,
    reviewer: Annotated[str, typer.Option(help="who says so; written into the log")] = "",
    json_: Json = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Append a verdict on an entry to the log; a later one on the same entry counts instead."""
    from safety.audit_entry import VERDICT, AuditEntry
    from safety.feedback import check_verdict
    from service.gateway import new_request_id
    from service.runtime import utc_now

    harmful = check_verdict(verdict, category, "review resolve")
    log = open_audit(data_dir, config)
    if not 0 <= index < log.size():
        fail(f"index: got {index}, the log has {log.size()} entries, counted from 0.")
    (subject,) = log.entries(index, index + 1)
    if subject.kind == VERDICT or subject.action is None:
        what = "a verdict" if subject.kind == VERDICT else "a request on which nothing was decided"
        fail(f"index: entry {index} is {what}, expected a decision.")
    entry = AuditEntry(
        time=utc_now(),
        request_id=new_request_id(),
        kind=VERDICT,
        outcome="reviewed",
        subject=index,
        verdict="harmful" if harmful else "harmless",
        categories=(category,) if category else (),
        reviewer=reviewer,
        tenant=subject.tenant,
    )
    written = log.append(entry)
    log.close()
    row = {"index": written, "subject": index, "verdict": entry.verdict, "category": category}
    say(json.dumps(row) if json_ else f"entry {written}: entry {index} is {entry.verdict}")


@review_app.command("export")
def review_export(
    target: Annotated[Path, typer.Argument(metavar="OUT", help="JSONL as the trainers read it")],
    texts: Annotated[
        Path, typer.Option(help="CSV with index or record_id, text, and optional verdict and category")
    ],
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Write judged prompts for training. The log holds none: you supply them, each is checked against its hash."""
    from safety.feedback import read_reviews, read_texts, reviews_in
    from service.feedback_files import numbered, row_finder, training_row
    from service.keys import load_or_create_keys
    from service.runtime import utc_now
    from service.settings import load_settings

    log = open_audit(data_dir, config)
    key = load_or_create_keys(load_settings(config, data_dir=data_dir), utc_now()).prompt_hash
    lines, find = read_csv(texts), row_finder(log)
    reviews = reviews_in(numbered(log))
    if lines and "verdict" in lines[0]:
        reviews |= {review.index: review for review in read_reviews(lines, str(texts), find)}
    rows, refused = [], 0
    for index, text, where in read_texts(lines, str(texts), find):
        (entry,) = log.entries(index, index + 1)
        try:
            rows.append(training_row(entry, index, text, reviews.get(index), key))
        except ValueError as error:
            typer.echo(f"countermark: {where}: {error}.", err=True)
            refused += 1
    if rows:
        write_file(target, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
    say(f"{len(rows)} rows written to {target}" if rows else "nothing to write")
    if refused:
        raise typer.Exit(CANNOT_JUDGE)
