"""Judge prompts with Llama Guard 3 or 4, from a checkpoint that the user has.

Owns the mapping of its hazards S1 to S14 (the taxonomy that both print into their own prompt; checked at load, since
Llama Guard 1 and 2 number others) to our categories. `unsafe` is the probability of "unsafe" against "safe" at the
first token of the answer that is not blank. At `NAMED_FROM` or more the network is made to go on after "unsafe", and
each hazard that it names then has that score. Hazards without a category of ours count in `unsafe` alone.

A prompt cannot end its own turn: control tokens and the prompt's own section marks in the text of a user are
broken up before they are read. A long text is read in overlapping windows, the highest score counts.

Tested on a tiny Llama with random weights, a tokenizer and chat templates made in the test. Meta's weights could not be
had: no score on a real prompt, no memory and no time was ever measured here, and Llama Guard 4's network never loaded.
"""

import re
import threading
from collections.abc import Mapping
from typing import Any, Final

import torch

from classifiers.errors import ModelUnreadable
from classifiers.hub_models import load_network, load_part, load_transformers, name_of
from classifiers.scores import Scores, no_scores

FEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "S1": ("violence", "illicit/violent"),  # violent crimes
    "S2": ("illicit",),  # non-violent crimes
    "S3": ("sexual", "illicit"),  # sex crimes
    "S4": ("sexual", "sexual/minors"),  # child exploitation
    "S5": ("harassment",),  # defamation
    "S6": (),  # specialized advice
    "S7": (),  # privacy
    "S8": ("trademark",),  # intellectual property
    "S9": ("illicit/violent",),  # indiscriminate weapons
    "S10": ("hate",),
    "S11": ("self-harm",),
    "S12": ("sexual",),
    "S13": ("political",),  # elections
    "S14": ("illicit",),  # code interpreter abuse
}
KNOWS: Final = frozenset({"unsafe", *(name for names in FEEDS.values() for name in names)})
TAXONOMY: Final = re.compile(r"S10:\s*Hate\b.*S12:\s*Sexual Content\b", re.DOTALL)
"""Lines that Llama Guard 3 and 4 have in their prompts; 2 has weapons and hate at S8 and S9."""
NAMED_FROM: Final = 0.05
"""Below it no hazard is asked for: that would cost a second answer for nearly every harmless prompt."""
BLANKS: Final = 4
"""Tokens of the answer within which the verdict must stand (the model cards show two line ends before it)."""
NAMES: Final = 32
"""Tokens for the list of hazards, some three each: ten of them. More are not waited for."""
WINDOW: Final = 4000
OVERLAP: Final = 400
"""Characters of a window and of what the next one sees again."""
MARK: Final = "countermark7f3a"
SECTION: Final = re.compile(r"<(?=\s*(?:BEGIN|END)\b)", re.IGNORECASE)


