"""From the bytes of a Kafka record to an event, or to the reason why there is none.

Pure, and it never raises for what a producer sent. A record is read alone: pydantic reads a joined batch no
faster (7.8 against 7.4 microseconds an event, 820 bytes each), and so a neighbour cannot disturb it.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any, Final
from uuid import NAMESPACE_URL, uuid5

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json

from execledger_contracts.cleaning import MAX_DEPTH, Limits, cleaned, depth, find_unstorable_number, marked
from execledger_contracts.events import (
    DATASCHEMA,
    TABLE_EVENTS,
    CloudEvent,
    Event,
    OtherEvent,
    TableEvent,
    sent_types,
)


class Reason(StrEnum):
    """Why a record became a dead letter."""

    TOMBSTONE = "tombstone"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_CLOUDEVENT = "not_cloudevent"
    INVALID = "invalid"
    UNSUPPORTED_VERSION = "unsupported_version"
    TOO_LARGE = "too_large"
    UNSTORABLE = "unstorable"


@dataclass(frozen=True, slots=True)
class Decoded:
    """An event, its id within its execution (a canonical UUID), and what the log keeps of it.

    `text` is the whole event as one JSON object, cleaned; `digest` is its SHA-256.
    """

    event: Event
    event_id: str
    text: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Why a record is no event: `detail` names the field and the rule, its value cut short."""

    reason: Reason
    detail: str


Headers = Iterable[tuple[str, bytes | None]]

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST_AHEAD: Final = timedelta(hours=24)
_CANONICAL_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# A number that may lie beyond a float64: an exponent of three digits, or 309 digits in a row.
_HUGE_NUMBER: Final = re.compile(rb"[:,\[ \n\r\t]-?[0-9](?:[0-9.]*[eE]\+?[0-9]{3}|[0-9]{308})")
_DEFAULT_LIMITS: Final = Limits()

_TABLE: Final[TypeAdapter[TableEvent]] = TypeAdapter(Annotated[TableEvent, Field(discriminator="type")])
_EVENT_OF_TYPE: Final[Mapping[str, type[CloudEvent]]] = {
    sent: event for event in TABLE_EVENTS for sent in sent_types(event)
}


def decode(
    value: bytes | None, headers: Headers = (), timestamp_ms: int = -1, limits: Limits = _DEFAULT_LIMITS
) -> Decoded | Undecodable:
    """Read one record: structured mode, or binary mode when `ce_` headers say so.

    `timestamp_ms` is the record's Kafka timestamp (negative: unknown); an event lies at most 24 h after it.
    """
    try:
        text = _structured_text(value, headers, limits)
        decoded = _plain(text) or _careful(text, limits)
        _check_time(decoded.event.time, timestamp_ms)
    except _BadRecordError as bad:
        return Undecodable(bad.reason, bad.detail)
    return decoded


def reread(text: str) -> Event:
    """The event of a text that `decode` gave: what the log keeps reads as it read on arrival."""
    plain = _plain(text.encode())
    return plain.event if plain else _validated(json.loads(text))


class _BadRecordError(Exception):
    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def _plain(text: bytes) -> Decoded | None:
    """The fast path: an event of the table that needs no cleaning or cutting; None sends it to the slow one."""
    if (
        len(text) > Limits.PLAIN_BYTES
        or b"\\u0000" in text
        or b"NaN" in text
        or b"Infinity" in text
        or text.count(b"{") + text.count(b"[") > MAX_DEPTH
        or _HUGE_NUMBER.search(text)
    ):
        return None
    try:
        event = _TABLE.validator.validate_json(text)
    except ValidationError:
        return None
    if event.dataschema not in (None, DATASCHEMA) or (b"data_base64" in text and "data" not in event.model_fields_set):
        return None
    return _decoded(event, text)


def _careful(text: bytes, limits: Limits) -> Decoded:
    """The slow path: says what is wrong and where, cleans what may be kept."""
    document = _document(text)
    _check_envelope(document)
    _inline_base64(document)
    if depth(document.get("data")) > MAX_DEPTH:
        raise _BadRecordError(Reason.INVALID, f"data: nested more than {MAX_DEPTH} deep")
    if path := find_unstorable_number(document):
        raise _BadRecordError(Reason.INVALID, f"{path}: a number beyond a 64-bit float")
    marked_document = marked(document)
    event = _validated(marked_document)
    clean = cleaned(marked_document, limits)
    if clean == document:
        return _decoded(event, text)
    return _decoded(_validated(clean), _dumped(clean))


def _decoded(event: Event, text: bytes) -> Decoded:
    return Decoded(event, event_id_of(event), text.decode(), sha256(text).digest())


def event_id_of(event: CloudEvent) -> str:
    """Its identity within its execution: a canonical lower-case UUID as sent, else made from source and id."""
    return event.id if _CANONICAL_UUID.fullmatch(event.id) else str(uuid5(NAMESPACE_URL, f"{event.source}\n{event.id}"))


def _structured_text(value: bytes | None, headers: Headers, limits: Limits) -> bytes:
    """The event as one JSON object, whichever mode it was sent in."""
    attributes = _binary_attributes(headers) if headers else None
    if value is None and not attributes:
        raise _BadRecordError(Reason.TOMBSTONE, "the record has no value")
    text = value or b""
    if len(text) > limits.record_bytes:
        raise _BadRecordError(Reason.TOO_LARGE, f"{len(text)} bytes, at most {limits.record_bytes} are read")
    return _assembled(attributes, text) if attributes else text


