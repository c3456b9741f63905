"""From what an orchestrator said to the bytes of a record that Kafka takes.

Nothing is checked here: the envelope is made so that it is right, and what the data say wrongly the recorder reads as
it can, or leaves out. What is too large is cut before it is put together.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from execledger_contracts.cleaning import Limits, cut_json, cut_text
from execledger_publisher.drops import Drop, DropReason
from execledger_publisher.values import REPLACED, dumped

HEADERS: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
DEFAULT_MAX_EVENT_BYTES: Final = 1_000_000
"""Kafka takes batches of 1 MiB by default: this leaves room for key, headers and the batch's own fields."""

SMALL: Final = 4_096
_TIGHTEST: Final = Limits(text_bytes=Limits.PLAIN_BYTES, json_bytes=Limits.PLAIN_BYTES)
_SHOWN_OF_A_CUT: Final = 1024
_OBJECTS: Final = frozenset({"budget", "error", "labels", "owner", "step", "trigger", "usage", "workflow"})
"""Fields that are read part by part: never cut as a whole, lest what they say be lost with it."""
_LITTLE: Final = _OBJECTS | {"duration_ms", "parent_execution_id", "root_execution_id", "timeout_seconds"}
"""What is left of an event's data when it goes without its payload."""


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

    @property
    def is_milestone(self) -> bool:
        """Whether it begins or ends an execution or a step: what would be missed most."""
        return self.type.startswith(("execution.", "step.")) and self.type != "execution.progressed"

    @property
    def is_kept_room_for(self) -> bool:
        """Whether it is such a one, and small."""
        return self.is_milestone and self.size <= SMALL

    def dropped(self, reason: DropReason, detail: str) -> Drop:
        """This event as one that is not published."""
        return Drop(reason, detail, self.type, self.subject, self.event_id)


def encode(event: Mapping[str, Any], max_bytes: int = DEFAULT_MAX_EVENT_BYTES) -> Record | Drop:
    """The record of a CloudEvent whose attributes are right, or that it is too large however much of it is cut."""
    if _is_small(event.get("data")) and len(value := dumped(event)) <= max_bytes:  # as most are
        return Record(event["partitionkey"].encode(), value, **_names(event), is_cut=False)
    envelope = dumped({name: value for name, value in event.items() if name != "data"})
    room = max_bytes - len(envelope) - len(b',"data":')
    data = _encoded(event["data"], max_bytes) if "data" in event else None
    key, names = event["partitionkey"].encode(), _names(event)
    if data is None:
        return Record(key, envelope, **names, is_cut=False)
    is_too_large = _size(data) > room
    fitting = _cut(event["data"], data, room) if is_too_large else _joined(data)
    if fitting is None:
        return Drop(DropReason.TOO_LARGE, f"{_size(data)} bytes, at most {max_bytes} are sent", **names)
    is_cut = is_too_large or _has_long_text(event["data"], max_bytes)
    return Record(key, envelope[:-1] + b',"data":' + fitting + b"}", **names, is_cut=is_cut)


def without_payload(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with what it says of itself alone: for when there is no room for more."""
    data = event.get("data")
    little = {name: data[name] for name in _LITTLE & data.keys()} if isinstance(data, Mapping) else {}
    if isinstance(error := little.get("error"), Mapping):
        little["error"] = {name: error[name][:_SHOWN_OF_A_CUT] for name in ("message", "type") if name in error}
    return {**event, "data": little}


def _names(event: Mapping[str, Any]) -> dict[str, str]:
    return {"type": event["type"], "subject": event["subject"], "event_id": event["id"]}


def _is_small(data: Any) -> bool:
    """Whether the data are some short texts and numbers, as those of a model's call."""
    return (
        isinstance(data, dict)
        and _SHORT.issuperset(map(type, data.values()))
        and all(type(name) is str for name in data)
        and not _has_long_text(data, SMALL)
    )


_SHORT: Final = frozenset({str, int, float, bool})

_Parts = bytes | dict[str, bytes]
"""The data of an event as JSON: each field apart, or the whole where it has no fields."""


def _encoded(data: Any, max_text: int = sys.maxsize) -> _Parts:
    if isinstance(data, dict) and all(type(name) is str and name.isascii() for name in data):
        return {name: _encoded_part(value, max_text) for name, value in data.items()}
    return _encoded_part(data, max_text)


def _has_long_text(data: Any, max_text: int) -> bool:
    values = data.values() if isinstance(data, dict) else (data,)
    return any(isinstance(value, str) and len(value) > max_text for value in values)


def _encoded_part(value: Any, max_text: int) -> bytes:
    """A text that is too large for any event is cut before it is written: by a third of the time."""
    if isinstance(value, str) and len(value) > max_text:
        value = cut_text(value.encode(errors=REPLACED), Limits().text_bytes)
    return dumped(value)


def _size(parts: _Parts) -> int:
    """How long they are when they are joined, without doing so."""
    if isinstance(parts, bytes):
        return len(parts)
    return sum(len(name) + len(part) + len('"":,') for name, part in parts.items()) + len("{}")


def _joined(parts: _Parts) -> bytes:
    return parts if isinstance(parts, bytes) else dumped({name: msgspec.Raw(part) for name, part in parts.items()})


def _cut(data: Any, parts: _Parts, room: int) -> bytes | None:
    """The data with their largest parts cut: as the recorder would cut them, then further, then left out."""
    for limits in (Limits(), _TIGHTEST):
        fields = _cut_parts(data, parts, limits)
        if len(fitting := _joined(fields)) <= room:
            return fitting
    if isinstance(fields, bytes):
        return None
    kept = sorted(fields.items(), key=lambda field: (field[0] not in _LITTLE, len(field[1])))
    while kept and len(fitting := _joined(dict(kept))) > room:
        kept.pop()
    return fitting if kept else None


def _cut_parts(data: Any, parts: _Parts, limits: Limits) -> _Parts:
    if isinstance(parts, bytes):
        return _cut_part("", data, parts, limits)
    return {name: _cut_part(name, data[name], part, limits) for name, part in parts.items()}


def _cut_part(name: str, value: Any, part: bytes, limits: Limits) -> bytes:
    if len(part) <= limits.text_bytes:
        return part
    if isinstance(value, str):
        return dumped(cut_text(value.encode(errors=REPLACED), limits.text_bytes))
    if name in _OBJECTS and isinstance(fields := _encoded(value), dict):
        return _joined({key: _cut_part("", value[key], field, limits) for key, field in fields.items()})
    if len(part) <= limits.json_bytes:
        return part
    return dumped(cut_json(part))
