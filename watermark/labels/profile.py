"""Profiles: one TOML file a jurisdiction, and the plan of marking that several of them make together.

A profile never weakens another: texts and fields add up, the larger share wins.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

from watermark.errors import MetadataError

Level = Literal["must", "should", "may"]
LEVELS: Final = ("must", "should", "may")


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that a file can be looked at for.

    Attributes:
        id: stable within its profile, `measure-1.1.2`.
        cite: where the rule says so.
        asks: what it asks, in one sentence.
        check: name of the check that answers it (`service.compliance_checks`).
        level: `must` decides the verdict; `should` (encouraged) and `may` (optional) are reported only.
        remedy: what to do where it is missing.
        unconfirmed: what of this clause was not read in its source, or an empty text.
        words: regular expression that a visible label must match; empty: any wording that says AI.
        height_share: least height of its letters, of the shortest side.
        unread: why a label that is there may escape the reader of visible labels, or an empty text.

    """

    id: str
    cite: str
    asks: str
    check: str
    level: Level
    remedy: str
    unconfirmed: str = ""
    words: str = ""
    height_share: float = 0.0
    unread: str = ""


@dataclass(frozen=True, slots=True)
class VisibleRule:
    """The label for people: `text`, at least `height_share` of the shortest side high."""

    text: str
    height_share: float


@dataclass(frozen=True, slots=True)
class Profile:
    """One jurisdiction's rules.

    Attributes:
        name: as in settings and on the command line.
        title: of the rule.
        in_force: date or dates, in words.
        visible: what marking draws, or None.
        aigc: True when marking writes China's AIGC label.
        clauses: what can be seen in one file.
        elsewhere: duties that no file can show; listed so that a clean report is not taken for all of them.
        unconfirmed: what was not read in its source.

    """

    name: str
    title: str
    in_force: str
    visible: VisibleRule | None
    aigc: bool
    clauses: tuple[Clause, ...]
    elsewhere: tuple[str, ...]
    unconfirmed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelPlan:
    """What marking does for a combination of profiles, beyond what every mark carries.

    Attributes:
        profiles: their names, in the order given, each once.
        texts: lines of the visible label; none: nothing is drawn.
        height_share: the largest that any of them asks for.
        aigc: whether the AIGC label is written.

    """

    profiles: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    height_share: float = 0.0
    aigc: bool = field(default=False)


@cache
def profile_names() -> tuple[str, ...]:
    """Name the profiles that there are, sorted."""
    return tuple(
        sorted(file.name[:-5] for file in files(__package__).iterdir() if file.name.endswith(".toml"))
    )


@cache
def load_profile(name: str) -> Profile:
    """Read one profile.

    Raises:
        MetadataError: there is none of this name.

    """
    if name not in profile_names():
        raise MetadataError(f"label profile: got {name[:40]!r}, expected one of {', '.join(profile_names())}")
    return _parse(name, tomllib.loads((files(__package__) / f"{name}.toml").read_text("utf-8")))


def plan_labels(names: Iterable[str]) -> LabelPlan:
    """Combine profiles.

    Raises:
        MetadataError: a name is unknown.

    """
    profiles = [load_profile(name) for name in dict.fromkeys(names)]
    rules = [profile.visible for profile in profiles if profile.visible]
    return LabelPlan(
        profiles=tuple(profile.name for profile in profiles),
        texts=tuple(dict.fromkeys(rule.text for rule in rules)),
        height_share=max((rule.height_share for rule in rules), default=0.0),
        aigc=any(profile.aigc for profile in profiles),
    )


def _parse(name: str, table: Mapping[str, Any]) -> Profile:
    """Build a profile; a key that is missing or not known is our own mistake and raises at the first use."""
    known = {"title", "in_force", "visible", "aigc", "clause", "elsewhere", "unconfirmed"}
    if unknown := table.keys() - known:
        raise MetadataError(f"label profile {name}: got keys {sorted(unknown)}, expected {sorted(known)}")
    clauses = tuple(Clause(**clause) for clause in table["clause"])
    if wrong := [clause.id for clause in clauses if clause.level not in LEVELS]:
        raise MetadataError(f"label profile {name}: level of {wrong}, expected one of {', '.join(LEVELS)}")
    return Profile(
        name=name,
        title=table["title"],
        in_force=table["in_force"],
        visible=VisibleRule(**table["visible"]) if "visible" in table else None,
        aigc=table.get("aigc", False),
        clauses=clauses,
        elsewhere=tuple(table.get("elsewhere", ())),
        unconfirmed=tuple(table.get("unconfirmed", ())),
    )
