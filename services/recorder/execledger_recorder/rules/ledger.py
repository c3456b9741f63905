"""The ledger compared: its counters with what the tables hold, and those with what Kafka holds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from execledger_lifecycle import Outcome
from execledger_runtime.kafka.records import Stretch


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """The account of one partition."""

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    end_offset: int | None
    gaps: int
    missed: int
    applied: int
    late: int
    duplicate: int
    rejected: int
    dead_lettered: int
    skipped: int
    lag: int | None
    unaccounted: int


class Counted(NamedTuple):
    """How many records the tables hold under one heading, and where they lie."""

    records: int
    first_offset: int
    last_offset: int


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
        if offset not in held and offset >= stretch.whole_from and not is_compacted and outcome != Outcome.SKIPPED
    ]
    return [Difference(row.topic, row.partition, *found) for found in sorted([*lost, *strange])]


def recounted(row: LedgerRow, counted: Mapping[tuple[str, int, str], Counted]) -> LedgerRow:
    found = {
        outcome.value: counted[key].records if (key := (row.topic, row.partition, outcome.value)) in counted else 0
        for outcome in Outcome
    }
    unaccounted = row.next_offset - row.first_offset - row.gaps - row.missed - sum(found.values())
    return LedgerRow(**{**asdict(row), **found, "unaccounted": unaccounted})


def _checks(row: LedgerRow, outcome: str, found: Counted) -> Iterator[tuple[bool, int | None, str, str]]:
    expected = getattr(row, outcome)
    yield found.records != expected, None, f"{expected} {outcome}", f"{found.records} {outcome}"
    yield found.last_offset >= row.next_offset, found.last_offset, "nothing: it is not consumed yet", outcome
    yield found.first_offset < row.first_offset, found.first_offset, "nothing: the account begins later", outcome
