"""Kafka records decoded, each by itself: a bad one does not hold up its neighbours."""

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from execledger_contracts.cleaning import Limits
from execledger_contracts.decoding import Reason, Undecodable, decode
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.arrivals import Read
from execledger_recorder.rules.translation import Translation, is_translated, translated
from execledger_runtime.kafka.records import MOST_BYTES, MOST_RECORDS, Unread

# Bytes decoded before the loop turns, about 1 ms, and what a record counts beside them; a larger one goes to a thread.
# The group waits 10 s for a sign of life: 50 records of a megabyte took 20 s, and one of nothing but brackets took 4 s.
TURN: Final = 100_000
RECORD_WEIGHT: Final = 1000

_UNREAD: Final = Undecodable(
    Reason.TOO_LARGE,
    f"not read: its batch comes to more than {MOST_BYTES} bytes or {MOST_RECORDS} records, or is damaged",
)


Translations = Mapping[str, Translation]
"""How topics are read that hold the events of other systems."""

_NONE: Final[Translations] = MappingProxyType({})


def read(records: Sequence[Record], limits: Limits, translations: Translations = _NONE) -> list[Read]:
    """Decode each record."""
    return [each for record in records for each in _read_one(record, limits, translations)]


async def read_in_turns(records: Sequence[Record], limits: Limits, translations: Translations = _NONE) -> list[Read]:
    """The same, in turns with other work: the transaction of the batch before goes on, and so does the group."""
    reads: list[Read] = []
    weight = 0
    for record in records:
        size = len(record.value or b"")
        said = (record, limits, translations)
        reads += await asyncio.to_thread(_read_one, *said) if size >= TURN else _read_one(*said)
        weight += RECORD_WEIGHT + size
        if weight >= TURN:
            weight = 0
            await asyncio.sleep(0)
    return reads


def _read_one(record: Record, limits: Limits, translations: Translations) -> Sequence[Read]:
    if isinstance(record.value, Unread):
        return ((record, _UNREAD),)
    if translations and (by := translations.get(record.topic)) and is_translated(record):
        return translated(record, by, limits)
    return ((record, decode(record.value, record.headers, record.timestamp_ms, limits)),)
