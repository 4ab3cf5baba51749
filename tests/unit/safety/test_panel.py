"""What follows when a classifier is missing, late or wrong, and how several of them decide together."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from classifiers import CATEGORIES, ClassifierUnavailable, PromptClassifier, Scores
from classifiers.scores import EVERYTHING
from safety import CannotDecide, Guard, Policy, PolicyInvalid
from safety.deadline import MAX_OVERDUE, TimedOut
from safety.errors import CheckMissing

PICTURE = np.full((64, 64, 3), 255, np.uint8)
LATE = 0.02  # seconds: how long a classifier that hangs is waited for here
NAMES = frozenset({"trademark", "artist_style", "public_figure"})


def _scores(unsafe: float = 0.0, **fields: Any) -> Scores:
    named = fields.pop("categories", {})
    return Scores(unsafe, dict.fromkeys(CATEGORIES, 0.0) | named, fields.pop("model", "m@1"), **fields)


@dataclass
class Fixed:
    answer: Scores
    model: str = "fixed@1"
    seen: list[str] = field(default_factory=list)

    def score(self, subject: Any) -> Scores:
        if isinstance(subject, str):
            self.seen.append(subject)
        return self.answer


@dataclass
class Broken:
    model: str = "broken@1"

    def score(self, subject: Any) -> Scores:
        raise RuntimeError("here is the prompt: secret")


@dataclass
class Hanging:
    """Waits until the test opens the gate."""

    model: str = "hanging@1"
    gate: threading.Event = field(default_factory=threading.Event)
    calls: int = 0

    def score(self, subject: Any) -> Scores:
        self.calls += 1
        self.gate.wait()
        return _scores()


@dataclass
class Reader:
    """An image classifier that judges a fixed text in every picture."""

    prompt_classifier: PromptClassifier
    text: str

    @property
    def model(self) -> str:
        return f"reader({self.prompt_classifier.model})"

    def score(self, image: NDArray[np.uint8]) -> Scores:
        whole = self.prompt_classifier.score(self.text)
        return Scores(whole.unsafe, whole.categories, self.model, (self.text,), found=whole.found)


def reader(prompt_classifier: PromptClassifier, text: str = "buy nike") -> Reader:
    return Reader(prompt_classifier, text)


def absent() -> Fixed:
    raise ClassifierUnavailable("image classifier 'absent': got no acme, expected it; install it")


def fixed(unsafe: float) -> Fixed:
    return Fixed(_scores(unsafe))


def _policy(folder: Path, checks: str = "") -> Policy:
    path = folder / "p.toml"
    path.write_text("schema_version = 1\n[checks]\n" + checks, encoding="utf-8")
    return Policy.load(path)


FINE = Fixed(_scores(0.1), "fine@1")


def test_several_prompt_classifiers_decide_together_and_each_is_named() -> None:
    names = Fixed(
        _scores(categories={"trademark": 1.0}, found={"trademark": ("Nike",)}, knows=NAMES), "names@1"
    )
    decision = Guard(None, [FINE, names], []).check_prompt("nike shoes")
    assert decision.flagged == ("trademark",)
    assert decision.unsafe == 0.1
    assert decision.models == ("m@1", "m@1")
    assert decision.reasons[0].text == (
        "trademark scored 1.00 (Nike), at or over the threshold 0.50 for annotate"
    )


def test_names_with_braces_and_long_lists_are_told_as_they_are() -> None:
    found = {"trademark": ("{0}", "B", "C", "D", "E")}
    names = Fixed(_scores(categories={"trademark": 1.0}, found=found))
    (reason,) = Guard(None, [names], []).check_prompt("x").reasons
    assert "({0}, B, C and 2 more)" in reason.text


def test_the_mean_can_be_asked_for() -> None:
    both = [Fixed(_scores(0.8)), Fixed(_scores(0.2))]
    assert Guard(None, both, []).check_prompt("x").unsafe == 0.8
    assert Guard(None, both, [], combine="mean").check_prompt("x").unsafe == pytest.approx(0.5)


@pytest.mark.parametrize("faulty", [Broken(), Fixed(_scores(1.5), "nonsense@1")], ids=lambda one: one.model)
def test_by_default_any_failure_refuses(faulty: Any) -> None:
    with pytest.raises(CannotDecide) as caught:
        Guard(None, [FINE, faulty], []).check_prompt("x")
    assert "secret" not in str(caught.value)
    with pytest.raises(CannotDecide):
        Guard(None, [FINE], [FINE, faulty]).check_image(PICTURE)


def test_where_the_policy_says_so_a_failure_leads_to_review(tmp_path: Path) -> None:
    guard = Guard(_policy(tmp_path, 'on_failure = "review"'), [FINE, Broken()], [Broken()])
    decision = guard.check_prompt("x")
    assert decision.action == "review"
    assert [reason.code for reason in decision.reasons] == ["check_failed"]
    assert "broken" in decision.reasons[0].text
    assert guard.check_image(PICTURE).action == "review"


def test_a_required_check_that_fails_refuses_all_the_same(tmp_path: Path) -> None:
    policy = _policy(tmp_path, 'on_failure = "review"\nrequired = ["broken"]')
    with pytest.raises(CannotDecide, match="broken"):
        Guard(policy, [FINE, Broken()], []).check_prompt("x")


def test_a_prompt_that_nobody_judged_for_harm_is_refused_whatever_the_policy_says(tmp_path: Path) -> None:
    policy, names = _policy(tmp_path, 'on_failure = "review"'), Fixed(_scores(knows=NAMES), "names@1")
    for prompts in ([names], [names, Broken()], []):
        with pytest.raises(CannotDecide, match="no judgement of harm"):
            Guard(policy, prompts, []).check_prompt("x")


def test_a_classifier_that_hangs_is_given_up_and_does_not_gather_threads() -> None:
    hanging = Hanging()
    guard = Guard(None, [FINE, hanging], [], timeout_s=LATE)
    for _ in range(MAX_OVERDUE):
        with pytest.raises(
            CannotDecide, match=r"hanging: got no answer, expected one within 0\.02 s"
        ) as caught:
            guard.check_prompt("x")
        assert isinstance(caught.value.__cause__, TimedOut)
    threads = threading.active_count()
    for _ in range(20):
        with pytest.raises(CannotDecide, match="still hang"):
            guard.check_prompt("x")
    assert (hanging.calls, threading.active_count()) == (MAX_OVERDUE, threads)
    hanging.gate.set()


def test_a_failure_beside_a_classifier_that_hangs_does_not_hide_it() -> None:
    hanging = Hanging()
    guard = Guard(None, [Broken(), hanging], [], timeout_s=LATE)
    for _ in range(MAX_OVERDUE + 5):
        with pytest.raises(CannotDecide):
            guard.check_prompt("x")
    assert hanging.calls == MAX_OVERDUE
    hanging.gate.set()


def test_a_check_that_is_not_installed_is_told_and_the_others_go_on() -> None:
    name = f"{__name__}:absent"
    guard = Guard(None, [FINE], [FINE, name])
    assert guard.check_image(PICTURE).action == "allow"
    assert guard.missing == {name: "image classifier 'absent': got no acme, expected it; install it"}
    assert guard.models["output"] == ("fine@1",)


def test_without_a_check_that_the_policy_requires_nothing_starts(tmp_path: Path) -> None:
    name = f"{__name__}:absent"
    guard = Guard(_policy(tmp_path, f'required = ["{name}"]'), [FINE], [name])
    with pytest.raises(CheckMissing, match="required by the policy, but it cannot be built: .*install it"):
        guard.warm_up()
    with pytest.raises(CannotDecide):
        guard.check_image(PICTURE)


def test_a_required_check_that_nobody_asked_for_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="got 'image_nudty', expected one of the classifiers in use"):
        Guard(_policy(tmp_path, 'required = ["image_nudty"]'), [FINE], [])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("prompt_typo", {}, "expected one of"),
        (f"{__name__}:fixed", {}, "missing a required argument: 'unsafe'"),
        (f"{__name__}:fixed", {"unsafe": 0, "more": 1}, "more"),
    ],
)
def test_a_mistake_in_what_was_asked_for_is_never_passed_over(
    name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(CheckMissing, match=message):
        Guard(None, [FINE, name], [], options={name: options}).check_prompt("x")


def test_options_reach_the_plug_in_they_are_for() -> None:
    name = f"{__name__}:fixed"
    assert Guard(None, [name], [], options={name: {"unsafe": 0.25}}).check_prompt("x").unsafe == 0.25


def test_text_in_a_picture_is_judged_by_all_prompt_classifiers_and_the_allowlist(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('schema_version = 1\n[lists]\nallow = ["naked mole rat"]\n')
    names = Fixed(
        _scores(categories={"trademark": 1.0}, found={"trademark": ("Nike",)}, knows=NAMES), "names@1"
    )
    name = f"{__name__}:reader"
    options = {name: {"text": "nike and a naked mole rat"}}
    guard = Guard(Policy.load(tmp_path / "p.toml"), [FINE, names], [name], options=options)
    decision = guard.check_image(PICTURE)
    assert decision.flagged == ("trademark",)
    assert "Nike" in decision.reasons[0].text
    assert "naked" not in names.seen[0]
    assert decision.models == ("reader(fine@1+names@1)",)


def test_text_in_a_picture_that_a_prompt_classifier_cannot_judge_is_no_judged_picture(tmp_path: Path) -> None:
    policy = _policy(tmp_path, 'on_failure = "review"')
    decision = Guard(policy, [FINE, Broken()], [f"{__name__}:reader"]).check_image(PICTURE)
    assert decision.action == "review"
    assert "reader" in decision.reasons[0].text


def test_unread_is_what_all_judges_of_language_agree_on() -> None:
    reads = EVERYTHING | {"unread"}
    deaf, polyglot = Fixed(_scores(unread=0.9, knows=reads)), Fixed(_scores(unread=0.0, knows=reads))
    names = Fixed(_scores(knows=NAMES))
    assert Guard(None, [deaf, names], []).check_prompt("x").action == "review"
    assert Guard(None, [deaf, polyglot, names], []).check_prompt("x").action == "allow"


def test_many_threads_share_one_guard() -> None:
    guard, wrong = Guard(None, [FINE, Fixed(_scores(0.7))], [FINE]), []

    def work() -> None:
        found = [(guard.check_prompt("x").unsafe, guard.check_image(PICTURE).unsafe) for _ in range(50)]
        wrong.extend(pair for pair in found if pair != (0.7, 0.1))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
