"""Texts of others, shown in a terminal. Pure."""

import json


def printable(text: str) -> str:
    r"""The text, in which no character moves the cursor.

    >>> printable("tea\x1b[2J\x9b\n")
    'tea\\u001b[2J\\u009b\\n'
    """
    return escaped(json.dumps(text, ensure_ascii=False))[1:-1]


def escaped(text: str) -> str:
    """JSON, in which no character moves the cursor."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
