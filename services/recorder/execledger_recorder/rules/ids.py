"""Ids: an execution's own UUIDv7."""

import re
import secrets
from collections.abc import Set
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from execledger_contracts.decoding import EARLIEST, LATEST, LATEST_AHEAD
from execledger_recorder.rules.months import Month, month_of

_UUID7: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


_OVERFLOW_MS: Final = int(EARLIEST.timestamp() * 1000)  # below it lies no time that an event may have


def wanted_id(external_id: str, timestamp_ms: int, at: datetime, nowhere: Set[Month]) -> str:
    """The id of a new execution: its own, else one of our making, in a month that has a place for it.

    `at` is the time of its event; of what belongs to months that are `nowhere` the id lies in the range that is always
    there, which ends where the times of events begin.
    """
    own = own_id(external_id, timestamp_ms)
    if own is not None and month_of(datetime.fromtimestamp(id_milliseconds(own) / 1000, UTC)) not in nowhere:
        return own
    return new_id(at, nowhere)


def own_id(external_id: str, timestamp_ms: int) -> str | None:
    """The external id when it can be the execution's id too: a canonical UUIDv7 with a plausible time in it.

    `timestamp_ms` is the record's Kafka timestamp.
    """
    if not _UUID7.fullmatch(external_id):
        return None
    earliest = int(EARLIEST.timestamp() * 1000)
    latest = min(timestamp_ms + int(LATEST_AHEAD.total_seconds() * 1000), int(LATEST.timestamp() * 1000) - 1)
    return external_id if earliest <= id_milliseconds(external_id) <= latest else None


def new_id(at: datetime, nowhere: Set[Month] = frozenset()) -> str:
    """A UUIDv7 of this moment (RFC 9562, 5.7): milliseconds since 1970, then random bits; of another if it must be."""
    milliseconds = int(at.timestamp() * 1000)
    if nowhere and month_of(at) in nowhere:
        milliseconds %= _OVERFLOW_MS
    random = secrets.randbits(74)
    return str(UUID(int=milliseconds << 80 | 7 << 76 | (random >> 62) << 64 | 2 << 62 | random & (1 << 62) - 1))


def id_milliseconds(uuid7: str) -> int:
    """The time in a UUIDv7, in milliseconds since 1970."""
    return int(uuid7[:8] + uuid7[9:13], 16)
