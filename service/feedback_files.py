"""The log as feedback reads it: numbered entries, entries by record id, judged prompts as rows for training."""

import hmac
from collections.abc import Iterator
from typing import Any

from safety.audit_entry import AuditEntry
from safety.feedback import IndexOf, Review
from service.gateway import hash_prompt
from service.stores import AuditStore

SOURCE = "reviews"  # name of the source in training data


def numbered(log: AuditStore) -> Iterator[tuple[int, AuditEntry]]:
    """Yield all entries with their audit index."""
    return enumerate(log.entries())


def row_finder(log: AuditStore) -> IndexOf:
    """Return what finds the entry that a row of a CSV speaks of."""
    records = {record: index for index, entry in numbered(log) for record in entry.record_ids}
    return IndexOf(log.size(), records)


def training_row(
    entry: AuditEntry, index: int, text: str, review: Review | None, key: bytes
) -> dict[str, Any]:
    """Return the row that the trainers read (classifiers.training.dataset).

    A harmful prompt without a category is labelled "unsafe": it says nothing about any category.

    Raises:
        ValueError: there is no verdict on the entry, or the text is not the prompt that the entry was about.

    """
    if review is None:
        raise ValueError(f"entry {index} has no verdict; record one with `countermark review resolve`")
    if entry.prompt_hash is None or not hmac.compare_digest(entry.prompt_hash, hash_prompt(key, text)):
        raise ValueError(f"the text is not the prompt of entry {index}: its hash is another")
    return {
        "text": text,
        "labels": [review.category or "unsafe"] if review.harmful else [],
        "safe": not review.harmful,
        "source": SOURCE,
        "meta": {"audit_index": index},
    }
