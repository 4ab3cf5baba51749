"""Write the golden reports: `python -m tests.golden.verification.make` from the repository root.

They are what the page is tested with, and what programs of others read: a field may appear, none may change its
meaning or disappear without a new `schema_version`.
"""

from pathlib import Path

from service.verification import judge
from service.verification_report import VerificationReport
from tests.golden.verification.cases import cases

FOLDER = Path(__file__).parent
HOSTILE_SOURCE = FOLDER / "hostile-text.json"  # written by hand: no step of ours lets such text through


def files() -> dict[str, str]:
    """Return every golden report by file name; the hostile one is only brought to the present fields."""
    reports = {name: judge(case) for name, case in cases().items()}
    reports["hostile-text"] = VerificationReport.model_validate_json(HOSTILE_SOURCE.read_text("utf-8"))
    return {f"{name}.json": report.model_dump_json(indent=2) + "\n" for name, report in reports.items()}


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text, "utf-8")
