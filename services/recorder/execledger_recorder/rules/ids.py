"""Ids: an execution's own UUIDv7, and the uuids that stand for foreign ids in columns of that type."""

import re
import secrets
from datetime import datetime
from functools import lru_cache
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from execledger_contracts.decoding import EARLIEST, LATEST, LATEST_AHEAD

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_UUID7: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def own_id(external_id: str, timestamp_ms: int) -> str | None:
    """The external id when it can be the execution's id too: a canonical UUIDv7 with a plausible time in it.

    `timestamp_ms` is the record's Kafka timestamp.
    """
    if not _UUID7.fullmatch(external_id):
        return None
    earliest = int(EARLIEST.timestamp() * 1000)
    latest = min(timestamp_ms + int(LATEST_AHEAD.total_seconds() * 1000), int(LATEST.timestamp() * 1000) - 1)
    return external_id if earliest <= id_milliseconds(external_id) <= latest else None


def new_id(at: datetime) -> str:
    """A UUIDv7 of this moment (RFC 9562, 5.7): milliseconds since 1970, then random bits."""
    milliseconds = int(at.timestamp() * 1000)
    random = secrets.randbits(74)
    return str(UUID(int=milliseconds << 80 | 7 << 76 | (random >> 62) << 64 | 2 << 62 | random & (1 << 62) - 1))


def id_milliseconds(uuid7: str) -> int:
    """The time in a UUIDv7, in milliseconds since 1970."""
    return int(uuid7[:8] + uuid7[9:13], 16)


@lru_cache(maxsize=16_384)
def foreign_uuid(kind: str, value: str | None) -> str | None:
    """A foreign id as a uuid: itself when it is one, else derived from it and what it is the id of."""
    if value is None:
        return None
    lowered = value.lower()
    return lowered if _UUID.fullmatch(lowered) else str(uuid5(NAMESPACE_URL, f"execledger:{kind}:{value}"))
