"""`countermark policy`: thresholds that follow reviewers' verdicts, and what another policy would have decided.

A policy is never edited: tuning writes a new file under a new name.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from service.cli_options import Config, DataDir, Json
from service.command_io import CANNOT_JUDGE, fail, open_audit, read_csv, say

if TYPE_CHECKING:
    from safety.tuning import TunedAction

policy_app = typer.Typer(help="Tune thresholds by verdicts; try a policy on the log.", no_args_is_help=True)


@policy_app.command("tune")
def policy_tune(
    out: Annotated[Path, typer.Option("--out", "-o", help="the new policy; its name becomes the file's")],
    target_fpr: Annotated[float, typer.Option(help="share of harmless requests held up, such as 0.01")],
    verdicts: Annotated[
        Path | None, typer.Option(help="CSV with index or record_id, verdict, and optional category")
    ] = None,
    action: Annotated[
        str, typer.Option(help="what counts as held up: review (or harder), or block")
    ] = "review",
    json_: Json = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Move each category's threshold to a target rate of false alarms, shown by verdicts (log and CSV)."""
    from safety.feedback import join, read_reviews, reviews_in
    from safety.policy_file import to_toml
    from safety.tuning import tune
    from service.feedback_files import numbered, row_finder
    from service.runtime import open_policy, utc_now
    from service.settings import load_settings

    if action not in {"review", "block"}:
        fail(f"--action: got {action!r}, expected review or block.")
    if out.exists():
        fail(f"{out}: exists already; a policy is not changed in place, give another name.")
    policy = open_policy(load_settings(config, data_dir=data_dir))
    log = open_audit(data_dir, config)
    reviews = reviews_in(numbered(log))
    if verdicts is not None:
        reviews |= {
            one.index: one for one in read_reviews(read_csv(verdicts), str(verdicts), row_finder(log))
        }
    found = join(numbered(log), reviews)
    tuning = tune(policy, found.cases, target_fpr, out.stem.lower(), cast("TunedAction", action))
    rows = [_tuned_row(rule) for rule in tuning.rules]
    basis = (
        f"{len(found.cases)} decisions, {tuning.verdicts} verdicts; left out: {found.other_models} scored by other "
        f"models, {found.without_scores} without scores, {len(reviews) - tuning.verdicts} verdicts on such or on none"
    )
    if tuning.changed:
        remarks = [
            f"Made by `countermark policy tune` at {utc_now():%Y-%m-%d %H:%M} UTC from {policy.version}."
        ]
        remarks += [
            f"Target: at most {target_fpr:.2%} of harmless requests under {action} or harder, by category."
        ]
        remarks += [f"From {basis}.", *(_line(row) for row in rows if row["after"] != row["before"])]
        _write_new(out, to_toml(tuning.policy, "\n".join(remarks)))
    if json_:
        document = {
            "policy": str(out) if tuning.changed else None,
            "policy_version": tuning.policy.version,
            "from": policy.version,
            "decisions": len(found.cases),
            "verdicts": tuning.verdicts,
            "verdicts_left_out": len(reviews) - tuning.verdicts,
            "other_models": found.other_models,
            "without_scores": found.without_scores,
            "rules": rows,
        }
        say(json.dumps(document))
        return
    for row in rows:
        say(_line(row))
    say(f"From {basis}.")
    say(
        f"{out}: written as {tuning.policy.version}"
        if tuning.changed
        else "No threshold changes; nothing was written."
    )


@policy_app.command("what-if")
def policy_what_if(
    policy: Annotated[Path, typer.Option(help="the policy to try")],
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="first day, UTC")
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="last day, UTC")] = None,
    json_: Json = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Replay the scores in the log under another policy and show which decisions would change."""
    from safety.policy import Policy
    from safety.what_if import replay
    from service.feedback_files import numbered
    from service.runtime import open_policy
    from service.settings import load_settings

    other, now = Policy.load(policy), open_policy(load_settings(config, data_dir=data_dir))
    start = first.replace(tzinfo=UTC) if first else datetime.min.replace(tzinfo=UTC)
    end = last.replace(tzinfo=UTC) + timedelta(days=1) if last else datetime.max.replace(tzinfo=UTC)
    log = open_audit(data_dir, config)
    entries = ((index, entry) for index, entry in numbered(log) if start <= entry.time < end)
    found = replay(entries, other, now)
    if json_:
        say(found.model_dump_json())
    else:
        say(f"Under {found.policy_version}: {found.changed} of {found.replayed} decisions would change.")
        for title, moves in (("all", found.moves), ("by category", found.by_category)):
            say(f"\n{title}")
            for move in moves:
                examples = ", ".join(map(str, move.examples)) + (
                    ", ..." if move.count > len(move.examples) else ""
                )
                name = "" if title == "all" else f"  {move.category}"
                say(f"  {move.before:>8} -> {move.after:<8} {move.count:>7}{name}  (entries {examples})")
        for count, text in (
            (found.left_out, "left out: they hold no scores"),
            (
                found.would_go_on,
                "refused at the prompt would go on to the generator; no picture of theirs was judged",
            ),
            (
                found.blocklist_hits,
                "met the blocklist of then; that stays, the log has no texts to try other lists on",
            ),
        ):
            if count:
                say(f"\n{count} {text}.")
    if not found.replayed:
        raise typer.Exit(CANNOT_JUDGE)


def _tuned_row(rule: Any) -> dict[str, Any]:
    return {
        "category": rule.name,
        "before": rule.before,
        "after": rule.after,
        "fpr_before": [rule.rate_before.rate, rule.rate_before.low, rule.rate_before.high],
        "fpr_after": [rule.rate_after.rate, rule.rate_after.low, rule.rate_after.high],
        "harmful": rule.harmful,
        "caught_before": rule.caught_before,
        "caught_after": rule.caught_after,
    }


def _line(row: dict[str, Any]) -> str:
    def rate(three: list[float]) -> str:
        return f"{three[0]:.2%} ({three[1]:.2%} to {three[2]:.2%})"

    if row["before"] == row["after"]:
        what = f"{row['before']:.3f} stays, false alarms {rate(row['fpr_before'])}"
    else:
        what = (
            f"{row['before']:.3f} -> {row['after']:.3f}, false alarms {rate(row['fpr_before'])} -> "
            f"{rate(row['fpr_after'])}"
        )
    caught = ""
    if row["harmful"]:
        caught = (
            f"; of {row['harmful']} judged harmful {row['caught_before']} -> {row['caught_after']} are caught"
        )
    return f"{row['category']:<24} {what}{caught}"


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        fail(f"{path}: cannot be written ({error.strerror}).")
