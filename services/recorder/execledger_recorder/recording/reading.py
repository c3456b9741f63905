"""Kafka records decoded, each by itself: a bad one does not hold up its neighbours."""

import asyncio
from collections.abc import Sequence
from typing import Final

from execledger_contracts.cleaning import Limits
from execledger_contracts.decoding import Reason, Undecodable, decode
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.arrivals import Read
from execledger_runtime.kafka.records import MOST_BYTES, MOST_RECORDS, Unread

# Bytes decoded before the loop turns, about 1 ms, and what a record counts beside them; a larger one goes to a thread.
# The group waits 10 s for a sign of life: 50 records of a megabyte took 20 s, and one of nothing but brackets took 4 s.
TURN: Final = 100_000
RECORD_WEIGHT: Final = 1000

_UNREAD: Final = Undecodable(
    Reason.TOO_LARGE,
    f"not read: its batch comes to more than {MOST_BYTES} bytes or {MOST_RECORDS} records, or is damaged",
)


def read(records: Sequence[Record], limits: Limits) -> list[Read]:
    """Decode each record."""
    return [_read_one(record, limits) for record in records]


async def read_in_turns(records: Sequence[Record], limits: Limits) -> list[Read]:
    """The same, in turns with other work: the transaction of the batch before goes on, and so does the group."""
    reads: list[Read] = []
    weight = 0
    for record in records:
        size = len(record.value or b"")
        reads.append(await asyncio.to_thread(_read_one, record, limits) if size >= TURN else _read_one(record, limits))
        weight += RECORD_WEIGHT + size
        if weight >= TURN:
            weight = 0
            await asyncio.sleep(0)
    return reads


def _read_one(record: Record, limits: Limits) -> Read:
    if isinstance(record.value, Unread):
        return record, _UNREAD
    return record, decode(record.value, record.headers, record.timestamp_ms, limits)
