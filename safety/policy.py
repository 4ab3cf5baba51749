"""The rules that turn scores into decisions.

Owns the policy file: TOML, versioned, checked by pydantic. Rules it keeps:

- a file says only what differs from the default policy. A category that it does not name, or a key it leaves
  out, keeps the default, so that setting one threshold never switches the rest off;
- `threshold` and `action`, or `bands` for several steps, replace the bands of that category as a whole;
- `lists` add to the default's entries; `inherit = false` starts from empty lists instead;
- list files are read when the policy is loaded, and their entries are part of the version: two policies that
  decide alike have the same hash, whoever wrote them;
- `checks` says which classifiers there must be, and what follows when another one fails: "refuse" (fail closed) or
  "review". One that is required and fails refuses the request, whatever `on_failure` says;
- an unknown name is an error, never ignored: a misspelt category would be a filter that is off.

    schema_version = 1
    name = "school"

    [unsafe]
    bands = [{ threshold = 0.3, action = "review" }, { threshold = 0.6, action = "block" }]

    [categories.sexual]
    threshold = 0.2
    action = "block"
    stage = ["input", "output"]

    [lists]
    block = ["acme rocket"]
    block_files = ["our-blocklist.txt"]     # beside this file; one phrase a line

    [checks]
    required = ["image_nudity"]             # without it the service does not start
    on_failure = "refuse"
"""

import difflib
import hashlib
import json
import tomllib
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from classifiers.scores import CATEGORIES
from safety.decision import Action, Stage
from safety.errors import PolicyInvalid
from safety.phrases import parse_list

SCHEMA_VERSION: Final = 1
_MAX_FILE_BYTES: Final = 4 << 20
"""A policy or list of more than 4 MiB (some 200,000 phrases) is a mistake."""

NAME: Final = r"^[a-z0-9][a-z0-9._-]{0,63}$"