def _binary_attributes(headers: Headers) -> dict[str, str] | None:
    """The `ce_` headers as attributes; None in structured mode."""
    sent = {name.lower(): value or b"" for name, value in headers}
    if sent.get("content-type", b"").lower().startswith(b"application/cloudevents"):
        return None
    attributes = {name[3:]: value for name, value in sent.items() if name.startswith("ce_")}
    try:
        return {name: value.decode() for name, value in attributes.items()}
    except UnicodeDecodeError as error:
        raise _BadRecordError(Reason.NOT_UTF8, f"a ce_ header is not UTF-8: {error.reason}") from None


def _assembled(attributes: dict[str, str], data: bytes) -> bytes:
    envelope = json.dumps({name: value for name, value in attributes.items() if name != "data"}).encode()
    if not data.strip():
        return envelope
    try:
        from_json(data)  # alone, lest a broken value be completed by what surrounds it
    except ValueError:
        _document_value(data)
    return envelope[:-1] + b',"data":' + data + b"}"


def _document(text: bytes) -> dict[str, Any]:
    document = _document_value(text)
    if not isinstance(document, dict):
        raise _BadRecordError(Reason.NOT_CLOUDEVENT, f"a JSON object is needed, this is {_shown(document)}")
    return document


def _document_value(text: bytes) -> Any:
    try:
        characters = text.decode()
    except UnicodeDecodeError as error:
        raise _BadRecordError(Reason.NOT_UTF8, f"byte {error.start}: {error.reason}") from None
    if _bracket_depth(characters) > MAX_DEPTH + 1:
        raise _BadRecordError(Reason.INVALID, f"data: nested more than {MAX_DEPTH} deep")
    try:
        return json.loads(characters, parse_constant=_refuse_constant, parse_int=_bounded_int)
    except json.JSONDecodeError as error:
        raise _BadRecordError(Reason.NOT_JSON, f"character {error.pos}: {error.msg}") from None


def _bracket_depth(characters: str) -> int:
    """How deep the brackets outside strings nest: known before a recursive reader meets them."""
    deepest = level = 0
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', characters, re.DOTALL):
        if match[0] in "[{":
            level += 1
            deepest = max(deepest, level)
        elif match[0] in "]}":
            level -= 1
    return deepest


def _refuse_constant(name: str) -> Any:
    raise _BadRecordError(Reason.NOT_JSON, f"{name} is not JSON")


def _bounded_int(digits: str) -> int | float:
    return int(digits) if len(digits) < 400 else float("inf")


def _check_envelope(document: dict[str, Any]) -> None:
    """The versions first: what an unknown one says cannot be judged."""
    version = document.get("specversion")
    if version is None:
        raise _BadRecordError(Reason.NOT_CLOUDEVENT, "specversion: is missing, CloudEvents 1.0 needs it")
    if version != "1.0":
        raise _BadRecordError(Reason.UNSUPPORTED_VERSION, f"specversion: only 1.0 is read, this is {_shown(version)}")
    schema = document.get("dataschema")
    ours = DATASCHEMA.rpartition(":")[0] + ":"
    if isinstance(schema, str) and schema.startswith(ours) and schema.removeprefix(ours).split(".")[0] != "1":
        raise _BadRecordError(
            Reason.UNSUPPORTED_VERSION, f"dataschema: only {DATASCHEMA} is read, this is {_shown(schema)}"
        )


def _inline_base64(document: dict[str, Any]) -> None:
    """CloudEvents may carry JSON data as base64 in structured mode."""
    encoded = document.pop("data_base64", None)
    if encoded is None or document.get("data") is not None:
        return
    try:
        document["data"] = _document_value(base64.b64decode(encoded, validate=True))
    except (binascii.Error, TypeError, ValueError):
        raise _BadRecordError(Reason.INVALID, f"data_base64: not base64, this is {_shown(encoded)}") from None


def _validated(document: dict[str, Any]) -> Event:
    kind = document.get("type")
    model = _EVENT_OF_TYPE.get(kind, OtherEvent) if isinstance(kind, str) else OtherEvent
    try:
        event = model.model_validate_json(_dumped({k: v for k, v in document.items() if k != "data" or v is not None}))
    except ValidationError as error:
        raise _BadRecordError(Reason.INVALID, _explained(error.errors(include_url=False))) from None
    return event  # type: ignore[return-value]  # one of the table's, or OtherEvent


def _dumped(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _explained(errors: list[ErrorDetails]) -> str:
    """The first field at fault; of several readings of it that failed, the last and most lenient one."""
    error = [error for error in errors if _path(error) == _path(errors[0])][-1]
    message = error["msg"].removeprefix("Value error, ")
    shown = "" if error["type"] == "missing" else f", this is {_shown(error['input'])}"
    return f"{_path(error)}: {message}{shown}"


def _path(error: ErrorDetails) -> str:
    """Where it is, without the names that pydantic gives to the members of a union."""
    return ".".join(str(part) for part in error["loc"] if not str(part).startswith(("function-", "constrained-")))


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."


def _check_time(time: datetime, timestamp_ms: int) -> None:
    if time < EARLIEST:
        raise _BadRecordError(Reason.INVALID, f"time: before 2000, this is {time.isoformat()}")
    if timestamp_ms >= 0 and time.timestamp() * 1000 > timestamp_ms + LATEST_AHEAD.total_seconds() * 1000:
        raise _BadRecordError(
            Reason.INVALID, f"time: more than 24 h after the record's own, this is {time.isoformat()}"
        )
