"""`countermark review` and `countermark policy`: from a decision to a verdict to a policy of its own."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from classifiers.training.dataset import HEADS, load_rows, targets
from safety import Policy
from safety.audit_entry import AuditEntry, Judgement
from service.gateway import hash_prompt
from service.runtime import open_stores
from service.settings import Settings
from tests.unit.service.conftest import Run

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
Fill = Callable[..., None]


@pytest.fixture
def fill(tmp_path: Path) -> Fill:
    """Write decisions into a log: (action, scores) each, an hour apart, prompts "prompt 0" and so on."""

    def write(*decisions: tuple[Any, dict[str, float]]) -> None:
        keys, registry, log = open_stores(Settings(data_dir=tmp_path / "countermark-data"))
        for index, (action, scores) in enumerate(decisions):
            judged = Judgement(stage="input", action=action, scores=scores, models=("m@1",))
            log.append(
                AuditEntry(
                    time=NOON + timedelta(hours=index),
                    request_id=f"req_{index}",
                    kind="generation",
                    outcome="blocked" if action == "block" else "allowed",
                    stage="input" if action == "block" else "marking",
                    action=action,
                    categories=tuple(scores),
                    scores=scores,
                    judgements=(judged,),
                    record_ids=() if action == "block" else (f"{index:016x}",),
                    prompt_hash=hash_prompt(keys.prompt_hash, f"prompt {index}"),
                )
            )
        log.close()
        registry.close()

    return write


def _table(path: Path, *rows: dict[str, object]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_verdict_is_appended_and_takes_the_entry_off_the_list(run: Run, fill: Fill) -> None:
    fill(("allow", {}), ("review", {"hate": 0.4}), ("review", {"sexual": 0.5}), ("block", {"hate": 0.9}))
    waiting = json.loads(run("review", "list", "--json").out)
    assert [(row["index"], row["flagged"]) for row in waiting] == [(1, ["hate"]), (2, ["sexual"])]
    assert [row["index"] for row in json.loads(run("review", "list", "--action", "block", "--json").out)] == [
        3
    ]
    done = run(
        "review", "resolve", 1, "--verdict", "harmful", "--category", "hate", "--reviewer", "R. Viewer"
    )
    assert (done.status, done.out) == (0, "entry 4: entry 1 is harmful\n")
    text = run("review", "list").out
    assert "sexual 0.50" in text
    assert "1 without a verdict" in text
    assert run("audit", "verify").status == 0
    assert (
        run("review", "resolve", 1, "--verdict", "harmless").status == 0
    )  # a change of mind is another entry
    assert len(run("audit", "export").out.splitlines()) == 1 + 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((9, "--verdict", "harmless"), "the log has 2 entries"),
        ((0, "--verdict", "maybe"), "got verdict 'maybe'"),
        ((0, "--verdict", "harmful", "--category", "rude"), "got category 'rude'"),
        ((0, "--verdict", "harmless", "--category", "hate"), "with harmful alone"),
        ((1, "--verdict", "harmless"), "entry 1 is a verdict"),
    ],
)
def test_a_verdict_that_cannot_be_is_not_written(
    run: Run, fill: Fill, arguments: tuple[object, ...], words: str
) -> None:
    fill(("review", {"hate": 0.4}))
    assert run("review", "resolve", 0, "--verdict", "harmful").status == 0
    done = run("review", "resolve", *arguments)
    assert (done.status, words in done.err) == (2, True)
    assert len(run("audit", "export").out.splitlines()) == 1 + 2


def test_verdicts_do_not_count_as_requests_in_the_report(run: Run, fill: Fill) -> None:
    fill(("review", {"hate": 0.4}))
    run("review", "resolve", 0, "--verdict", "harmful")
    now = datetime.now(UTC).date().isoformat()
    report = json.loads(run("report", "--from", "2026-11-20", "--to", max(now, "2026-11-20"), "--json").out)
    assert sum(report["total"][name] for name in ("allowed", "blocked", "failed")) == 1


def test_judged_prompts_reach_training_as_the_trainers_read_them(
    run: Run, fill: Fill, tmp_path: Path
) -> None:
    fill(*[("review", {"hate": 0.4})] * 4)
    run("review", "resolve", 0, "--verdict", "harmful", "--category", "hate")
    run("review", "resolve", 1, "--verdict", "harmless")
    texts = _table(
        tmp_path / "texts.csv",
        {"record_id": f"{0:016x}", "index": "", "text": "prompt 0", "verdict": "harmful", "category": "hate"},
        {"index": 1, "text": "prompt 1", "verdict": "harmless"},
        {"index": 2, "text": "prompt 2", "verdict": "harmful"},
        {"index": 3, "text": "another prompt", "verdict": "harmful"},
    )
    done = run("review", "export", "reviews.jsonl", "--texts", texts)
    assert (done.status, "line 5: the text is not the prompt of entry 3" in done.err) == (2, True)
    rows = load_rows(tmp_path / "reviews.jsonl")
    assert [(row.text, row.source, row.harmless) for row in rows] == [
        ("prompt 0", "reviews", False),
        ("prompt 1", "reviews", True),
        ("prompt 2", "reviews", False),
    ]
    unsafe, hate = HEADS.index("unsafe"), HEADS.index("hate")
    wanted = [(float(targets(row)[0][unsafe]), float(targets(row)[0][hate])) for row in rows]
    assert wanted == [(1, 1), (0, 0), (1, 0)]
    assert all(targets(row)[1][unsafe] > 0 for row in rows)


def test_a_prompt_without_a_verdict_is_not_written(run: Run, fill: Fill, tmp_path: Path) -> None:
    fill(("review", {"hate": 0.4}))
    texts = _table(tmp_path / "texts.csv", {"index": 0, "text": "prompt 0"})
    done = run("review", "export", "reviews.jsonl", "--texts", texts)
    assert (done.status, "entry 0 has no verdict" in done.err) == (2, True)
    assert not (tmp_path / "reviews.jsonl").exists()


def test_tuning_writes_a_policy_of_another_name_and_leaves_the_old_one(
    run: Run, fill: Fill, tmp_path: Path
) -> None:
    fill(*[("allow", {})] * 28, *[("review", {"hate": 0.4})] * 12)
    verdicts = _table(tmp_path / "v.csv", *({"index": 28 + n, "verdict": "harmless"} for n in range(12)))
    done = run("policy", "tune", "--verdicts", verdicts, "--target-fpr", "0.1", "-o", "calmer.toml")
    assert done.status == 0, done.err
    assert "hate                     0.300 -> 0.401" in done.out
    new = Policy.load(tmp_path / "calmer.toml")
    assert new.name == "calmer"
    assert [band.threshold for band in new.categories["hate"].bands] == [0.401, 0.6]
    assert new.categories["sexual"] == Policy.default().categories["sexual"]
    text = (tmp_path / "calmer.toml").read_text()
    assert f"from {Policy.default().version}" in text
    again = run("policy", "tune", "--verdicts", verdicts, "--target-fpr", "0.1", "-o", "calmer.toml")
    assert (again.status, "not changed in place" in again.err) == (2, True)
    assert (tmp_path / "calmer.toml").read_text() == text

    what = json.loads(run("policy", "what-if", "--policy", "calmer.toml", "--json").out)
    assert (what["replayed"], what["changed"]) == (40, 12)
    assert what["policy_version"] == new.version
    shown = run("policy", "what-if", "--policy", "calmer.toml").out
    assert "review -> allow         12  hate  (entries 28, 29, 30, 31, 32, ...)" in shown


def test_verdicts_in_the_log_count_without_a_csv(run: Run, fill: Fill, tmp_path: Path) -> None:
    fill(*[("allow", {})] * 25, *[("review", {"hate": 0.4})] * 5)
    few = run("policy", "tune", "--target-fpr", "0.2", "-o", "p.toml")
    assert run("review", "resolve", 30, "--verdict", "harmless").status == 2
    assert (few.status, "verdicts on 4 of the 5 under review, got 0" in few.err) == (2, True)
    for index in range(25, 30):
        assert run("review", "resolve", index, "--verdict", "harmless").status == 0
    on_a_verdict = _table(tmp_path / "v.csv", {"index": 30, "verdict": "harmless"})
    done = run("policy", "tune", "--target-fpr", "0.2", "-o", "p.toml", "--verdicts", on_a_verdict, "--json")
    document = json.loads(done.out)
    assert (document["verdicts"], document["verdicts_left_out"]) == (5, 1)
    assert document["from"] == Policy.default().version
    hate = next(row for row in document["rules"] if row["category"] == "hate")
    assert hate["fpr_before"][0] == pytest.approx(1 / 6)
    assert (document["policy"], hate["after"]) == (None, 0.3)


def test_too_few_requests_say_how_many_it_takes_and_nothing_is_written(
    run: Run, fill: Fill, tmp_path: Path
) -> None:
    fill(("review", {"hate": 0.4}))
    done = run("policy", "tune", "--target-fpr", "0.01", "-o", "p.toml")
    assert (done.status, "at least 369 harmless requests" in done.err) == (2, True)
    assert not (tmp_path / "p.toml").exists()


def test_where_no_threshold_changes_nothing_is_written(run: Run, fill: Fill, tmp_path: Path) -> None:
    fill(*[("allow", {})] * 20)
    done = run("policy", "tune", "--target-fpr", "0.2", "-o", "p.toml")
    assert (done.status, "nothing was written" in done.out) == (0, True)
    assert not (tmp_path / "p.toml").exists()


@pytest.mark.parametrize("name", ["default.toml", "bad name.toml", "ünï.toml"])
def test_a_name_that_cannot_be_is_refused(run: Run, fill: Fill, tmp_path: Path, name: str) -> None:
    fill(("allow", {}))
    done = run("policy", "tune", "--target-fpr", "0.2", "-o", name)
    assert (done.status, "name of the new policy" in done.err) == (2, True)


def test_what_if_looks_at_the_days_asked_for(run: Run, fill: Fill, tmp_path: Path) -> None:
    fill(*[("allow", {"violence": 0.3})] * 30)  # from noon: 12 on the first day, 18 on the second
    (tmp_path / "strict.toml").write_text(
        "schema_version = 1\n[categories.violence]\nthreshold=0.2\naction='block'\n"
    )
    for days, count in (((), 30), (("--to", "2026-11-20"), 12), (("--from", "2026-11-21"), 18)):
        done = run("policy", "what-if", "--policy", "strict.toml", *days, "--json")
        assert json.loads(done.out)["changed"] == count
    assert json.loads(done.out)["by_category"][0]["examples"][0] == 12
    assert run("policy", "what-if", "--policy", "strict.toml", "--from", "2026-12-01").status == 2
    assert run("policy", "what-if", "--policy", "none.toml").status == 2


def test_an_auditor_checks_an_export_and_a_proof_with_the_public_key_alone(
    run: Run, fill: Fill, tmp_path: Path
) -> None:
    fill(("allow", {}), ("review", {"hate": 0.4}))
    key = run("audit", "key").out.strip()
    run("audit", "export", "log.jsonl")
    (tmp_path / "proof.json").write_text(run("audit", "prove", 1).out)
    for file in ("log.jsonl", "proof.json"):
        done = run("audit", "check", file, "--key", key, "--json")
        assert (done.status, json.loads(done.out)["ok"]) == (0, True)
        text = (tmp_path / file).read_text()
        (tmp_path / file).write_text(text.replace("req_1", "req_2"))
        done = run("audit", "check", file, "--key", key)
        assert (done.status, done.out.split(":")[0]) == (1, "BROKEN")
    assert run("audit", "check", "log.jsonl", "--key", "x").status == 2
    other = key[:-4] + ("AAA=" if key[-4:] != "AAA=" else "BBB=")
    assert run("audit", "check", "log.jsonl", "--key", other).status == 2
    (tmp_path / "note.txt").write_text("hello")
    assert run("audit", "check", "note.txt", "--key", key).status == 2
    assert run("audit", "check", "none", "--key", key).status == 2
