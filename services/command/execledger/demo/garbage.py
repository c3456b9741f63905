"""Records that are no events: of every kind that a producer can cause, and that a recorder must survive."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from execledger_contracts.decoding import Reason

Headers = list[tuple[str, bytes]]

_KEY: Final = b"garbage"


def garbage(now: datetime) -> Iterator[tuple[Reason, tuple[bytes | None, bytes | None, Headers]]]:
    """Each record with the reason for which it becomes a dead letter."""
    for reason, value in [*_broken(), *_unreadable(now), *_invalid(now)]:
        yield reason, (_KEY, value, [])
    yield Reason.NOT_UTF8, (None, b"{}", [("ce_specversion", b"1.0"), ("ce_id", b"\xff\xfe")])
    yield Reason.INVALID, (None, b"<data/>", _binary_headers(now))


def _broken() -> Iterator[tuple[Reason, bytes | None]]:
    yield Reason.TOMBSTONE, None
    yield Reason.NOT_UTF8, b'{"specversion": "1.0", "id": "\xff"}'
    yield Reason.NOT_JSON, b""
    yield Reason.NOT_JSON, b"<html>502 Bad Gateway</html>"
    yield Reason.NOT_JSON, b'{"specversion": "1.0", "id": "cut off in the mid'
    yield Reason.NOT_CLOUDEVENT, b'["a", "list"]'
    yield Reason.NOT_CLOUDEVENT, b'{"level": "INFO", "message": "a log line gone astray"}'


def _unreadable(now: datetime) -> Iterator[tuple[Reason, bytes]]:
    yield Reason.UNSUPPORTED_VERSION, _event(now, specversion="0.3")
    yield Reason.UNSUPPORTED_VERSION, _event(now, dataschema="urn:execledger:events:2")


def _invalid(now: datetime) -> Iterator[tuple[Reason, bytes]]:
    changes: tuple[dict[str, Any], ...] = (
        {"time": "yesterday at noon"},
        {"time": "2026-03-01 12:00:00"},
        {"time": "1970-01-01T00:00:00Z"},
        {"time": (now + timedelta(days=30)).isoformat()},
        {"subject": ""},
        {"subject": "x" * 300},
        {"attempt": 0},
        {"attempt": "first"},
        {"id": "x" * 1025},
        {"type": "step.started", "data": {"step": {"iteration": 1}}},
        {"tenantid": ""},
    )
    for change in changes:
        yield Reason.INVALID, _event(now, **change)


def _event(now: datetime, **changes: Any) -> bytes:
    return json.dumps({**_attributes(now), **changes}).encode()


def _binary_headers(now: datetime) -> Headers:
    """Of a step that its data does not name, for nobody can read it."""
    attributes = {**_attributes(now), "type": "step.started"}
    return [(f"ce_{name}", value.encode()) for name, value in attributes.items()]


def _attributes(now: datetime) -> dict[str, str]:
    return {
        "specversion": "1.0",
        "id": "garbage-1",
        "source": "urn:acme:broken",
        "type": "execution.started",
        "subject": "never-recorded",
        "time": now.isoformat(),
    }
