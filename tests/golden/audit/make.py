"""Write the golden files of the audit log: `python tests/golden/audit/make.py` from the repository root.

Rewriting them changes the format that logs in use were written in: do it only with a new schema number.
"""

import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from safety.audit_entry import AuditEntry
from safety.report import build_report, to_csv, to_json
from service.stores import audit_sqlite

FOLDER = Path(__file__).parent
SEED = bytes(range(32))
START = datetime(2026, 11, 20, 22, 30, 0, 1, tzinfo=UTC)

ENTRIES = (
    AuditEntry(
        time=START,
        request_id="req_1",
        kind="generation",
        outcome="allowed",
        stage="marking",
        action="allow",
        scores={"sexual": 0.0125, "unsafe": 0.1},
        policy_version="default-1",
        models=("prompt-1", "image-text-1"),
        generator="builtin",
        generator_version="1",
        record_ids=("0123456789abcdef",),
        tenant="default",
        prompt_hash="ab" * 32,
    ),
    AuditEntry(
        time=START + timedelta(hours=1),
        request_id="req_2",
        kind="generation",
        outcome="blocked",
        stage="input",
        action="block",
        categories=("sexual", "public_figure"),
        scores={"sexual": 0.97, "public_figure": 1.0, "unsafe": 0.99},
        reasons=("threshold:sexual", "blocklist:naïve 画"),
        policy_version="default-1",
        models=("prompt-1",),
        tenant="default",
        prompt_hash="cd" * 32,
    ),
    AuditEntry(
        time=START + timedelta(hours=2),
        request_id="req_3",
        kind="edit",
        outcome="failed",
        stage="generation",
        generator='openai "west"\n',
        detail="\x00 upstream answered 500",
    ),
)


def export() -> str:
    """Return the export of a log of ENTRIES."""
    with TemporaryDirectory() as folder:
        log = audit_sqlite.create(Path(folder) / "audit.sqlite", signing_key=SEED, clock=lambda: START)
        for entry in ENTRIES:
            log.append(entry)
        stream = io.StringIO()
        log.export(stream)
        log.close()
    return stream.getvalue()


def files() -> dict[str, str]:
    """Return every golden file by name."""
    report = build_report(
        ENTRIES, date_from=date(2026, 11, 20), date_to=date(2026, 11, 21), generated_at=START, audit=None
    )
    return {
        "export.jsonl": export(),
        "report.json": to_json(report),
        "report.csv": to_csv(report),
    }


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text, "utf-8", newline="")
