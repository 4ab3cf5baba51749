"""What people said of decisions: verdicts from the log itself and from a CSV, joined with the scores recorded then.

A CSV has a header line. Columns: `index` (audit index) or `record_id` (of the picture), `verdict` ("harmless" or
"harmful"), optional `category` (what a harmful one was); for training also `text`, the prompt, which the log does not
hold. Other columns are passed over. Of two verdicts on one entry the later counts, the CSV after the log.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from classifiers.scores import CATEGORIES
from safety.audit_entry import VERDICT, AuditEntry, Judgement
from safety.decision import Action
from safety.errors import FeedbackInvalid


@dataclass(frozen=True, slots=True)
class Review:
    """A person's verdict on the entry `index`. `category` is None for a harmless one, or where none was named."""

    index: int
    harmful: bool
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One decision of the log with its numbers, and what a person said of it, if anything."""

    index: int
    action: Action
    judgements: tuple[Judgement, ...]
    review: Review | None


@dataclass(frozen=True, slots=True)
class Cases:
    """The decisions that can be compared: those whose scores come from the models in use last.

    `other_models` and `without_scores` count the ones left out.
    """

    cases: tuple[Case, ...]
    other_models: int
    without_scores: int


def reviews_in(entries: Iterable[tuple[int, AuditEntry]]) -> dict[int, Review]:
    """Give the verdicts that numbered `entries` hold, by the index of what they judge; the last one counts."""
    reviews = {}
    for _, entry in entries:
        if entry.kind == VERDICT and entry.subject is not None:
            category = entry.categories[0] if entry.categories else None
            reviews[entry.subject] = Review(entry.subject, entry.verdict == "harmful", category)
    return reviews


def read_reviews(lines: Iterable[str], where: str, index_of: "IndexOf") -> list[Review]:
    """Read verdicts from the lines of the CSV `where`.

    Raises:
        FeedbackInvalid: a column is missing, or a value is none of those above; names the line.

    """
    reviews = []
    for at, row in _rows(lines, where, "verdict"):
        category = row.get("category", "").strip() or None
        harmful = check_verdict(row["verdict"].strip().lower(), category, at)
        reviews.append(Review(index_of(row, at), harmful, category))
    return reviews


def read_texts(lines: Iterable[str], where: str, index_of: "IndexOf") -> list[tuple[int, str, str]]:
    """Read prompts from the lines of the CSV `where`: audit index, text, and where it stands.

    Raises:
        FeedbackInvalid: as for `read_reviews`.

    """
    return [(index_of(row, at), row["text"], at) for at, row in _rows(lines, where, "text")]


class IndexOf:
    """Finds the entry that a row of a CSV speaks of."""

    def __init__(self, size: int, records: Mapping[str, int]) -> None:
        """Take the number of entries in the log, and audit indices by record id."""
        self._size, self._records = size, records

    def __call__(self, row: Mapping[str, str], where: str) -> int:
        """Give the audit index that `index` or `record_id` of the row names.

        Raises:
            FeedbackInvalid: it names none.

        """
        given, record = row.get("index", "").strip(), row.get("record_id", "").strip()
        if given:
            if not given.isdecimal() or len(given) > 18 or int(given) >= self._size:
                raise FeedbackInvalid(
                    f"{where}: got index {given!r}, expected 0 to {self._size - 1}, the entries of the log"
                )
            return int(given)
        if record not in self._records:
            raise FeedbackInvalid(f"{where}: got record {record!r}, expected the id of a record in the log")
        return self._records[record]


def _rows(lines: Iterable[str], where: str, needed: str) -> Iterator[tuple[str, dict[str, str]]]:
    rows = csv.DictReader(lines, strict=True)
    try:
        columns = set(rows.fieldnames or ())
        if needed not in columns or not columns & {"index", "record_id"}:
            raise FeedbackInvalid(
                f"{where}: got columns {', '.join(sorted(columns)) or 'none'}, "
                f"expected index or record_id, and {needed}"
            )
        for row in rows:
            yield f"{where}, line {rows.line_num}", {k: v or "" for k, v in row.items() if k in columns}
    except csv.Error as error:
        raise FeedbackInvalid(f"{where}, line {rows.line_num}: not CSV ({error})") from error


def check_verdict(verdict: str, category: str | None, where: str) -> bool:
    """Say whether the verdict is "harmful".

    Raises:
        FeedbackInvalid: neither "harmless" nor "harmful", or a category that does not exist or goes with "harmless".

    """
    if verdict not in {"harmless", "harmful"}:
        raise FeedbackInvalid(f"{where}: got verdict {verdict!r}, expected harmless or harmful")
    if category is not None and category not in CATEGORIES:
        raise FeedbackInvalid(f"{where}: got category {category!r}, expected one of {', '.join(CATEGORIES)}")
    if category is not None and verdict == "harmless":
        raise FeedbackInvalid(
            f"{where}: got category {category!r} with harmless, expected it with harmful alone"
        )
    return verdict == "harmful"


def join(entries: Iterable[tuple[int, AuditEntry]], reviews: Mapping[int, Review]) -> Cases:
    """Pair numbered `entries` with their reviews.

    Scores of different models cannot be compared, so only entries count whose prompts and pictures were judged by
    the models that were in use last at that stage.
    """
    found, without = [], 0
    newest: dict[str, tuple[str, ...]] = {}
    for index, entry in entries:
        if entry.kind == VERDICT:
            continue
        if not entry.judgements or entry.action is None:
            without += 1
            continue
        newest.update((judged.stage, judged.models) for judged in entry.judgements)
        found.append(Case(index, entry.action, entry.judgements, reviews.get(index)))
    same = tuple(
        case for case in found if all(judged.models == newest[judged.stage] for judged in case.judgements)
    )
    return Cases(same, len(found) - len(same), without)
