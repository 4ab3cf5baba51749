"""What the policy said about one prompt or one picture, and why.

Owns the values that the gateway acts on and the audit log keeps. They never contain the prompt: a reason names
a category, a number and a rule.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

Action = Literal["allow", "annotate", "review", "block"]
Stage = Literal["input", "output"]

ACTIONS: Final[tuple[Action, ...]] = ("allow", "annotate", "review", "block")
"""From mildest to hardest. All but `block` release; `annotate` and `review` are for the operator to act on."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that took effect.

    Attributes:
        code: "category", "unsafe", "blocklist", "unread" or "check_failed".
        category: the category, or the code again where there is none.
        score, threshold: what was measured and what the policy sets, in [0, 1].
        action: what this rule alone asks for.
        text: one sentence for people.

    """

    code: str
    category: str
    score: float
    threshold: float
    action: Action
    text: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict: the hardest action of all reasons, "allow" without any.

    Attributes:
        flagged: categories at or over their lowest threshold; "unsafe" alone where only the overall score is.
        categories: every category name to its score in [0, 1].
        unsafe: the overall score in [0, 1].
        unread: share in [0, 1] of the text that could not be judged.
        policy_version: `<name>@<hash>`, enough to find the rules again.
        models: what scored.

    """

    action: Action
    stage: Stage
    unsafe: float
    unread: float
    categories: Mapping[str, float]
    flagged: tuple[str, ...]
    reasons: tuple[Reason, ...]
    policy_version: str
    models: tuple[str, ...]


def hardest(asking: Iterable[Reason | Decision]) -> Action:
    """Give the hardest action that any reason or decision asks for, "allow" where there is none."""
    return max((one.action for one in asking), key=ACTIONS.index, default="allow")
