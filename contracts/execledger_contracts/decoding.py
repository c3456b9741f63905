"""From the bytes of a Kafka record to an event, or to the reason why there is none.

Pure, and it never raises for what a producer sent. A record is read alone, so that a neighbour cannot disturb it.
msgspec parses it, and reads what is usual; what is not, pydantic reads, whose models are the contract; what must be
cleaned, or is no event, takes the slow path. Why there are three: docs/decisions/0021.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from itertools import islice
from typing import Any, Final

import msgspec
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from uuid_utils import NAMESPACE_URL, uuid5

from execledger_contracts.cleaning import UNSTORABLE, Limits, cut, has_many_parts, may_need_care, storable
from execledger_contracts.events import DATASCHEMA, Event
from execledger_contracts.fields import PATTERN_RULES, microseconds
from execledger_contracts.ignored import Ignored, Notes
from execledger_contracts.mending import mend
from execledger_contracts.models import COSTS_THE_EVENT, CloudEvent, model_of
from execledger_contracts.modes import Headers, NotUtf8Error, assembled, binary_attributes, with_data_inline
from execledger_contracts.parsing import BOM, Odd, parse, parse_exactly
from execledger_contracts.structs import handed_on, read


class Reason(StrEnum):
    """Why a record became a dead letter; the last two are judged by the recorder, the others by its content."""

    TOMBSTONE = "tombstone"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_CLOUDEVENT = "not_cloudevent"
    INVALID = "invalid"
    UNSUPPORTED_VERSION = "unsupported_version"
    TOO_LARGE = "too_large"
    UNSTORABLE = "unstorable"
    FORBIDDEN = "forbidden"


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """An event, its id within its execution (a canonical UUID), what the log keeps of it, and when it happened.

    `text` is the whole event as one JSON object, as it was sent as far as Postgres can hold it; `digest` is the SHA-256
    of what makes it the event that it is: type, time, attempt, sequence and data. Spacing, the order of keys and the
    mode make no difference to it.
    """

    event: Event
    event_id: str
    text: str
    digest: bytes
    at: int
    """Its time in microseconds since 1970."""
    ignored: tuple[Ignored, ...] = ()
    """What was left out, or read otherwise than it was sent."""


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Why a record is no event: `detail` names the field and the rule, in at most 200 characters.

    `tenant_id` is whose record it is, where that can be shown.
    """

    reason: Reason
    detail: str
    tenant_id: str | None = None


EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9999, 12, 31, tzinfo=UTC)  # beyond it an offset leads out of Python's calendar
LATEST_AHEAD: Final = timedelta(hours=24)
_canonical: Final = msgspec.json.Encoder(order="deterministic").encode
_is_short_number: Final = re.compile(r"[0-9]{1,18}").fullmatch
# What jsonb refuses even where it is overwritten, in the first of two equal keys.
_UNSTORABLE_ESCAPE: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_OUR_SCHEMAS: Final = DATASCHEMA.rpartition(":")[0] + ":"
_EARLIEST_AT: Final = microseconds(EARLIEST)
_LATEST_AT: Final = microseconds(LATEST)
_AHEAD: Final = LATEST_AHEAD // timedelta(microseconds=1)
_DEFAULT_LIMITS: Final = Limits()
_DETAIL_LENGTH: Final = 200
_SHOWN: Final = 40
_ENCODER: Final = json.JSONEncoder(default=str)
_THIS_IS: Final = ", this is "  # stands before the value, in every detail that quotes one
_RULES: Final = {
    "missing": "is missing",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "int_type": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}
"""What is wrong, for whoever writes the producer; a rule of our own says it itself."""


def decode(
    value: bytes | None, headers: Headers = (), timestamp_ms: int = -1, limits: Limits = _DEFAULT_LIMITS
) -> Decoded | Undecodable:
    """Read one record: structured mode, or binary mode when `ce_specversion` says so.

    `timestamp_ms` is the record's Kafka timestamp (negative: unknown); an event lies at most 24 h after it.
    """
    try:
        text = _structured_text(value, headers, limits)
        decoded = _plain(text, limits) or _careful(text, limits)
        _check_time(decoded, timestamp_ms)
    except _BadRecordError as bad:
        return Undecodable(bad.reason, shortened(bad.detail))
    return decoded


