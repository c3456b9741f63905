"""The ledger, asked whether it is right: its counters against what the tables hold, and those against Kafka."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from execledger_recorder.rules.ledger import (
    Difference,
    LedgerReport,
    LedgerRow,
    compare,
    compare_offsets,
    recounted,
)
from execledger_recorder.store import Store
from execledger_recorder.store.ledger import Ledger
from execledger_runtime.kafka.records import Extent, Stretch

_MOST_DIFFERENCES: Final = 1000  # of one partition: a lost table must not fill the memory

Progress = Callable[[LedgerRow, int | None], None]
"""Told up to which offset a partition has been read again; None when Kafka has no such partition."""


class Log(Protocol):
    """Kafka's log, read again."""

    async def extent(self, topic: str, partition: int) -> Extent | None:
        """From where to where it reaches; None when there is no such partition."""

    def stretches(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Stretch]:
        """What it holds from one offset up to another, in order."""


async def read_ledger(
    store: Store, *, audit: bool, log: Log | None = None, on_progress: Progress = lambda row, reached: None
) -> LedgerReport:
    """The ledger as its counters have it; with `audit`, as the tables have it, and where the two differ.

    An audit with a `log` compares it with the tables too, offset by offset.
    """
    if not audit:
        return LedgerReport(await store.ledger.read(), audited=False, differences=())
    ledger, counted, twice = await store.ledger.audit()
    doubled = [Difference(topic, partition, at, "one outcome", found) for topic, partition, at, found in twice]
    differences = [*compare(ledger, counted), *doubled]
    if log is not None:
        for row in ledger:
            differences += await _reread(store.ledger, log, row, on_progress)
    return LedgerReport([recounted(row, counted) for row in ledger], audited=True, differences=differences)


@dataclass(slots=True)
class _Found:
    """Differences of one partition: the first ones, and how many more there are."""

    row: LedgerRow
    first: list[Difference] = field(default_factory=list)
    more: int = 0

    def add(self, differences: Sequence[Difference]) -> None:
        room = _MOST_DIFFERENCES - len(self.first)
        self.first += differences[:room]
        self.more += len(differences[room:])

    def all(self) -> list[Difference]:
        if not self.more:
            return self.first
        rest = Difference(self.row.topic, self.row.partition, None, "no difference", f"{self.more} more offsets differ")
        return [*self.first, rest]


async def _reread(tables: Ledger, log: Log, row: LedgerRow, on_progress: Progress) -> list[Difference]:
    """Compare all that Kafka still holds of a partition, as far as the ledger says it is recorded."""
    extent = await log.extent(row.topic, row.partition)
    if extent is None:
        on_progress(row, None)
        return []
    found = _Found(row)
    start, end = max(row.first_offset, extent.start), min(row.next_offset, extent.end)
    async for stretch in log.stretches(row.topic, row.partition, start, end):
        recorded = await tables.recorded_offsets(row.topic, row.partition, stretch.start, stretch.end)
        found.add(compare_offsets(row, stretch, recorded, is_compacted=extent.is_compacted))
        on_progress(row, stretch.end)
    if extent.end < row.next_offset:
        last = f"records up to offset {row.next_offset - 1}"
        found.add([Difference(row.topic, row.partition, extent.end, last, "the end of Kafka's log")])
    on_progress(row, row.next_offset)
    return found.all()
