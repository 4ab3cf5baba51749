"""Decisions and their record: policy, guard, audit log, moderation reports."""