def reread(text: str) -> Event:
    """The event of a text that `decode` gave: what the log keeps reads as it read on arrival."""
    try:
        document = parse_exactly(text.encode())
    except ValueError:  # a number that an equal key overwrites
        document = json.loads(text)
    return _event_of(document, Notes())


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
        document = parse_exactly(text)
        if not isinstance(document, dict) or "data_base64" in document or _is_of_another_version(document):
            return None
        if len(text) > Limits.PLAIN_BYTES or (len(text) > Limits.FEW_BYTES and has_many_parts(document)):
            return _unusual(document, text, limits)
        try:
            event = read(_with_numbers(document))
        except ValueError:
            return _unusual(document, text, limits)
    except ValueError:
        return None
    return _decoded(event, document, text, ())


def _unusual(document: dict[str, Any], text: bytes, limits: Limits) -> Decoded:
    """An event that is large, or whose values do not all fit; ValueError: it is none."""
    if any(isinstance(document.get(name), dict | list) for name in COSTS_THE_EVENT):
        raise ValueError("it is refused, and need not be cut before")
    notes = Notes()
    if (clean := cut(document, limits, notes)) != document:
        text = _dumped(clean)
    event = _event_of(clean, notes)
    return _decoded(event, clean, text, notes.all())


def _with_numbers(document: dict[str, Any]) -> dict[str, Any]:
    """CloudEvents says that a sequence is text, so its SDKs write digits: too often to be mended each time."""
    if not isinstance(document.get("sequence"), str) and not isinstance(document.get("attempt"), str):
        return document
    said = {name: document.get(name) for name in ("sequence", "attempt")}
    return {**document, **{name: int(n) for name, n in said.items() if isinstance(n, str) and _is_short_number(n)}}


def _event_of(document: dict[str, Any], notes: Notes) -> Event:
    """Structs read what is usual; what is not is mended first. ValueError: it is no event."""
    try:
        event: Event = read(_with_numbers(document))
    except ValueError:
        model = model_of(document.get("type"))
        mended = mend(document, model, notes)
        try:
            event = read(mended)
        except ValueError:
            event = handed_on(model.model_validate_json(_dumped(mended)))
    return event


def _careful(text: bytes, limits: Limits) -> Decoded:
    """The slow path: says what is wrong and where, cleans what may be kept."""
    sent = _document(text)
    _check_envelope(sent)
    notes = Notes()
    inline = with_data_inline(sent, notes)
    clean = cut(storable(inline, notes), limits, notes)
    try:
        event = _event_of(clean, notes)
    except ValidationError as error:
        raise _BadRecordError(Reason.INVALID, _explained(error.errors(include_url=False)[0])) from None
    is_as_sent = not notes and inline.keys() == sent.keys() and _is_storable(text)
    return _decoded(event, clean, text if is_as_sent else _dumped(clean), notes.all())


def _is_storable(text: bytes) -> bool:
    """Whether Postgres takes it: also what an equal key overwrites."""
    try:
        parse_exactly(text)
    except ValueError:
        return False
    return not _UNSTORABLE_ESCAPE.search(text)


def _decoded(event: Event, document: dict[str, Any], text: bytes, ignored: tuple[Ignored, ...]) -> Decoded:
    at = microseconds(event.time)
    return Decoded(event, event_id_of(event), text.decode(), _digest_of(event, at, document), at, ignored)


def _digest_of(event: Event, at: int, document: dict[str, Any]) -> bytes:
    content = [event.type, at, event.attempt, event.sequence, document.get("data"), document.get("data_base64")]
    return sha256(_canonical(content)).digest()


def event_id_of(event: CloudEvent) -> str:
    """Its identity: made of source and id together, as CloudEvents says."""
    return str(uuid5(NAMESPACE_URL, f"{event.source}\n{event.id}"))


