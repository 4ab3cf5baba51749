"""What can go wrong while deciding or recording.

    SafetyError
    ├── CannotDecide               a classifier failed, was late or answered nonsense: refuse the request
    │   └── CheckMissing           a classifier that must be there cannot be built: do not start
    ├── PolicyInvalid              a policy file cannot be read or says something impossible
    ├── AuditError
    │   ├── AuditAppendFailed      the entry is not safely in the log: refuse the request
    │   ├── AuditUnreadable        the log (or one entry of it) cannot be read at all
    │   ├── AuditKeyInvalid        the signing key is not 32 bytes of Ed25519 seed
    │   └── CheckpointMalformed    a text is not one of our checkpoints
    ├── FeedbackInvalid            a verdict or a target for tuning that cannot be used
    │   └── TooFewVerdicts         the target cannot be shown with them: nothing is changed
    └── ReportRangeInvalid         the days of a report are out of order or too many

A negative verdict is never an exception: a log that was tampered with is an `AuditReport` with ok = False.
"""

from typing import Literal


class SafetyError(Exception):
    """Root of the tree above."""


class CannotDecide(SafetyError):
    """No decision was reached; the caller must refuse and record that. `stage` is "input" or "output"."""

    def __init__(self, message: str, *, stage: Literal["input", "output"]) -> None:
        super().__init__(message)
        self.stage = stage


class CheckMissing(CannotDecide):
    """A classifier that the policy requires, or that was asked for in a way that cannot work, cannot be built."""


class PolicyInvalid(SafetyError):
    """A policy file cannot be read or says something impossible; the message names the entry."""


class AuditError(SafetyError):
    """The record of decisions could not be kept or read."""


class AuditAppendFailed(AuditError):
    """The entry is not safely in the log; the caller must refuse what it was about to do."""


class AuditUnreadable(AuditError):
    """The log or one entry of it cannot be read; the message names the index where it is known."""


class AuditKeyInvalid(AuditError):
    """The signing key does not have the form of an Ed25519 seed."""


class CheckpointMalformed(AuditError):
    """A text does not have the form of a checkpoint; whether its signature holds is another question."""


class FeedbackInvalid(SafetyError):
    """A reviewer's verdict, or a target that thresholds should meet, cannot be used; the message names the line."""


class TooFewVerdicts(FeedbackInvalid):
    """The verdicts do not show what was asked for; the message says how many it takes."""


class ReportRangeInvalid(SafetyError):
    """The days asked for are out of order or too many for one report."""
