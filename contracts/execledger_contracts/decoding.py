"""From the bytes of a Kafka record to an event, or to the reason why there is none.

Pure, and it never raises for what a producer sent. A record is read alone, so that a neighbour cannot disturb it.
msgspec parses it, and reads what is usual; what is not, pydantic reads, whose models are the contract; what must be
cleaned, or is no event, takes the slow path. Why there are three: docs/decisions/0021.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import msgspec
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from execledger_contracts.cleaning import (
    DEEPEST,
    MAX_DEPTH,
    Limits,
    cleaned,
    cut,
    depth,
    find_unstorable_number,
    marked,
    may_need_care,
)
from execledger_contracts.events import DATASCHEMA, Event
from execledger_contracts.fields import AS_READ, AS_SENT, PATTERN_RULES, microseconds
from execledger_contracts.models import MODELS, CloudEvent, OtherEvent
from execledger_contracts.structs import handed_on, read


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


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """An event, its id within its execution (a canonical UUID), what the log keeps of it, and when it happened.

    `text` is the whole event as one JSON object, cleaned; `digest` is its SHA-256. Two texts with different digests
    may still say the same: spacing, the order of keys and the mode make a difference to it.
    """

    event: Event
    event_id: str
    text: str
    digest: bytes
    at: int
    """Its time in microseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Why a record is no event: `detail` names the field and the rule, in at most 200 characters."""

    reason: Reason
    detail: str


Headers = Iterable[tuple[str, bytes | None]]

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9999, 12, 31, tzinfo=UTC)  # beyond it an offset leads out of Python's calendar
LATEST_AHEAD: Final = timedelta(hours=24)
_is_canonical_uuid: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
# What jsonb refuses even where it is overwritten, in the first of two equal keys.
_UNSTORABLE_ESCAPE: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_LONGEST_NUMBER: Final = 1000
# A digit that is lost when the number reads as 0; or an exponent of which numeric takes no zero either.
_NOT_QUITE_ZERO: Final = re.compile(r"-?[0.]*[1-9]|.*[eE][+-]?[0-9]{5}")
_OUR_SCHEMAS: Final = DATASCHEMA.rpartition(":")[0] + ":"
_EARLIEST_AT: Final = microseconds(EARLIEST)
_LATEST_AT: Final = microseconds(LATEST)
_AHEAD: Final = LATEST_AHEAD // timedelta(microseconds=1)
_DEFAULT_LIMITS: Final = Limits()
_DETAIL_LENGTH: Final = 200
_UNSTORABLE_CHARACTER: Final = re.compile("[\0\ud800-\udfff]")

_BRACKET: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_RULES: Final = {
    "missing": "is missing",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be an array",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "decimal_type": "must be a decimal number, as text or as a number",
    "decimal_parsing": "must be a decimal number, as text or as a number",
    "finite_number": "must be a finite number",
}
"""What is wrong, for whoever writes the producer; a rule of our own says it itself."""


def decode(
    value: bytes | None, headers: Headers = (), timestamp_ms: int = -1, limits: Limits = _DEFAULT_LIMITS
) -> Decoded | Undecodable:
    """Read one record: structured mode, or binary mode when `ce_` headers say so.

    `timestamp_ms` is the record's Kafka timestamp (negative: unknown); an event lies at most 24 h after it.
    """
    try:
        text = _structured_text(value, headers, limits)
        decoded = _plain(text, limits) or _careful(text, limits)
        _check_time(decoded, timestamp_ms)
    except _BadRecordError as bad:
        return Undecodable(bad.reason, _shortened(bad.detail))
    return decoded


def reread(text: str) -> Event:
    """The event of a text that `decode` gave: what the log keeps reads as it read on arrival."""
    try:
        encoded = text.encode()
        return _read(_parsed(encoded), encoded)
    except ValueError:  # attributes that are null, or a number that an equal key overwrites
        return _validated(json.loads(text))


class _BadRecordError(Exception):
    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def _plain(text: bytes, limits: Limits) -> Decoded | None:
    """The fast path: an event that needs no cleaning; None sends it to the slow one."""
    if may_need_care(text):
        return None
    try:
        document = _JSON.decode(text)
        if not isinstance(document, dict) or "data_base64" in document or _is_of_another_version(document):
            return None
        event = _read(document, text)
        if len(text) > Limits.PLAIN_BYTES and (clean := cut(document, limits)) != document:
            text = _dumped(clean)
            event = _read(clean, text)
    except ValueError:
        return None
    return _decoded(event, text)


def _parsed(text: bytes) -> Any:
    """JSON as msgspec reads it. ValueError: it is no JSON, or a number in it is not exact."""
    try:
        return _JSON.decode(text)
    except RecursionError:
        raise ValueError("nested deeper than Python calls") from None


def _exact(number: str) -> float:
    if math.isinf(read := _bounded(number)):
        raise ValueError("a number beyond a 64-bit float")
    return read


_JSON: Final = msgspec.json.Decoder(float_hook=_exact)


def _read(document: dict[str, Any], text: bytes) -> Event:
    try:
        event: Event = read(document)
    except ValueError:
        event = handed_on(_model(document).model_validate_json(text))
    return event


def _model(document: dict[str, Any]) -> type[CloudEvent]:
    kind = document.get("type")
    return MODELS.get(kind, OtherEvent) if isinstance(kind, str) else OtherEvent


def _careful(text: bytes, limits: Limits) -> Decoded:
    """The slow path: says what is wrong and where, cleans what may be kept."""
    sent = _document(text)
    _check_envelope(sent)
    document = _with_data_inline(sent)
    if depth(document.get("data")) > MAX_DEPTH:
        raise _BadRecordError(Reason.INVALID, f"data: nested more than {MAX_DEPTH} deep")
    if (path := find_unstorable_number(document)) is not None:
        raise _BadRecordError(Reason.INVALID, f"{_short_path(path)}: a number beyond a 64-bit float")
    marked_document = marked(document)
    event = _validated(marked_document)
    clean = cleaned(marked_document, limits)
    if clean == sent and not _UNSTORABLE_ESCAPE.search(text):
        return _decoded(event, text)
    return _decoded(_validated(clean), _dumped(clean))


def _decoded(event: Event, text: bytes) -> Decoded:
    return Decoded(event, event_id_of(event), text.decode(), sha256(text).digest(), microseconds(event.time))


def event_id_of(event: CloudEvent) -> str:
    """Its identity within its execution: a canonical lower-case UUID as sent, else made from source and id."""
    return event.id if _is_canonical_uuid(event.id) else str(uuid5(NAMESPACE_URL, f"{event.source}\n{event.id}"))


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
    sent = {name.lower(): value for name, value in headers if value is not None}
    if sent.get("content-type", b"").lower().startswith(b"application/cloudevents"):
        return None
    attributes = {name[3:]: value for name, value in sent.items() if name.startswith("ce_")}
    try:
        return {name: value.decode() for name, value in attributes.items() if name not in ("data", "data_base64")}
    except UnicodeDecodeError as error:
        raise _BadRecordError(Reason.NOT_UTF8, f"a ce_ header is not UTF-8: {error.reason}") from None


def _assembled(attributes: dict[str, str], data: bytes) -> bytes:
    envelope = json.dumps(attributes).encode()
    if not data.strip():
        return envelope
    try:
        _parsed(data)  # alone, lest a broken value be completed by what surrounds it
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
    if _nests_too_deep(characters):
        raise _BadRecordError(Reason.INVALID, f"data: nested more than {MAX_DEPTH} deep")
    try:
        return json.loads(characters, parse_constant=_refuse_constant, parse_int=_bounded_int, parse_float=_bounded)
    except json.JSONDecodeError as error:
        raise _BadRecordError(Reason.NOT_JSON, f"character {error.pos}: {error.msg}") from None


def _nests_too_deep(characters: str) -> bool:
    """Whether the brackets outside strings nest too deep: known before a recursive reader meets them."""
    if characters.count("[") + characters.count("{") <= DEEPEST:
        return False
    level = 0
    for match in _BRACKET.finditer(characters):
        level += 1 if match[0] in "[{" else -1 if match[0] in "]}" else 0
        if level > DEEPEST:
            return True
    return False


def _refuse_constant(name: str) -> Any:
    raise _BadRecordError(Reason.NOT_JSON, f"{name} is not JSON")


def _bounded_int(digits: str) -> int | float:
    return int(digits) if len(digits) < 400 else float("inf")


def _bounded(number: str) -> float:
    """Infinity also for what is too long or too near to 0: far enough out, jsonb and numeric refuse it."""
    read = float(number)
    is_lost = len(number) > _LONGEST_NUMBER or (read == 0 and _NOT_QUITE_ZERO.match(number))
    return float("inf") if is_lost else read


def _check_envelope(document: dict[str, Any]) -> None:
    """The versions first: what an unknown one says cannot be judged."""
    version = document.get("specversion")
    if version is None:
        raise _BadRecordError(Reason.NOT_CLOUDEVENT, "specversion: is missing, CloudEvents 1.0 needs it")
    if version != "1.0":
        raise _BadRecordError(Reason.UNSUPPORTED_VERSION, f"specversion: only 1.0 is read, this is {_shown(version)}")
    if _is_of_another_version(document):
        shown = _shown(document["dataschema"])
        raise _BadRecordError(Reason.UNSUPPORTED_VERSION, f"dataschema: only {DATASCHEMA} is read, this is {shown}")


def _is_of_another_version(document: dict[str, Any]) -> bool:
    """Whether its schema is one of ours, and neither the one that is read nor a minor version of that."""
    schema = document.get("dataschema")
    if schema == DATASCHEMA or not isinstance(schema, str) or not schema.startswith(_OUR_SCHEMAS):
        return False
    return schema.split(".")[0] != DATASCHEMA


def _with_data_inline(sent: dict[str, Any]) -> dict[str, Any]:
    """CloudEvents may carry JSON data as base64 in structured mode."""
    document = {name: value for name, value in sent.items() if name != "data_base64"}
    encoded = sent.get("data_base64")
    if encoded is None or sent.get("data") is not None:
        return document
    try:
        value = base64.b64decode(encoded, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise _BadRecordError(Reason.INVALID, f"data_base64: must be base64, this is {_shown(encoded)}") from None
    return {**document, "data": _document_value(value)} if value.strip() else document


def _validated(document: dict[str, Any]) -> Event:
    said = {name: value for name, value in document.items() if value is not None}  # CloudEvents: null is unset
    try:
        event: Event = handed_on(_model(said).model_validate_json(_dumped(said)))
    except ValidationError as error:
        raise _BadRecordError(Reason.INVALID, _explained(error.errors(include_url=False))) from None
    return event


def _dumped(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _explained(errors: list[ErrorDetails]) -> str:
    """The first field at fault; where there are two readings of it, by the more lenient one, which failed too."""
    error = next((error for error in errors if AS_SENT not in error["loc"]), errors[0])
    shown = "" if error["type"] == "missing" else f", this is {_shown(error['input'])}"
    return f"{_path(error)}: {_rule(error)}{shown}"


def _path(error: ErrorDetails) -> str:
    """Where it is, without the names of the readings of a union."""
    return _short_path(".".join(str(part) for part in error["loc"] if part not in (AS_SENT, AS_READ)))


def _short_path(path: str) -> str:
    """Short enough to leave room for the rule."""
    return path if len(path) <= 80 else path[:79] + "…"


def _rule(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] == "string_pattern_mismatch":
        return PATTERN_RULES[context["pattern"]]
    rule = _RULES.get(error["type"], error["msg"].removeprefix("Value error, "))
    return rule.format_map(context) if error["type"] in _RULES else rule


def _shown(value: Any) -> str:
    """As JSON, cut short."""
    shown = json.dumps(value[:100] if isinstance(value, str) else value, default=str)
    return shown if len(shown) <= 40 else shown[:39] + "…"


def _shortened(detail: str) -> str:
    """Short, and of characters that a header and a database take."""
    text = _UNSTORABLE_CHARACTER.sub("\ufffd", detail)
    return text if len(text) <= _DETAIL_LENGTH else text[: _DETAIL_LENGTH - 1] + "…"


def _check_time(decoded: Decoded, timestamp_ms: int) -> None:
    if not _EARLIEST_AT <= decoded.at < _LATEST_AT:
        raise _BadRecordError(Reason.INVALID, f"time: must lie in 2000 to 9999, this is {_time_of(decoded)}")
    if timestamp_ms >= 0 and decoded.at > timestamp_ms * 1000 + _AHEAD:
        raise _BadRecordError(
            Reason.INVALID, f"time: must be at most 24 h after the record's timestamp, this is {_time_of(decoded)}"
        )


def _time_of(decoded: Decoded) -> str:
    return decoded.event.time.isoformat()
