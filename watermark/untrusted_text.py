"""Making a stranger's text fit to be shown: bounded, on one line, without characters that steer a display."""


def clean_text(value: object, max_chars: int = 200) -> str:
    """Return `value` as one printable line of at most `max_chars` characters; anything but text becomes "".

    Control, bidirectional, zero-width, surrogate and unassigned characters become spaces; runs collapse.
    """
    if not isinstance(value, str):
        return ""
    if len(value) <= max_chars and value.isprintable() and "  " not in value:
        return value.strip()
    printable = "".join(c if c.isprintable() else " " for c in value[: 4 * max_chars])
    return " ".join(printable.split())[:max_chars]
