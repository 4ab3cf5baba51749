"""Write a policy as the TOML that `Policy.load` reads back: complete, so that it does not change with the default."""

import json

from safety.policy import SCHEMA_VERSION, CategoryRule, Policy


def to_toml(policy: Policy, remarks: str = "") -> str:
    """Return the file; `remarks` become comments at its top. Its phrase lists stand for themselves."""
    lines = [f"# {line}".rstrip() for line in remarks.splitlines()]
    lines += [f"schema_version = {SCHEMA_VERSION}", f"name = {_text(policy.name)}"]
    for name in ("unsafe", "unread"):
        lines += ["", f"[{name}]", *_rule(getattr(policy, name))]
    for name, rule in policy.categories.items():
        lines += ["", f"[categories.{_text(name)}]", *_rule(rule)]
    lines += ["", "[checks]", f"required = {_texts(policy.checks.required)}"]
    lines += [f"on_failure = {_text(policy.checks.on_failure)}"]
    lines += ["", "[lists]", "inherit = false"]
    lines += [f"block = {_texts(policy.lists.block)}", f"allow = {_texts(policy.lists.allow)}"]
    return "\n".join(lines) + "\n"


def _rule(rule: CategoryRule) -> list[str]:
    bands = (f"{{ threshold = {band.threshold!r}, action = {_text(band.action)} }}" for band in rule.bands)
    return [f"bands = [{', '.join(bands)}]", f"stage = {_texts(rule.stage)}"]


def _texts(texts: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _text(text: str) -> str:
    """Quote as JSON does: of its escapes TOML knows all that can occur, but DEL must be escaped as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
