"""What decoding promises for any bytes at all, and bytes to start from."""

import json
import math
from typing import Any, Final
from uuid import UUID

from execledger_contracts.cleaning import Limits
from execledger_contracts.decoding import EARLIEST, LATEST, Decoded, Headers, Reason, Undecodable, decode, reread
from execledger_contracts.samples import INVALID, VALID

SMALL: Final = Limits(text_bytes=16_384, json_bytes=16_384)
CORPUS: Final = [sample.record()[0] or b"" for sample in (*VALID, *INVALID) if not sample.headers]
EVENTS: Final = [sample.value for sample in VALID if isinstance(sample.value, dict) and not sample.headers]
TOKENS: Final = [
    *(b"NaN", b"-Infinity", b"1e400", b"-1E+999", b"1e-400", b"-0", b"9" * 310, b"9" * 250 + b"e99", b"1e22", b"5.0"),
    *(b"null", b"true", b'""', b'"\\u0000"', b'"\\ud800"', b'"\\ud83d\\ude00"', b'"NaN"', b'"\\\\u0000"', b"{}", b"[]"),
    *(b"[" * 101, b'{"a":' * 60, b"[" * 90 + b"]" * 90, b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf"),
    *(b'"data_base64":"e30=",', b'"data":null,', b'"id":"again",', b'"' + b"x" * 20_000 + b'"', b"}", b",", b"\\"),
]


def check(value: bytes | None, headers: Headers = (), timestamp_ms: int = -1, limits: Limits = SMALL) -> bool:
    """Whether the record is an event: one that can be stored and read again; else there is a reason."""
    result = decode(value, headers, timestamp_ms, limits)
    match result:
        case Undecodable(reason, detail):
            assert isinstance(reason, Reason)
            assert 0 < len(detail) <= 200
            assert "\0" not in detail
            assert detail.encode()
        case Decoded(event, event_id, text, _):
            assert_storable(json.loads(text, parse_constant=no_json))
            assert str(UUID(event_id)) == event_id
            assert EARLIEST <= event.time < LATEST
            assert reread(text) == event
            assert decode(text.encode(), (), timestamp_ms, limits) == result
    return isinstance(result, Decoded)


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
