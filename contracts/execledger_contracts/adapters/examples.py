"""What adapters make of the example files in `contracts/foreign`, for readers and for a test that compares."""

from collections.abc import Iterable
from typing import Any, Final

from execledger_contracts.adapters.foreign import Document
from execledger_contracts.adapters.translation import translate
from execledger_contracts.decoding import Undecodable

_AS_SENT: Final = "(as sent)"


def example(adapter: str, lines: Iterable[bytes]) -> dict[str, Any]:
    """What each line of a file becomes; the document that an event quotes is left out."""
    return {
        "adapter": adapter,
        "lines": [
            {"line": number, "becomes": [_shown(each) for each in translate(adapter, line)]}
            for number, line in enumerate(lines, 1)
        ],
    }


def _shown(found: Document | Undecodable) -> Document:
    if isinstance(found, Undecodable):
        return {"dead_letter": found.reason.value, "detail": found.detail}
    data = found["data"]
    return {**found, "data": {**data, "original": _AS_SENT}} if "original" in data else found
