"""The ledger, asked whether it is right: its counters against what the tables hold."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from execledger_recorder.lifecycle import Outcome
from execledger_recorder.store import Counted, LedgerRow, Store


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


async def read_ledger(store: Store, *, audit: bool) -> LedgerReport:
    """The ledger as its counters have it; with `audit`, as the tables have it, and where the two differ."""
    if not audit:
        return LedgerReport(await store.ledger(), audited=False, differences=())
    ledger, counted, twice = await store.audit()
    doubled = [Difference(topic, partition, at, "one outcome", found) for topic, partition, at, found in twice]
    return LedgerReport(
        [_recounted(row, counted) for row in ledger], audited=True, differences=[*compare(ledger, counted), *doubled]
    )


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
