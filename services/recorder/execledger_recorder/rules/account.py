"""The ledger's arithmetic: every offset that Kafka ever gave out is counted, once, under one heading."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from execledger_lifecycle import Outcome
from execledger_runtime.kafka.records import LATEST_MS, digest


class Misplaced(Exception):  # noqa: N818  # it says where to read on, and is no fault
    """The batch does not go on where the ledger stands: read on from there."""


class Record(NamedTuple):
    """A Kafka record, its timestamp not beyond the year 9999.

    Its fetch showed that no other of its partition lies from `reaches_back_to` up to it. A record that brings several
    events stands once for each, `event_index` being its number among them, from 0.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None
    reaches_back_to: int
    event_index: int = 0

    @classmethod
    def received(cls, raw: Any, reaches_back_to: int) -> Self:
        """What a consumer gave out."""
        at_ms = min(raw.timestamp, LATEST_MS)
        return cls(raw.topic, raw.partition, raw.offset, at_ms, raw.key, raw.headers, raw.value, reaches_back_to)

    def emptied(self) -> Self:
        """The same without what is in it."""
        return self._replace(key=None, headers=(), value=b"")

    @property
    def digest(self) -> bytes:
        """By which it is known again: its key, its value and its Kafka timestamp."""
        return digest(self.key, self.value, self.timestamp_ms)


class Accounts(NamedTuple):
    """Where the accounts of partitions stand: the next offset of each, and what lies ahead that is to be skipped."""

    positions: Mapping[int, int]
    skips: Set[tuple[int, int]] = frozenset()  # partition, offset


@dataclass(slots=True)
class Tally:
    """What a batch adds to the account of one partition."""

    next_offset: int
    gaps: int = 0
    missed: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    last: Record | None = None
    skipped: list[Record] = field(default_factory=list)


def account(accounts: Accounts, records: Iterable[Record]) -> tuple[list[Record], dict[int, Tally]]:
    """The records that lie ahead of the ledger and are not to be skipped, and the gaps between them.

    A record below the ledger's position was counted before and is passed over; one of several events is given once.
    Raises Misplaced when a hole is not known to be a gap: reading on from the ledger's position shows what it is.
    """
    fresh: list[Record] = []
    tallies = {partition: Tally(position) for partition, position in accounts.positions.items()}
    for record in records:
        if (tally := tallies.get(record.partition)) is None:
            raise Misplaced(f"partition {record.partition} has no account")
        if record.offset < tally.next_offset:
            continue
        if record.reaches_back_to > tally.next_offset:
            raise Misplaced(
                f"partition {record.partition}: offset {tally.next_offset} is next, this is {record.offset}"
            )
        tally.gaps += record.offset - tally.next_offset
        tally.next_offset = record.offset + 1
        if (record.partition, record.offset) in accounts.skips:
            tally.skipped.append(record)
        else:
            tally.last = record
            fresh.append(record)
    return fresh, tallies