Score = Annotated[float, Field(gt=0, le=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Band(_Entry):
    """From this score on, this action."""

    threshold: Score
    action: Action


class CategoryRule(_Entry):
    """The bands of one category, by rising threshold, and the stages at which they apply."""

    bands: tuple[Band, ...]
    stage: tuple[Stage, ...] = ("input", "output")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        rising = tuple(sorted(self.bands, key=lambda band: band.threshold))
        object.__setattr__(self, "bands", rising)
        object.__setattr__(self, "stage", tuple(sorted(set(self.stage))))
        return self

    def reached(self, score: float, stage: Stage) -> Band | None:
        """Give the highest band that `score` reaches at `stage`."""
        if stage not in self.stage:
            return None
        return next((band for band in reversed(self.bands) if score >= band.threshold), None)


class Lists(_Entry):
    """Phrases that decide by themselves. `allow` is cut out before scoring; `block` refuses."""

    block: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


class Checks(_Entry):
    """Which classifiers must be there, by name, and what a failure of one that need not be leads to."""

    required: tuple[str, ...] = ()
    on_failure: Literal["refuse", "review"] = "refuse"


class Policy(_Entry):
    """One complete set of rules; get one from `load` or `default`."""

    schema_version: Literal[1]
    name: Annotated[str, Field(pattern=NAME)]
    unsafe: CategoryRule
    unread: CategoryRule
    categories: Mapping[str, CategoryRule]
    lists: Lists = Lists()
    checks: Checks = Checks()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := set(CATEGORIES) - set(self.categories):
            raise ValueError(f"categories without a rule: {', '.join(sorted(missing))}")
        return self

    @property
    def version(self) -> str:
        """`<name>@<first 12 hex digits of the SHA-256 of the canonical content>`."""
        content = self.model_dump(mode="json", exclude={"name"})
        for kind in ("block", "allow"):
            content["lists"][kind] = sorted(set(content["lists"][kind]))
        content["checks"]["required"] = sorted(set(self.checks.required))
        if self.checks == Checks():
            del content["checks"]  # versions from before there were checks stay as they were
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return f"{self.name}@{hashlib.sha256(canonical.encode('utf-8')).hexdigest()[:12]}"

    @classmethod
    def default(cls) -> "Policy":
        """Give the policy in the package, `policies/default.toml`."""
        return _default()

    @classmethod
    def load(cls, path: str | Path) -> "Policy":
        """Read the policy file `path`; what it does not say is as in `default()`.

        Raises:
            PolicyInvalid: unreadable, not TOML, an unknown name, or an impossible value.

        """
        path = Path(path)
        content = _parse(_read(path), str(path))
        return _build(_merge(_default().model_dump(mode="json"), content, path.parent, str(path)), str(path))


@cache
def _default() -> Policy:
    folder = resources.files("safety")
    content = _parse((folder / "policies" / "default.toml").read_text(encoding="utf-8"), "default.toml")
    lists = {
        kind: parse_list((folder / "lists" / f"{kind}list.txt").read_text(encoding="utf-8"))
        for kind in ("block", "allow")
    }
    plain = {name: _bands(rule, name, "default.toml") for name, rule in content["categories"].items()}
    rules = {key: _bands(content[key], key, "default.toml") for key in ("unsafe", "unread")}
    return _build(content | rules | {"categories": plain, "lists": lists}, "default.toml")


def _merge(base: dict[str, Any], content: dict[str, Any], folder: Path, where: str) -> dict[str, Any]:
    _only_known(content, set(Policy.model_fields), f"{where}: ")
    if content.get("schema_version") != SCHEMA_VERSION:
        raise PolicyInvalid(
            f"{where}, schema_version: got {content.get('schema_version')!r}, expected {SCHEMA_VERSION}; "
            "write it as the first line of the file"
        )
    merged: dict[str, Any] = base | {"name": content.get("name", Path(where).stem.lower())}
    for key in ("unsafe", "unread"):
        if key in content:
            merged[key] = merged[key] | _bands(content[key], key, where)
    categories = _table(content, "categories", where)
    _only_known(categories, CATEGORIES, f"{where}, category ")
    for name, rule in categories.items():
        merged["categories"][name] = merged["categories"][name] | _bands(rule, f"category {name!r}", where)
    lists = _table(content, "lists", where)
    _only_known(lists, {"block", "allow", "block_files", "allow_files", "inherit"}, f"{where}, lists: ")
    inherit = lists.get("inherit", True)
    if not isinstance(inherit, bool):
        raise PolicyInvalid(f"{where}, lists.inherit: got {inherit!r}, expected true or false")
    for kind in ("block", "allow"):
        inherited = merged["lists"][kind] if inherit else []
        merged["lists"][kind] = (*inherited, *_phrases(lists, kind, folder, where))
    checks = _table(content, "checks", where)
    _only_known(checks, Checks.model_fields, f"{where}, checks: ")
    merged["checks"] = merged["checks"] | checks
    return merged


def _phrases(lists: dict[str, Any], kind: str, folder: Path, where: str) -> tuple[str, ...]:
    phrases: list[str] = []
    for key in (kind, f"{kind}_files"):
        entries = lists.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            raise PolicyInvalid(f"{where}, lists.{key}: got {entries!r}, expected a list of strings")
        for entry in entries:
            phrases += parse_list(_read(folder / entry)) if key.endswith("_files") else [entry]
    return tuple(phrases)


def _bands(rule: Any, name: str, where: str) -> dict[str, Any]:
    """Accept `threshold` with `action` as one band."""
    if not isinstance(rule, dict):
        raise PolicyInvalid(
            f"{where}, {name}: got {rule!r}, expected a table with threshold and action, or bands"
        )
    bands: dict[str, Any] = {str(key): value for key, value in rule.items()}
    if "threshold" in bands or "action" in bands:
        if "bands" in bands or not ("threshold" in bands and "action" in bands):
            raise PolicyInvalid(
                f"{where}, {name}: got {sorted(bands)}, expected both threshold and action, or bands alone"
            )
        bands["bands"] = [{"threshold": bands.pop("threshold"), "action": bands.pop("action")}]
    return bands


def _table(content: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    table: Any = content.get(key, {})
    if not isinstance(table, dict):
        raise PolicyInvalid(f"{where}, {key}: got {table!r}, expected a table")
    return dict(table)


def _build(content: dict[str, Any], where: str) -> Policy:
    try:
        return Policy.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise PolicyInvalid(f"{where}, {place}: got {first['input']!r}, {first['msg'].lower()}") from error


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyInvalid(
            f"{where}: not TOML ({error}); see safety/policies/default.toml for the form"
        ) from error


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
        if len(data) > _MAX_FILE_BYTES:
            raise PolicyInvalid(f"{path}: got {len(data)} bytes, expected at most {_MAX_FILE_BYTES}")
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyInvalid(
            f"{path}: cannot be read as UTF-8 text ({error}); check path and encoding"
        ) from error


def _only_known(names: Iterable[str], known: Collection[str], where: str) -> None:
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise PolicyInvalid(f"{where}{name!r}: unknown, {hint}expected one of {', '.join(sorted(known))}")