def _structured_text(value: bytes | None, headers: Headers, limits: Limits) -> bytes:
    """The event as one JSON object, whichever mode it was sent in."""
    try:
        attributes = binary_attributes(headers) if headers else None
    except NotUtf8Error as error:
        raise _BadRecordError(Reason.NOT_UTF8, str(error)) from None
    if value is None and attributes is None:
        raise _BadRecordError(Reason.TOMBSTONE, "the record has no value")
    text = value or b""
    size = len(text) + sum(len(name) + len(said or b"") for name, said in headers)
    if size > limits.record_bytes:
        raise _BadRecordError(Reason.TOO_LARGE, f"{size} bytes, at most {limits.record_bytes} are read")
    return text.removeprefix(BOM) if attributes is None else assembled(attributes, text)


def _document(text: bytes) -> dict[str, Any]:
    try:
        document = parse(text.decode())
    except UnicodeDecodeError as error:
        raise _BadRecordError(Reason.NOT_UTF8, f"byte {error.start}: {error.reason}") from None
    except json.JSONDecodeError as error:
        raise _BadRecordError(Reason.NOT_JSON, f"character {error.pos}: {error.msg}") from None
    if not isinstance(document, dict):
        raise _BadRecordError(Reason.NOT_CLOUDEVENT, f"a JSON object is needed, this is {_shown(document)}")
    return document


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
    for name in COSTS_THE_EVENT & document.keys():
        _check_attribute(name, document[name])


def _check_attribute(name: str, sent: Any) -> None:
    """What other values are cleaned of, one that says which event this is must not hold; and what is large is refused
    before anything is done with it."""
    if isinstance(sent, dict | list):
        rule = "a whole number" if name == "attempt" else "text"
        raise _BadRecordError(Reason.INVALID, f"{name}: must be {rule}, this is {_shown(sent)}")
    if isinstance(sent, Odd) or (isinstance(sent, str) and UNSTORABLE.search(sent)):
        rule = "must be finite and exact" if isinstance(sent, Odd) else "must not hold NUL or a lone surrogate"
        raise _BadRecordError(Reason.INVALID, f"{name}: {rule}, this is {_shown(sent)}")


def _is_of_another_version(document: dict[str, Any]) -> bool:
    """Whether its schema is one of ours, and neither the one that is read nor a minor version of that."""
    schema = document.get("dataschema")
    if schema == DATASCHEMA or not isinstance(schema, str) or not schema.startswith(_OUR_SCHEMAS):
        return False
    return schema.split(".")[0] != DATASCHEMA


def _dumped(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _explained(error: ErrorDetails) -> str:
    """The first field at fault."""
    shown = "" if error["type"] == "missing" else f", this is {_shown(error['input'])}"
    return f"{'.'.join(map(str, error['loc']))}: {_rule(error)}{shown}"


def _rule(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] == "string_pattern_mismatch":
        return PATTERN_RULES[context["pattern"]]
    rule = _RULES.get(error["type"], error["msg"].removeprefix("Value error, "))
    return rule.format_map(context) if error["type"] in _RULES else rule


def _shown(value: Any) -> str:
    """As JSON, cut short."""
    value = value.rule if isinstance(value, Odd) else value
    start = value[:100] if isinstance(value, str) else value
    shown = "".join(islice(_ENCODER.iterencode(start), _SHOWN + 1))  # no more of it than is shown
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"


def shortened(detail: str) -> str:
    """Short, and of characters that a header and a database take."""
    text = UNSTORABLE.sub("\ufffd", detail)
    return text if len(text) <= _DETAIL_LENGTH else text[: _DETAIL_LENGTH - 1] + "…"


def without_value(detail: str) -> str:
    """What a detail says of the rule, without the value that broke it."""
    return detail.partition(_THIS_IS)[0]


def _check_time(decoded: Decoded, timestamp_ms: int) -> None:
    if not _EARLIEST_AT <= decoded.at < _LATEST_AT:
        raise _BadRecordError(Reason.INVALID, f"time: must lie in 2000 to 9999, this is {_time_of(decoded)}")
    if timestamp_ms >= 0 and decoded.at > timestamp_ms * 1000 + _AHEAD:
        raise _BadRecordError(
            Reason.INVALID, f"time: must be at most 24 h after the record's timestamp, this is {_time_of(decoded)}"
        )


def _time_of(decoded: Decoded) -> str:
    return decoded.event.time.isoformat()
