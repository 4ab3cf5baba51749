"""What a policy makes of numbers: pure, the same for a live request and for one that is replayed from the log."""

from collections.abc import Mapping, Sequence

from classifiers.scores import CATEGORIES
from safety.decision import Reason, Stage
from safety.policy import CategoryRule, Policy

MAX_NAMED = 3
"""Names of what was found in one sentence; more are counted."""


def reasons_for(
    policy: Policy,
    stage: Stage,
    *,
    unsafe: float,
    categories: Mapping[str, float],
    unread: float,
    listed: Sequence[str] = (),
    failed: Sequence[str] = (),
    found: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Reason, ...]:
    """Give every rule that takes effect, in a fixed order; none means "allow".

    Args:
        policy: the rules.
        stage: where the numbers were measured; rules of the other stage do not count.
        unsafe: overall score in [0, 1].
        categories: score in [0, 1] by category; one that is absent is 0.0.
        unread: share in [0, 1] of the text that could not be judged.
        listed: entries of the blocklist that were found.
        failed: names of checks that did not answer and whose failure does not refuse the request.
        found: what was recognised, by category, for the sentences.

    """
    named = found or {}
    reasons = [_listed(phrase) for phrase in listed]
    for name in CATEGORIES:
        what = f"{name} scored {{:.2f}}{_names(named.get(name, ()))}"
        reasons += _reached("category", name, categories.get(name, 0.0), policy.categories[name], stage, what)
    reasons += _reached("unsafe", "unsafe", unsafe, policy.unsafe, stage, "the overall score is {:.2f}")
    what = "{:.0%} of the text is in a language or spelling that the classifier cannot read"
    reasons += _reached("unread", "unread", unread, policy.unread, stage, what)
    return (*reasons, *(_failed(name) for name in failed))


def _reached(
    code: str, name: str, score: float, rule: CategoryRule, stage: Stage, what: str
) -> tuple[Reason, ...]:
    band = rule.reached(score, stage)
    if band is None or band.action == "allow":
        return ()
    text = f"{what.format(score)}, at or over the threshold {band.threshold:.2f} for {band.action}"
    return (Reason(code, name, score, band.threshold, band.action, text),)


def _names(found: Sequence[str]) -> str:
    if not found:
        return ""
    more = f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
    names = ", ".join(found[:MAX_NAMED]).replace("{", "{{").replace("}", "}}")
    return f" ({names}{more})"


def _listed(phrase: str) -> Reason:
    text = f"it contains {phrase!r}, an entry of the blocklist"
    return Reason("blocklist", "blocklist", 1.0, 1.0, "block", text)


def _failed(name: str) -> Reason:
    text = f"the check {name} did not answer; the policy asks for review then"
    return Reason("check_failed", "check_failed", 1.0, 1.0, "review", text)
