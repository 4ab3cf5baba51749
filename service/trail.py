"""What is known so far about one request; becomes its audit entry, its log line and its answer."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from safety import Decision
from safety.audit_entry import Outcome
from safety.decision import Action, hardest
from service.stages import StageTimes


def asked_for(decisions: Iterable[Decision], action: Action | None = None) -> tuple[str, ...]:
    """Name what was flagged, in order: categories, and "unsafe", "blocklist" or "unread" where those rules took effect.

    With `action`, only what asked for exactly that action.
    """
    reasons = [r for d in decisions for r in d.reasons if action is None or r.action == action]
    return tuple(dict.fromkeys(reason.category for reason in reasons))


@dataclass(slots=True)
class Trail:
    """One request on its way; `outcome` is None until its audit entry is written."""

    request_id: str
    kind: str
    stage: str = "input"
    prompt: str | None = None
    decisions: list[Decision] = field(default_factory=list)
    generator: str = ""
    generator_version: str = ""
    record_ids: list[str] = field(default_factory=list)
    stages: StageTimes = field(default_factory=StageTimes)
    outcome: Outcome | None = None

    @property
    def action(self) -> Action:
        """The strictest action decided so far."""
        return hardest(self.decisions)

    @property
    def flagged(self) -> tuple[str, ...]:
        """What was flagged so far; see `asked_for`."""
        return asked_for(self.decisions)

    def scores(self) -> dict[str, float]:
        """Return the highest score of each flagged category, and of "unsafe", to four digits."""
        highest: dict[str, float] = {}
        for decision in self.decisions:
            measured = {r.category: r.score for r in decision.reasons} | {"unsafe": decision.unsafe}
            for name, score in measured.items():
                highest[name] = round(max(highest.get(name, 0.0), score), 4)
        return highest
