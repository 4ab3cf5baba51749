"""What one audit entry says, and the bytes that are hashed.

Canonical bytes of an entry: one JSON object, keys sorted, no spaces, UTF-8, non-ASCII characters as
themselves, numbers as Python's json writes them, `"schema":1` among the members. Members that the schema gained
after logs were in use are left out where they are empty, so that an entry without them has the bytes it always had.

No entry holds a prompt or a picture; `prompt_hash` is an HMAC made by the caller.
"""

import json
from datetime import UTC
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FiniteFloat,
    NonNegativeInt,
    StringConstraints,
    ValidationError,
)

from safety.checkpoint import format_time
from safety.decision import Action, Decision, Stage
from safety.errors import AuditUnreadable

SCHEMA = 1
MAX_TEXT = 4000  # characters of one text member; a longer one is cut and says so

VERDICT = "verdict"  # the kind of an entry in which a person judged an earlier one

Outcome = Literal["allowed", "blocked", "failed", "reviewed"]
Verdict = Literal["harmless", "harmful"]


def _clean(value: object) -> object:
    """Make any text recordable: lone surrogates have no UTF-8, and a log entry is no place for megabytes."""
    if not isinstance(value, str) or (value.isascii() and len(value) <= MAX_TEXT):
        return value
    text = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… (+{len(text) - MAX_TEXT} characters)"


Text = Annotated[str, BeforeValidator(_clean)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.-]{0,39}$")]
Time = Annotated[AwareDatetime, AfterValidator(lambda time: time.astimezone(UTC))]


_ADDED_LATER = ("judgements", "subject", "verdict", "reviewer")


class Judgement(BaseModel):
    """What was measured of one text or one picture: enough to judge it again under other rules.

    `scores` has every category above 0. `marks` are the reasons that no score explains ("blocklist",
    "check_failed"). Numbers are in [0, 1], rounded down to four digits, so that one below a threshold of up to four
    digits stays below it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Stage
    action: Action
    unsafe: FiniteFloat = 0.0
    unread: FiniteFloat = 0.0
    scores: dict[Text, FiniteFloat] = {}
    marks: tuple[Text, ...] = ()
    models: tuple[Text, ...] = ()

    @classmethod
    def of(cls, decision: Decision) -> "Judgement":
        """Keep what `decision` rests on."""
        codes = dict.fromkeys(reason.code for reason in decision.reasons)
        scores = {name: _down(score) for name, score in decision.categories.items()}
        return cls(
            stage=decision.stage,
            action=decision.action,
            unsafe=_down(decision.unsafe),
            unread=_down(decision.unread),
            scores={name: score for name, score in scores.items() if score},
            marks=tuple(code for code in codes if code in {"blocklist", "check_failed"}),
            models=decision.models,
        )


def _down(score: float) -> float:
    near = round(score, 4)
    return near if near <= score else round(near - 1e-4, 4)


class AuditEntry(BaseModel):
    """One decision. `kind` is "generation", "edit", "mark", "moderation" ...; `stage` is where it ended.

    `scores` maps what took effect to its score in [0, 1]; `categories` are those the policy flagged; `judgements`
    have all scores, one for each text and picture that was looked at. Text longer than MAX_TEXT characters is
    cut, lone surrogates become U+FFFD: odd input must not keep a decision out of the record.

    An entry of kind VERDICT is what a person said of the entry with the index `subject`; `categories` then has the
    category of a harmful one, where it was named.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: Time
    request_id: Text
    kind: Word
    outcome: Outcome
    stage: Word | Literal[""] = ""
    action: Action | None = None
    categories: tuple[Text, ...] = ()
    scores: dict[Text, FiniteFloat] = {}
    reasons: tuple[Text, ...] = ()
    policy_version: Text = ""
    models: tuple[Text, ...] = ()
    generator: Text = ""
    generator_version: Text = ""
    record_ids: tuple[Text, ...] = ()
    tenant: Text = ""
    prompt_hash: Text | None = None
    detail: Text = ""
    judgements: tuple[Judgement, ...] = ()
    subject: NonNegativeInt | None = None
    verdict: Verdict | None = None
    reviewer: Text = ""

    def canonical(self) -> bytes:
        """Return the bytes that are hashed (module docstring)."""
        members = self.model_dump() | {"time": format_time(self.time), "schema": SCHEMA}
        for name in _ADDED_LATER:
            if members[name] == AuditEntry.model_fields[name].default:
                del members[name]
        return json.dumps(
            members, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        ).encode()

    @classmethod
    def from_canonical(cls, data: bytes) -> "AuditEntry":
        """Read canonical bytes back.

        Raises:
            AuditUnreadable: they are not an entry of schema 1.

        """
        try:
            members: Any = json.loads(data)
            if not isinstance(members, dict) or members.pop("schema", None) != SCHEMA:
                raise AuditUnreadable(
                    f"audit entry: got {data[:60]!r}, expected schema {SCHEMA}, verify the log"
                )
            return cls.model_validate(members)
        except (ValueError, RecursionError, ValidationError) as error:
            raise AuditUnreadable(
                f"audit entry: got {data[:60]!r}, expected the JSON of one entry, verify the log"
            ) from error