class LlamaGuardClassifier:
    """Scores texts one after another: one prompt fills a device. Thread-safe by a lock."""

    def __init__(self, network: Any, tokenizer: Any, name: str) -> None:
        """Take the network and its tokenizer.

        Raises:
            ModelUnreadable: the chat template does not ask as Llama Guard 3 and 4 do.

        """
        self._network, self._tokenizer = network, tokenizer
        self._lock = threading.Lock()
        self.model: str = name
        self._before, self._after = _template(tokenizer, name)
        self._control = re.compile(
            "|".join(
                sorted((re.escape(str(t)) for t in tokenizer.added_tokens_decoder.values()), reverse=True)
            )
            or "(?!)"
        )
        self._safe, self._unsafe = self._first_tokens("safe"), self._first_tokens("unsafe")
        if not self._safe or not self._unsafe or self._safe & self._unsafe:
            raise ModelUnreadable(
                f"{name}: got a tokenizer that begins 'safe' and 'unsafe' alike, expected two tokens; use its own one"
            )

    def score(self, text: str) -> Scores:
        """Score `text`, any str.

        Raises:
            ModelUnreadable: the answer is neither "safe" nor "unsafe", or its logits are not finite.

        """
        clean = self._break_up(text.encode("utf-8", "replace").decode("utf-8"))
        levels = dict.fromkeys(KNOWS, 0.0)
        for start in range(0, max(1, len(clean) - OVERLAP), WINDOW - OVERLAP):
            with self._lock, torch.inference_mode():
                found = self._judge(clean[start : start + WINDOW])
            for name, level in found.items():
                levels[name] = max(levels[name], level)
        return Scores(levels.pop("unsafe"), no_scores() | levels, self.model, knows=KNOWS)

    def _judge(self, window: str) -> dict[str, float]:
        """Give the scores above 0 of one window."""
        asked = self._encode(self._before + window + self._after)
        answer = self._generate(asked, BLANKS)
        steps = [int(logits[0].argmax()) for logits in answer.logits]
        at = next((n for n, number in enumerate(steps) if self._tokenizer.decode([number]).strip()), -1)
        likely, logits = steps[at], answer.logits[at]  # a blank, where all are
        if likely not in self._safe | self._unsafe or not torch.isfinite(logits).all():
            raise ModelUnreadable(
                f"{self.model}: got the answer {self._tokenizer.decode(answer.sequences[0, len(asked) :])!r}, expected "
                f"'safe' or 'unsafe'; use a Llama Guard checkpoint"
            )
        chances = torch.softmax(logits[0].double(), 0)
        safe, unsafe = (float(chances[sorted(ids)].sum()) for ids in (self._safe, self._unsafe))
        level = unsafe / (safe + unsafe)
        found = {"unsafe": level}
        if level >= NAMED_FROM:
            verdict = max(self._unsafe, key=lambda number: float(chances[number]))
            said = [*asked, *answer.sequences[0, len(asked) : len(asked) + at].tolist(), verdict]
            more = self._generate(said, NAMES).sequences[0, len(said) - 1 :]
            for hazard in re.findall(r"\bS\d{1,2}\b", self._tokenizer.decode(more, skip_special_tokens=True)):
                found |= dict.fromkeys(FEEDS.get(hazard, ()), level)
        return found

    def _generate(self, numbers: list[int], count: int) -> Any:
        asked = torch.tensor([numbers], device=self._network.device)
        return self._network.generate(
            input_ids=asked,
            attention_mask=torch.ones_like(asked),
            max_new_tokens=count,
            do_sample=False,
            temperature=None,
            top_p=None,
            output_logits=True,
            return_dict_in_generate=True,
            pad_token_id=self._tokenizer.eos_token_id or 0,
        )

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def _first_tokens(self, word: str) -> frozenset[int]:
        """Give the tokens that `word` begins with at the start of an answer, after a blank and after line ends."""
        firsts = set()
        for before in ("", " ", "\n", "\n\n"):
            numbers = [n for n in self._encode(before + word) if self._tokenizer.decode([n]).strip()]
            firsts.update(numbers[:1])
        return frozenset(firsts)

    def _break_up(self, text: str) -> str:
        """Put a blank behind the first character of each control token and section mark in `text`."""
        return SECTION.sub("< ", self._control.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text))


def _template(tokenizer: Any, name: str) -> tuple[str, str]:
    """Give what the chat template puts before and after a prompt; some read a string, some a list of parts."""
    why = "no chat template"
    for content in (MARK, [{"type": "text", "text": MARK}]):
        try:
            shown = tokenizer.apply_chat_template(
                [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
            )
        except Exception as error:  # noqa: BLE001 - a template may raise anything; the other form is tried
            why = f"{type(error).__name__}: {error}"
            continue
        before, *after = str(shown).split(MARK)
        if len(after) != 1 or before.rstrip().endswith(("'text':", '"text":')):
            why = "a prompt that does not hold the text once"
        elif not TAXONOMY.search(before + after[0]):
            why = "a prompt without 'S10: Hate' and 'S12: Sexual Content'"
        else:
            return before, after[0]
    raise ModelUnreadable(
        f"{name}: got {why}, expected the chat template of Llama Guard 3 or 4; use such a one"
    )


def create_prompt(model: str, device: str = "cpu", *, local_files_only: bool = True) -> LlamaGuardClassifier:
    """Load the checkpoint `model`, a directory or a hub id in the cache.

    Args:
        model: such as `meta-llama/Llama-Guard-3-8B`.
        device: of torch.
        local_files_only: False fetches the checkpoint from the hub while loading.

    Raises:
        ClassifierUnavailable: transformers is not installed.
        OptionsInvalid: no such device.
        ModelUnreadable: not such a checkpoint, it lacks weights, or it asks by another taxonomy.

    """
    library = load_transformers()
    told = load_part(library.AutoConfig, model, local_files_only=local_files_only)
    tokenizer = load_part(library.AutoTokenizer, model, local_files_only=local_files_only)
    # Llama Guard 4 is stored as a network that reads pictures too; without its other half the names do not fit
    kind = (
        library.AutoModelForImageTextToText if told.model_type == "llama4" else library.AutoModelForCausalLM
    )
    network = load_network(kind, model, local_files_only=local_files_only, device=device)
    return LlamaGuardClassifier(network, tokenizer, name_of("prompt_llamaguard", model, network))
