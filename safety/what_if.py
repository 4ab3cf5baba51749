"""What another policy would have decided on what the log recorded: no models, only the numbers.

Rules:

- an entry is replayed from its `judgements`; one without (written before they were kept, or failed before any
  judgement) is left out and counted;
- a recorded blocklist hit stays a block, whatever the other policy's lists hold: the text is not in the log, so
  neither other entries nor the allowlist can be tried;
- a check that had failed refuses under `on_failure = "refuse"`, and asks for review otherwise;
- a request that was refused at the prompt has no picture: where the other policy would let the prompt pass, what
  the picture check would have said is unknown. Such changes are counted by themselves (`would_go_on`).
"""

from collections import defaultdict
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from safety.audit_entry import VERDICT, AuditEntry, Judgement
from safety.decision import ACTIONS, Action, Reason, hardest
from safety.policy import Policy
from safety.ruling import reasons_for

MAX_EXAMPLES = 5


class Move(BaseModel):
    """Entries that go from one action to another; `examples` are the first audit indices."""

    model_config = ConfigDict(frozen=True)

    category: str
    before: Action
    after: Action
    count: int
    examples: tuple[int, ...]


class WhatIf(BaseModel):
    """The comparison of a log's decisions with those of another policy.

    In `moves` every replayed entry counts once, under the category "all"; in `by_category` an entry that changes
    counts once for each category that makes the difference.
    """

    model_config = ConfigDict(frozen=True)

    policy_version: str
    entries: int
    replayed: int
    changed: int
    left_out: int
    blocklist_hits: int
    would_go_on: int
    moves: tuple[Move, ...]
    by_category: tuple[Move, ...]


def replay(entries: Iterable[tuple[int, AuditEntry]], policy: Policy, now: Policy) -> WhatIf:
    """Judge numbered `entries` by `policy` and compare with what was decided.

    `now` is the policy in force: it tells which category asked for a decision that becomes milder. An entry that it
    would not have decided so (an older policy did) is attributed to all that was flagged then. Verdicts of
    reviewers do not count.
    """
    tally: defaultdict[tuple[str, Action, Action], list[int]] = defaultdict(list)
    total = replayed = changed = listed = would_go_on = 0
    for index, entry in entries:
        if entry.kind == VERDICT:
            continue
        total += 1
        if not entry.judgements or entry.action is None:
            continue
        replayed += 1
        reasons = [reason for judged in entry.judgements for reason in rejudge(judged, policy)]
        before, after = entry.action, hardest(reasons)
        tally["all", before, after].append(index)
        listed += any("blocklist" in judged.marks for judged in entry.judgements)
        if before != after:
            changed += 1
            would_go_on += before == "block" and entry.stage == "input" and entry.kind != "moderation"
            was = [reason for judged in entry.judgements for reason in rejudge(judged, now)]
            for name in _difference(entry, was, reasons):
                tally[name, before, after].append(index)
    moves = [
        Move(
            category=name, before=before, after=after, count=len(found), examples=tuple(found[:MAX_EXAMPLES])
        )
        for (name, before, after), found in tally.items()
    ]
    moves.sort(
        key=lambda move: (-move.count, move.category, ACTIONS.index(move.before), ACTIONS.index(move.after))
    )
    return WhatIf(
        policy_version=policy.version,
        entries=total,
        replayed=replayed,
        changed=changed,
        left_out=total - replayed,
        blocklist_hits=listed,
        would_go_on=would_go_on,
        moves=tuple(move for move in moves if move.category == "all"),
        by_category=tuple(move for move in moves if move.category != "all"),
    )


def rejudge(judged: Judgement, policy: Policy) -> tuple[Reason, ...]:
    """Give the reasons that `policy` has against what was recorded of one text or picture."""
    failed = "check_failed" in judged.marks
    reasons = reasons_for(
        policy,
        judged.stage,
        unsafe=judged.unsafe,
        categories=judged.scores,
        unread=judged.unread,
        listed=("an entry of the list of then",) if "blocklist" in judged.marks else (),
        failed=("a check of then",) if failed else (),
    )
    if failed and policy.checks.on_failure == "refuse":
        text = "a check did not answer; the policy refuses then"
        reasons += (Reason("check_failed", "check_failed", 1.0, 1.0, "block", text),)
    return reasons


def _difference(entry: AuditEntry, was: list[Reason], reasons: list[Reason]) -> tuple[str, ...]:
    """Name what makes the difference: what asks for the harder action now, or what asked for it before."""
    before, after = entry.action or "allow", hardest(reasons)
    if ACTIONS.index(after) > ACTIONS.index(before):
        return _asking(reasons, after)
    return _asking(was, before) if hardest(was) == before else entry.categories or ("other",)


def _asking(reasons: Iterable[Reason], action: Action) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reason.category for reason in reasons if reason.action == action))
