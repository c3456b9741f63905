"""The ledger, asked whether it is right: its counters against what the tables hold, and those against Kafka."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from execledger_lifecycle import Outcome
from execledger_recorder.store import Counted, LedgerRow, Store

_MOST_DIFFERENCES: Final = 1000  # of one partition: a lost table must not fill the memory

Progress = Callable[[LedgerRow, int | None], None]
"""Told up to which offset a partition has been read again; None when Kafka has no such partition."""


class Extent(NamedTuple):
    """From where to where Kafka's log of a partition reaches; compaction takes records out of its midst."""

    start: int
    end: int
    is_compacted: bool


class Stretch(NamedTuple):
    """The offsets that Kafka's log holds from `start` up to `end`; it is known to be whole from `whole_from` on."""

    start: int
    end: int
    offsets: Sequence[int]
    whole_from: int


class Log(Protocol):
    """Kafka's log, read again."""

    async def extent(self, topic: str, partition: int) -> Extent | None:
        """From where to where it reaches; None when there is no such partition."""

    def stretches(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Stretch]:
        """What it holds from one offset up to another, in order."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What the ledger says of a partition, or of one offset of it, and what was found instead."""

    topic: str
    partition: int
    offset: int | None
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """The account of every partition, and what an audit found."""

    partitions: Sequence[LedgerRow]
    audited: bool
    differences: Sequence[Difference]

    @property
    def unaccounted(self) -> int:
        return sum(abs(row.unaccounted) for row in self.partitions)

    @property
    def missed(self) -> int:
        return sum(row.missed for row in self.partitions)

    @property
    def is_balanced(self) -> bool:
        """Whether every consumed record is accounted for."""
        return self.unaccounted == 0 and not self.differences

    def as_document(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {
            "partitions": [asdict(row) for row in self.partitions],
            "unaccounted": self.unaccounted,
            "missed": self.missed,
            "audited": self.audited,
            "differences": [asdict(difference) for difference in self.differences],
        }


async def read_ledger(
    store: Store, *, audit: bool, log: Log | None = None, on_progress: Progress = lambda row, reached: None
) -> LedgerReport:
    """The ledger as its counters have it; with `audit`, as the tables have it, and where the two differ.

    An audit with a `log` compares it with the tables too, offset by offset.
    """
    if not audit:
        return LedgerReport(await store.ledger(), audited=False, differences=())
    ledger, counted, twice = await store.audit()
    doubled = [Difference(topic, partition, at, "one outcome", found) for topic, partition, at, found in twice]
    differences = [*compare(ledger, counted), *doubled]
    if log is not None:
        for row in ledger:
            differences += await _reread(store, log, row, on_progress)
    return LedgerReport([_recounted(row, counted) for row in ledger], audited=True, differences=differences)


def compare(ledger: Iterable[LedgerRow], counted: Mapping[tuple[str, int, str], Counted]) -> list[Difference]:
    """Where the counters are not what was counted, or records lie outside of what the ledger has passed."""
    differences = []
    for row in ledger:
        for outcome in Outcome:
            found = counted.get((row.topic, row.partition, outcome.value), Counted(0, row.first_offset, -1))
            differences += [
                Difference(row.topic, row.partition, offset, expected, what)
                for is_wrong, offset, expected, what in _checks(row, outcome.value, found)
                if is_wrong
            ]
    return differences


def compare_offsets(
    row: LedgerRow, stretch: Stretch, recorded: Mapping[int, str], *, is_compacted: bool = False
) -> list[Difference]:
    """Where part of Kafka's log and the tables differ; `recorded` is what the tables hold of it, with its outcome."""
    held = set(stretch.offsets)
    lost = [(offset, "recorded", "nothing") for offset in held - recorded.keys()]
    strange = [
        (offset, "nothing: Kafka has no such record", outcome)
        for offset, outcome in recorded.items()
        if offset not in held and offset >= stretch.whole_from and not is_compacted
    ]
    return [Difference(row.topic, row.partition, *found) for found in sorted([*lost, *strange])]


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


async def _reread(store: Store, log: Log, row: LedgerRow, on_progress: Progress) -> list[Difference]:
    """Compare all that Kafka still holds of a partition, as far as the ledger says it is recorded."""
    extent = await log.extent(row.topic, row.partition)
    if extent is None:
        on_progress(row, None)
        return []
    found = _Found(row)
    start, end = max(row.first_offset, extent.start), min(row.next_offset, extent.end)
    async for stretch in log.stretches(row.topic, row.partition, start, end):
        recorded = await store.recorded_offsets(row.topic, row.partition, stretch.start, stretch.end)
        found.add(compare_offsets(row, stretch, recorded, is_compacted=extent.is_compacted))
        on_progress(row, stretch.end)
    if extent.end < row.next_offset:
        last = f"records up to offset {row.next_offset - 1}"
        found.add([Difference(row.topic, row.partition, extent.end, last, "the end of Kafka's log")])
    on_progress(row, row.next_offset)
    return found.all()


def _checks(row: LedgerRow, outcome: str, found: Counted) -> Iterator[tuple[bool, int | None, str, str]]:
    expected = getattr(row, outcome)
    yield found.records != expected, None, f"{expected} {outcome}", f"{found.records} {outcome}"
    yield found.last_offset >= row.next_offset, found.last_offset, "nothing: it is not consumed yet", outcome
    yield found.first_offset < row.first_offset, found.first_offset, "nothing: the account begins later", outcome


def _recounted(row: LedgerRow, counted: Mapping[tuple[str, int, str], Counted]) -> LedgerRow:
    found = {
        outcome.value: counted[key].records if (key := (row.topic, row.partition, outcome.value)) in counted else 0
        for outcome in Outcome
    }
    unaccounted = row.next_offset - row.first_offset - row.gaps - row.missed - sum(found.values())
    return LedgerRow(**{**asdict(row), **found, "unaccounted": unaccounted})
