"""Decisions and their record: policy, guard, audit log, moderation reports."""

from safety.decision import Action, Decision, Reason, Stage
from safety.errors import CannotDecide, PolicyInvalid, SafetyError
from safety.guard import Guard
from safety.policy import Policy

__all__ = [
    "Action",
    "CannotDecide",
    "Decision",
    "Guard",
    "Policy",
    "PolicyInvalid",
    "Reason",
    "SafetyError",
    "Stage",
]
