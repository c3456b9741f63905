"""Whether a line would be recorded, and under which key it is sent: of CloudEvents, and of what an adapter reads."""

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from execledger.samples import Headers
from execledger_contracts.adapters.foreign import Document
from execledger_contracts.adapters.translation import TOO_DEEP, translate
from execledger_contracts.decoding import Decoded, Reason, Undecodable, decode
from execledger_contracts.events import OUR_SOURCES, StartData
from execledger_contracts.likeness import looks_like_ours


class Checked(NamedTuple):
    """Why a line would be refused, if it would, and its key."""

    refusal: Undecodable | None
    key: bytes | None


Check = Callable[[bytes | None, Headers, int], Checked]
"""Given a value, its headers and the moment in milliseconds since 1970."""


def check_event(value: bytes | None, headers: Headers, now_ms: int) -> Checked:
    """Of a CloudEvent."""
    found = judged(decode(value, headers, now_ms))
    if isinstance(found, Undecodable):
        return Checked(found, _likely_key(value or b""))
    return Checked(None, _key(found))


def checking(adapter: str, key: str | None) -> Check:
    """Of what that adapter reads: its key is the one given, else that of the first event that it brings."""
    given = None if key is None else key.encode()

    def check(value: bytes | None, headers: Headers, now_ms: int) -> Checked:
        events = [_decoded(each, now_ms) for each in translate(adapter, value, given)]
        refusal = next((each for each in events if isinstance(each, Undecodable)), None)
        return Checked(refusal, given or _first_key(events))

    return check


def judged(found: Decoded | Undecodable) -> Decoded | Undecodable:
    """As the recorder will: nobody signs here, so nothing that is said to be Execledger's own is believed."""
    if isinstance(found, Decoded) and looks_like_ours(found.event.source):
        return Undecodable(Reason.FORBIDDEN, f"source: only Execledger itself speaks as {OUR_SOURCES}")
    return found


def _decoded(found: Document | Undecodable, now_ms: int) -> Decoded | Undecodable:
    if isinstance(found, Undecodable):
        return found
    try:
        return judged(decode(json.dumps(found).encode(), (), now_ms))
    except RecursionError:
        return TOO_DEEP


def _first_key(events: Sequence[Decoded | Undecodable]) -> bytes | None:
    return next((_key(each) for each in events if isinstance(each, Decoded)), None)


def _key(decoded: Decoded) -> bytes:
    """`partitionkey`, else the root execution, else the subject."""
    event = decoded.event
    data = getattr(event, "data", None)
    root = data.root_execution_id if isinstance(data, StartData) else None
    return (event.partitionkey or root or event.subject).encode()


def _likely_key(text: bytes) -> bytes | None:
    """The same of something that is no valid event, as far as it says it."""
    try:
        document = json.loads(text)
        data = document.get("data")
        root = data.get("root_execution_id") if isinstance(data, dict) else None
        key = document.get("partitionkey") or root or document.get("subject")
        return key.encode() if isinstance(key, str) else None
    except (ValueError, AttributeError, RecursionError):
        return None
