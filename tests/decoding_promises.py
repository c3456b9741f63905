"""What decoding promises for any bytes at all, and bytes to start from."""

import json
import math
from datetime import UTC, datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import msgspec

from bench.events import EVENTS_AN_EXECUTION, mix
from execledger_contracts import structs
from execledger_contracts.cleaning import Limits, may_need_care
from execledger_contracts.decoding import (
    EARLIEST,
    LATEST,
    Decoded,
    Reason,
    Undecodable,
    decode,
    reread,
)
from execledger_contracts.events import Event
from execledger_contracts.ignored import MOST
from execledger_contracts.models import model_of
from execledger_contracts.modes import Headers
from execledger_contracts.parsing import parse_exactly
from execledger_contracts.samples import INVALID, LENIENT, VALID
from execledger_contracts.structs import handed_on, read

SMALL: Final = Limits(text_bytes=16_384, json_bytes=16_384)
USUAL: Final = [value for _, value in mix(1, until=datetime(2026, 1, 1, tzinfo=UTC))]
assert len(USUAL) == EVENTS_AN_EXECUTION
CORPUS: Final = [*(sample.record()[0] or b"" for sample in (*VALID, *LENIENT, *INVALID) if not sample.headers), *USUAL]
EVENTS: Final[list[dict[str, Any]]] = [
    *(sample.value for sample in (*VALID, *LENIENT) if isinstance(sample.value, dict) and not sample.headers),
    *map(json.loads, USUAL),
]
TOKENS: Final = [
    *(b"NaN", b"-Infinity", b"1e400", b"-1E+999", b"1e-400", b"-0", b"9" * 310, b"9" * 250 + b"e99", b"1e22", b"5.0"),
    *(b"null", b"true", b'""', b'"\\u0000"', b'"\\ud800"', b'"\\ud83d\\ude00"', b'"NaN"', b'"\\\\u0000"', b"{}", b"[]"),
    *(b"[" * 101, b'{"a":' * 60, b"[" * 90 + b"]" * 90, b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf"),
    *(b'"data_base64":"e30=",', b'"data":null,', b'"id":"again",', b'"' + b"x" * 20_000 + b'"', b"}", b",", b"\\"),
]
# What two readers may read differently when it is all that a field says.
VALUES: Final = [
    *(b"null", b"true", b"0", b"-0", b"-1", b"1.0", b"0.5", b"-0.0", b"1e0", b"100", b"101", b"1e5", b"1e-7", b"1e22"),
    *(str(edge + by).encode() for edge in (2**31, 2**53, 2**63, 2**64, 10**9) for by in (-1, 0, 1)),
    *(
        b'""',
        b'" "',
        b'"5"',
        b'"1e5"',
        b'"0.0000000005"',
        b'"-0"',
        b'"1_0"',
        b'" 1 "',
        b'"NaN"',
        b'"\\u007f"',
        b'"a b"',
    ),
    *('"\u00e9\u2028"'.encode(), b'"\\ud83d\\ude00"', b'"\\ud83d"', b'"\xc0\x80"', b'"MANUAL"', b'"manual"', b'"1.0"'),
    *(f'"{character * count}"'.encode() for character in ("x", "\u00e9", "\U0001f600") for count in (255, 256, 2049)),
    *(b"[]", b'["t"]', b'["t", null]', b"[5]", b"{}", b'{"id": "a"}', b'{"name": ""}', b'{"k": "x"}', b'{"k": 1}'),
    b'{"step": {"id": "a"}}',
    *(
        f'"2026-01-01T12:00:00{rest}"'.encode()
        for rest in ("Z", "z", "", ".5Z", ".123456Z", ".1234567Z", ".Z", "+0100")
    ),
    *(f'"2026-01-01T12:00:00{rest}"'.encode() for rest in ("-00:00", "+23:59", "+24:00", ".123456-08:00", "+1:00")),
    *(f'"2026-01-01T12:00:00.9999999{rest}"'.encode() for rest in ("Z", "+01:00", "+0100")),
    *(b'"2026-01-01t12:00:00z"', b'"2026-01-01 12:00:00Z"', b'"2016-12-31T23:59:60Z"', b'"2026-01-01T24:00:00Z"'),
    *(b'"0000-01-01T00:00:00Z"', b'"2026-02-29T00:00:00Z"', b'"2026-01-01"', b'"2026-W01-1T00:00:00Z"', b'"20260101"'),
]
_HOLE: Final = "\ufffe"


def paths(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to each value within a value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = [path for key, child in children for path in paths(child, (*at, key))]
    return [at, *below] if at else below


def replaced(value: Any, path: tuple[str | int, ...], by: Any) -> Any:
    """The same with something else at the end of the path."""
    if not path:
        return by
    copy = value.copy()
    copy[path[0]] = replaced(copy[path[0]], path[1:], by)
    return copy


def with_token(event: dict[str, Any], path: tuple[str | int, ...], token: bytes) -> bytes:
    """The event's JSON with those bytes as one of its values."""
    return json.dumps(replaced(event, path, _HOLE)).encode().replace(json.dumps(_HOLE).encode(), token)


def check(value: bytes | None, headers: Headers = (), timestamp_ms: int = -1, limits: Limits = SMALL) -> bool:
    """Whether the record is an event: one that can be stored and read again; else there is a reason."""
    result = decode(value, headers, timestamp_ms, limits)
    match result:
        case Undecodable(reason, detail):
            assert isinstance(reason, Reason)
            assert 0 < len(detail) <= 200
            assert "\0" not in detail
            assert detail.encode()
        case Decoded(event, event_id, text, _, _, ignored):
            assert_storable(json.loads(text, parse_constant=no_json))
            assert event_id == str(uuid5(NAMESPACE_URL, f"{event.source}\n{event.id}"))
            assert EARLIEST <= event.time < LATEST
            assert reread(text) == event
            again = decode(text.encode(), (), timestamp_ms, limits)
            assert isinstance(again, Decoded)
            assert msgspec.structs.replace(again, ignored=ignored) == result
            assert {note.field for note in again.ignored} <= {note.field for note in ignored} or len(ignored) == MOST
            assert len(ignored) <= MOST
            assert all(len(note.field) <= 255 for note in ignored)
            assert_read_alike(text.encode())
    assert_read_alike(value or b"")
    return isinstance(result, Decoded)


def assert_read_alike(text: bytes) -> bool:
    """Whether it is an event that structs read: then its model reads it too, as the same to the type of each value."""
    try:
        document = {} if may_need_care(text) else parse_exactly(text)
        event = read(document)
    except (ValueError, AttributeError):
        return False
    of_model = handed_on(model_of(document.get("type")).model_validate_json(text))
    assert event == of_model
    assert _shown(event) == _shown(of_model)
    return True


def _shown(event: Event) -> str:
    """With 1 and 1.0 and true told apart, and the offset of its time."""
    return repr(structs.replaced(event, time=event.time.isoformat()))


def no_json(token: str) -> Any:
    raise AssertionError(f"{token} is no JSON")


def assert_storable(value: Any) -> None:
    match value:
        case str():
            assert "\0" not in value
            assert value.encode() is not None
        case float():
            assert math.isfinite(value)
        case dict():
            for key, child in value.items():
                assert_storable(key)
                assert_storable(child)
        case list():
            for child in value:
                assert_storable(child)
