"""What an audit makes of Kafka's log and the tables."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from execledger_recorder.duties import audit
from execledger_recorder.rules.ledger import LedgerRow, compare_offsets
from execledger_runtime.kafka.records import Extent, Stretch

ROW = LedgerRow("events", 0, 0, 3000, None, 0, 0, 3000, 0, 0, 0, 0, 0, None, 0)


def compared(kafka: Collection[int], tables: Collection[int], *, whole_from: int = 0, **said: bool) -> dict[int, str]:
    """What was found at the offsets that differ."""
    stretch = Stretch(0, 100, sorted(kafka), whole_from)
    differences = compare_offsets(ROW, stretch, dict.fromkeys(tables, "applied"), **said)
    return {difference.offset or 0: difference.found for difference in differences}


@given(st.sets(st.integers(0, 99)), st.sets(st.integers(0, 99)), st.integers(0, 100))
def test_every_offset_that_only_one_side_has_differs(kafka: set[int], tables: set[int], whole_from: int) -> None:
    lost = dict.fromkeys(kafka - tables, "nothing")
    strange = {offset: "applied" for offset in tables - kafka if offset >= whole_from}
    assert compared(kafka, tables, whole_from=whole_from) == lost | strange


def test_differences_come_in_the_order_of_their_offsets() -> None:
    assert list(compared({7, 1, 50}, {60, 2, 50})) == [1, 2, 7, 60]


def test_compaction_takes_records_out_and_puts_none_in() -> None:
    assert compared({1}, {2}, is_compacted=True) == {1: "nothing"}


def test_a_lost_table_is_told_by_its_first_offsets_and_how_many_more_there_are() -> None:
    class Log:
        async def extent(self, topic: str, partition: int) -> Extent:
            return Extent(0, 3000, is_compacted=False)

        async def stretches(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Stretch]:
            for first in range(start, end, 700):
                upto = min(first + 700, end)
                yield Stretch(first, upto, range(first, upto), 0)

    class Tables:
        async def recorded_offsets(self, *_: object) -> dict[int, str]:
            return {}

    tables: Any = Tables()
    differences = asyncio.run(audit._reread(tables, Log(), ROW, lambda row, reached: None))
    assert [difference.offset for difference in differences] == [*range(1000), None]
    assert differences[-1].found == "2000 more offsets differ"
