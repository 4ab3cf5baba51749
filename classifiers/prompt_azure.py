"""Judge a prompt by Azure AI Content Safety, version 2023-10-01 of its REST API.

    POST {endpoint}/contentsafety/text:analyze?api-version=2023-10-01
         {"text": "...", "categories": ["Hate", ...], "outputType": "EightSeverityLevels"}
    200  {"categoriesAnalysis": [{"category": "Hate", "severity": 0}, ...], ...}

Every prompt leaves this machine. The service gives a level of severity for four categories, which is an order and no
probability; `score_of` maps it to a score. A long text is sent as windows, one after another, and the highest level
counts. `unsafe` is the highest of the four. Any answer but a whole and sound one is an error, never a score.

Tested against a local server of the documented format. Not tested against Azure's service.
"""

from collections.abc import Collection
from typing import Any, Final

from classifiers.remote import TIMEOUT_S, RemoteService, load_key
from classifiers.remote_input import clean_text, windows
from classifiers.scores import Scores, no_scores

NAMES: Final = {"Hate": "hate", "SelfHarm": "self-harm", "Sexual": "sexual", "Violence": "violence"}
"""Azure's categories and ours."""
VERSION: Final = "2023-10-01"
WINDOW: Final = 5000
"""Characters. The service takes 10,000; not documented is whether one outside the basic plane counts as two."""
SEVERITIES: Final = range(8)
"""Levels of `EightSeverityLevels`: 0 and 1 safe, 2 and 3 low, 4 and 5 medium, 6 and 7 high."""


class AzurePromptClassifier:
    """Scores a text by the service. Thread-safe."""

    def __init__(self, service: RemoteService) -> None:
        self._service = service
        self.model: str = f"prompt_azure({VERSION})"

    def score(self, text: str) -> Scores:
        """Score any `text`; a blank one is not sent and scores 0.

        Raises:
            RemoteFailed: the service did not answer in time with all levels.

        """
        bodies = [
            {"text": window, "categories": list(NAMES), "outputType": "EightSeverityLevels"}
            for window in windows(clean_text(text), WINDOW)
        ]
        levels = dict.fromkeys(NAMES.values(), 0.0)
        for answer in self._service.ask(path_of("text"), bodies) if bodies else []:
            for name, level in read_levels(self._service, answer, SEVERITIES).items():
                levels[name] = max(levels[name], level)
        return Scores(
            unsafe=max(levels.values()),
            categories=no_scores() | levels,
            model=self.model,
            knows=frozenset({"unsafe", *NAMES.values()}),
        )


def path_of(kind: str) -> str:
    """Give the path that analyses a "text" or an "image"."""
    return f"contentsafety/{kind}:analyze?api-version={VERSION}"


def score_of(severity: int) -> float:
    """Map a level 0 to 7 to a score: sixths, 1 from level 6 on.

    So that low (2) reaches the packaged policy's first band for hate and sexual, and medium (4), which Azure's own
    filters block unless told otherwise, the second. Chosen for that, not measured.
    """
    return min(severity, 6) / 6


def open_service(
    name: str, endpoint: str, api_key: str, api_key_file: str, timeout_s: float
) -> RemoteService:
    """Give the service, checked but not asked.

    Raises:
        OptionsInvalid: an option is missing or cannot be right.

    """
    key = load_key(name, api_key, api_key_file)
    return RemoteService(name, endpoint, {"Ocp-Apim-Subscription-Key": key}, timeout_s)


def read_levels(
    service: RemoteService, answer: dict[str, Any], severities: Collection[int]
) -> dict[str, float]:
    """Give a score for each of our four categories.

    Raises:
        RemoteFailed: one of them is missing, or its level is not one of `severities`.

    """
    rows = answer.get("categoriesAnalysis")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise service.unusable("no list of categories", "a level for each category")
    levels: dict[str, float] = {}
    for theirs, ours in NAMES.items():
        given = [row.get("severity") for row in rows if row.get("category") == theirs]
        if not given:
            raise service.unusable(f"no level for {theirs!r}", "one for each category")
        for level in given:
            if type(level) is not int or level not in severities:
                raise service.unusable(f"a level of {theirs!r} that is none", f"one of {list(severities)}")
            levels[ours] = max(levels.get(ours, 0.0), score_of(level))
    return levels


def create_prompt(
    endpoint: str, api_key: str = "", api_key_file: str = "", timeout_s: float = TIMEOUT_S
) -> AzurePromptClassifier:
    """Build the classifier; sends nothing yet.

    Args:
        endpoint: that of your resource, `https://NAME.cognitiveservices.azure.com`.
        api_key: the key itself, or
        api_key_file: a file that holds nothing else.
        timeout_s: seconds for one text, all its windows included.

    Raises:
        OptionsInvalid: an option is missing or cannot be right.

    """
    return AzurePromptClassifier(open_service("prompt_azure", endpoint, api_key, api_key_file, timeout_s))
