"""The answer of `countermark comply` and `POST /v1/comply`: one row a clause, with evidence and what to do.

A satisfied profile says that the file has what the clauses ask for, as far as they were read; it is no legal advice.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["satisfied", "missing", "cannot_be_judged"]
Level = Literal["must", "should", "may"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class ClauseResult(_Part):
    """What one clause asks, and what of it is in the file."""

    id: str
    cite: str
    asks: str
    level: Level = Field(description="only `must` decides the verdict of the profile")
    status: Status
    evidence: str = Field(description="what was found, or why nothing can be said")
    remedy: str | None = Field(None, description="what to do; given unless the clause is satisfied")
    unconfirmed: str | None = Field(None, description="what of the clause was not read in its source")


class ProfileResult(_Part):
    """One profile: `missing` when a `must` is missing, `cannot_be_judged` when one cannot be judged."""

    profile: str
    title: str
    in_force: str
    status: Status
    clauses: list[ClauseResult]
    elsewhere: list[str] = Field(description="duties that no file can show; not part of the status")
    unconfirmed: list[str] = Field(description="what was not read in its source")


class ComplianceReport(_Part):
    """One picture against some profiles; `status` is the worst of theirs, `missing` before `cannot_be_judged`."""

    schema_version: Literal["1"] = "1"
    sha256: str
    format: str
    width: int
    height: int
    status: Status
    summary: str
    profiles: list[ProfileResult]
    disclaimer: str = (
        "This compares one file with a short reading of the rules. It is no legal advice, and duties that no file can "
        "show are not judged."
    )


def worst(statuses: list[Status]) -> Status:
    """Return `missing` where any is, else `cannot_be_judged` where any is, else `satisfied`."""
    if "missing" in statuses:
        return "missing"
    return "cannot_be_judged" if "cannot_be_judged" in statuses else "satisfied"
