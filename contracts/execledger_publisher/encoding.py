"""From what an orchestrator said to the bytes of a record, checked as the recorder will check them."""

import json
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import to_jsonable_python

from execledger_contracts.cleaning import Limits
from execledger_contracts.decoding import Undecodable, decode
from execledger_publisher.drops import Drop, DropReason

HEADERS: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
DEFAULT_MAX_EVENT_BYTES: Final = 1_000_000
"""Kafka takes batches of 1 MiB by default: this leaves room for key, headers and the batch's own fields."""


@dataclass(frozen=True, slots=True)
class Record:
    """One event as Kafka takes it. `is_cut`: it was too large, and its largest values are cut with a marker."""

    key: bytes
    value: bytes
    type: str
    subject: str
    event_id: str
    is_cut: bool = False

    @property
    def size(self) -> int:
        """About what it takes in memory and on the wire, in bytes."""
        return len(self.key) + len(self.value)

    def dropped(self, reason: DropReason, detail: str) -> Drop:
        """This event as one that is not published."""
        return Drop(reason, detail, self.type, self.subject, self.event_id)


def encode(document: dict[str, Any], max_bytes: int = DEFAULT_MAX_EVENT_BYTES) -> Record | Drop:
    """The record of a CloudEvent, or why there is none. Never raises, whatever the values are."""
    names = {name: str(document.get(key)) for name, key in _NAMES.items()}
    try:
        value = _dumped(document)
        fault = _fault(value)
        if fault is not None:
            return Drop(DropReason.INVALID, fault, **names)
        fitting = _fitting(value, max_bytes)
    except Exception as error:  # noqa: BLE001 - any object may be among the values, and do anything
        return Drop(DropReason.INVALID, f"not JSON: {type(error).__name__}: {error}"[:500], **names)
    if fitting is None:
        return Drop(DropReason.TOO_LARGE, f"{len(value)} bytes, at most {max_bytes} are sent", **names)
    return Record(document["partitionkey"].encode(), fitting, **names, is_cut=fitting is not value)


_NAMES: Final = {"type": "type", "subject": "subject", "event_id": "id"}


def _dumped(document: dict[str, Any]) -> bytes:
    try:
        return _json(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # a lone surrogate: escaped it is legal, and the recorder replaces it
        return _json(document, ensure_ascii=True).encode()


def _json(document: dict[str, Any], *, ensure_ascii: bool) -> str:
    try:
        return json.dumps(
            document, default=_jsonable, allow_nan=False, ensure_ascii=ensure_ascii, separators=(",", ":")
        )
    except (TypeError, ValueError):  # a key that is no text, or a number that JSON has not
        return json.dumps(_plain(document), ensure_ascii=ensure_ascii, separators=(",", ":"))


def _plain(document: dict[str, Any]) -> Any:
    """With NaN and the infinities as text: an ending must not be lost for one of them in its output."""
    return json.loads(json.dumps(_jsonable(document)), parse_constant=str)


def _jsonable(value: Any) -> Any:
    """Dates, decimals, UUIDs, models, dataclasses and sets in their usual form, anything else as its `repr`."""
    return to_jsonable_python(value, fallback=_shown)


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - somebody's __repr__ must not cost the event
        return f"<{type(value).__name__}>"


def _fault(value: bytes) -> str | None:
    decoded = decode(value, limits=_limits(value, Limits()))
    return decoded.detail if isinstance(decoded, Undecodable) else None


def _fitting(value: bytes, max_bytes: int) -> bytes | None:
    """The value, or the value with its largest parts cut: first as the recorder would cut them, then further."""
    if len(value) <= max_bytes:
        return value
    for limits in (Limits(), _TIGHTEST):
        cut = decode(value, limits=_limits(value, limits))
        if not isinstance(cut, Undecodable) and len(text := cut.text.encode()) <= max_bytes:
            return text
    return None


_TIGHTEST: Final = Limits(text_bytes=Limits.PLAIN_BYTES, json_bytes=Limits.PLAIN_BYTES)


def _limits(value: bytes, limits: Limits) -> Limits:
    return Limits(limits.text_bytes, limits.json_bytes, max(limits.record_bytes, len(value)))
