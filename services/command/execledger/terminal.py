"""Texts of others, shown in a terminal. Pure."""

import json


def printable(text: str) -> str:
    r"""The text, in which no character moves the cursor.

    >>> printable("tea\x1b[2J\x9b\n")
    'tea\\u001b[2J\\u009b\\n'
    """
    return escaped(json.dumps(text, ensure_ascii=False))[1:-1]


def lines_of(text: str) -> str:
    r"""The text with its lines and indents, in which no other character moves the cursor.

    >>> lines_of("at:\n\ttea\x1b[2J")
    'at:\n        tea\\u001b[2J'
    """
    return "\n".join(escaped(line) for line in text.expandtabs().split("\n"))


def escaped(text: str) -> str:
    r"""The text, or JSON, as it is but for characters that move the cursor.

    >>> escaped("tea\x1b\x9b\U000e0001")
    'tea\\u001b\\u009b\\udb40\\udc01'
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
