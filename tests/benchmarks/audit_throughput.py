"""Speed of the SQLite audit log, fsync real: `python -m tests.benchmarks.audit_throughput [FOLDER]`.

Prints one line a figure; the folder (default: here) decides which disk is measured.
"""

import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from safety.audit_entry import AuditEntry
from service.stores import audit_sqlite
from service.stores.audit_sqlite import AuditLog

ROWS = 100_000
SEED = b"k" * 32


def entry(number: int) -> AuditEntry:
    """Return an entry of the size that the gateway writes (about 650 bytes)."""
    return AuditEntry(
        time=datetime.now(UTC),
        request_id=f"req_{number:024}",
        kind="generation",
        outcome="allowed",
        stage="marking",
        action="allow",
        scores={"sexual": 0.0123, "violence": 0.02, "hate": 0.001, "unsafe": 0.0345},
        policy_version="default-2026-11",
        models=("prompt-tfidf-1", "image-text-1"),
        generator="builtin",
        generator_version="0.1.0",
        record_ids=("0123456789abcdef",),
        tenant="default",
        prompt_hash="ab" * 32,
    )


def append(log: AuditLog, count: int) -> None:
    """Append `count` entries."""
    for number in range(count):
        log.append(entry(number))


def main(folder: str) -> None:
    """Fill a log with ROWS entries, by one thread and by four, then verify, reopen and read it."""
    with TemporaryDirectory(dir=folder) as scratch:
        path = Path(scratch) / "audit.sqlite"
        log = audit_sqlite.create(path, signing_key=SEED)
        start = time.perf_counter()
        append(log, ROWS // 2)
        print(f"append, 1 thread:   {ROWS / 2 / (time.perf_counter() - start):8.0f} entries/s")
        threads = [threading.Thread(target=append, args=(log, ROWS // 8)) for _ in range(4)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"append, 4 threads:  {ROWS / 2 / (time.perf_counter() - start):8.0f} entries/s")
        log.close()
        size = sum(file.stat().st_size for file in path.parent.iterdir())
        print(f"on disk:            {size / ROWS:8.0f} bytes an entry")
        log = audit_sqlite.create(path, signing_key=SEED)
        start = time.perf_counter()
        log.append(entry(0))
        print(f"first append after opening {ROWS} entries: {time.perf_counter() - start:.2f} s")
        start = time.perf_counter()
        report = log.verify()
        print(f"verify {report.size} entries: {time.perf_counter() - start:.2f} s, ok = {report.ok}")
        start = time.perf_counter()
        log.prove(ROWS // 3)
        print(f"prove one entry:    {time.perf_counter() - start:8.2f} s")
        start = time.perf_counter()
        count = sum(1 for _ in log.entries())
        print(f"read {count} entries:  {time.perf_counter() - start:.2f} s")
        log.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".")
