"""Judge a prompt by OpenAI's moderation endpoint, or by a server that speaks its format.

    POST {base_url}/moderations   {"model": "omni-moderation-latest", "input": ["text", ...]}
    200  {"results": [{"category_scores": {"violence": 0.98, ...}, ...}, ...], ...}

Every prompt leaves this machine. A category's score is the service's own number, the highest over all windows of a
long text; `unsafe` is the highest of its thirteen. They are not calibrated to our thresholds and change when OpenAI
changes the model, so choose the policy's bands on a sample of your own. The answer's `flagged` is not read: what
follows from a score is the policy's. Any answer but a whole and sound one is an error, never a score.

Tested against a local server of the documented format (request and answer types of openai-python 3.54). Not tested
against OpenAI's service.
"""

import itertools
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from classifiers.errors import OptionsInvalid
from classifiers.remote import TIMEOUT_S, RemoteService, load_key, read_share
from classifiers.remote_input import clean_text, windows
from classifiers.scores import HARMS, Scores, no_scores

BASE_URL: Final = "https://api.openai.com/v1"
MODEL: Final = "omni-moderation-latest"
PATH: Final = "moderations"
SCORED: Final = HARMS
"""What the service scores in texts."""
WINDOW: Final = 2000
"""Characters; OpenAI's guide for its earlier models asked for chunks below that for long texts, and names no limit."""
BATCH: Final = 16
"""Windows a request. The number that the service takes is not documented."""


class OpenAIPromptClassifier:
    """Scores a text by the service. Thread-safe."""

    def __init__(self, service: RemoteService, model: str) -> None:
        self._service, self._asked = service, model
        self.model: str = f"prompt_openai({model})"

    def score(self, text: str) -> Scores:
        """Score any `text`; a blank one is not sent and scores 0.

        Raises:
            RemoteFailed: the service did not answer in time with all scores.

        """
        batches = list(_batches(windows(clean_text(text), WINDOW)))
        bodies = ({"model": self._asked, "input": batch} for batch in batches)
        levels = dict.fromkeys(SCORED, 0.0)
        answers = self._service.ask(PATH, bodies) if batches else []
        for batch, answer in zip(batches, answers, strict=True):
            for result in read_results(self._service, answer, len(batch)):
                for name, level in read_scores(self._service, result, SCORED).items():
                    levels[name] = max(levels[name], level)
        return Scores(
            unsafe=max(levels.values()),
            categories=no_scores() | levels,
            model=self.model,
            knows=frozenset({"unsafe", *SCORED}),
        )


def open_service(
    name: str, base_url: str, api_key: str, api_key_file: str, model: str, timeout_s: float
) -> RemoteService:
    """Give the service, checked but not asked.

    Raises:
        OptionsInvalid: an option is missing or cannot be right.

    """
    key = load_key(name, api_key, api_key_file)
    if not isinstance(model, str) or not model.isprintable() or not model.strip():
        raise OptionsInvalid(
            f"{name}, model: got {model!r}, expected the name of a moderation model; correct it"
        )
    return RemoteService(name, base_url, {"Authorization": f"Bearer {key}"}, timeout_s)


def read_results(service: RemoteService, answer: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Give the answer's results, one for each of `count` inputs.

    Raises:
        RemoteFailed: there are more, fewer, or none.

    """
    results = answer.get("results")
    if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
        raise service.unusable("no list of results", "one result for each input")
    if len(results) != count:
        raise service.unusable(f"{len(results)} results for {count} inputs", "one for each")
    return results


def read_scores(service: RemoteService, result: dict[str, Any], wanted: Collection[str]) -> dict[str, float]:
    """Give the scores of `wanted` in one result.

    Raises:
        RemoteFailed: one of them is missing or not in [0, 1].

    """
    given = result.get("category_scores")
    levels: dict[str, float] = {}
    for name in wanted:
        level = read_share(given.get(name)) if isinstance(given, dict) else None
        if level is None:
            raise service.unusable(
                f"no score in [0, 1] for {name!r}", f"one for each of {len(wanted)} categories"
            )
        levels[name] = level
    return levels


def _batches(texts: Iterator[str]) -> Iterator[Sequence[str]]:
    while batch := list(itertools.islice(texts, BATCH)):
        yield batch


def create_prompt(
    api_key: str = "",
    api_key_file: str = "",
    base_url: str = BASE_URL,
    model: str = MODEL,
    timeout_s: float = TIMEOUT_S,
) -> OpenAIPromptClassifier:
    """Build the classifier; sends nothing yet.

    Args:
        api_key: the key itself, or
        api_key_file: a file that holds nothing else.
        base_url: ends with the API's version part; https, or http to this machine.
        model: what to ask for; a dated name keeps scores from changing under a policy.
        timeout_s: seconds for one text, all its windows included.

    Raises:
        OptionsInvalid: an option is missing or cannot be right.

    """
    service = open_service("prompt_openai", base_url, api_key, api_key_file, model, timeout_s)
    return OpenAIPromptClassifier(service, model)
