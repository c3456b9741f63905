"""The ledger's arithmetic."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_recorder.rules.account import Accounts, Misplaced, Record, account
from factories_recorder import record_of


def offsets(records: Iterable[Record]) -> list[int]:
    return [record.offset for record in records]


def test_records_that_go_on_where_the_ledger_stands_are_all_fresh() -> None:
    fresh, tallies = account(Accounts({0: 5}), [record_of(b"", offset) for offset in (5, 6, 7)])
    assert offsets(fresh) == [5, 6, 7]
    assert (tallies[0].next_offset, tallies[0].gaps, tallies[0].missed) == (8, 0, 0)


def test_a_record_below_the_ledger_is_passed_over_and_counted_nowhere() -> None:
    fresh, tallies = account(Accounts({0: 5}), [record_of(b"", offset) for offset in (3, 4, 5)])
    assert offsets(fresh) == [5]
    assert (tallies[0].next_offset, tallies[0].gaps) == (6, 0)


def test_a_record_that_comes_twice_in_a_batch_counts_once() -> None:
    fresh, tallies = account(Accounts({0: 0}), [record_of(b"", offset) for offset in (0, 1, 0, 1, 2)])
    assert offsets(fresh) == [0, 1, 2]
    assert tallies[0].next_offset == 3


def test_a_hole_is_a_gap_when_a_fetch_from_its_first_offset_found_nothing_in_it() -> None:
    fresh, tallies = account(
        Accounts({0: 5}), [record_of(b"", 9, reaches_back_to=5), record_of(b"", 12, reaches_back_to=10)]
    )
    assert offsets(fresh) == [9, 12]
    assert (tallies[0].next_offset, tallies[0].gaps) == (13, 6)


def test_a_fetch_that_began_before_the_hole_proves_it_too() -> None:
    _, tallies = account(Accounts({0: 5}), [record_of(b"", 9, reaches_back_to=2)])
    assert tallies[0].gaps == 4


@pytest.mark.parametrize("reach", [6, 9], ids=["from within the hole", "from its own offset"])
def test_a_hole_that_is_not_proven_is_no_gap(reach: int) -> None:
    with pytest.raises(Misplaced, match="partition 0: offset 5 is next, this is 9"):
        account(Accounts({0: 5}), [record_of(b"", 9, reaches_back_to=reach)])


def test_a_partition_without_an_account_is_misplaced() -> None:
    with pytest.raises(Misplaced, match="partition 1 has no account"):
        account(Accounts({0: 5}), [record_of(b"", 0, partition=1)])


def test_partitions_are_counted_apart() -> None:
    batch = [record_of(b"", 5), record_of(b"", 2, partition=1), record_of(b"", 6)]
    fresh, tallies = account(Accounts({0: 5, 1: 2, 2: 7}), batch)
    assert len(fresh) == 3
    assert {partition: tally.next_offset for partition, tally in tallies.items()} == {0: 7, 1: 3, 2: 7}


@given(
    st.lists(st.integers(0, 40), unique=True, min_size=1).map(sorted),
    st.integers(0, 20),
    st.lists(st.integers(1, 5), min_size=1),
)
def test_however_a_log_with_holes_is_cut_and_repeated_every_offset_counts_once(
    log: list[int], step_back: int, sizes: list[int]
) -> None:
    position, counted, gaps, turn = 0, 0, 0, 0
    while position <= log[-1]:
        start = max(0, position - step_back)  # a fetch from here finds what lies at or after it
        found = [offset for offset in log if offset >= start]
        upto = sum(offset < position for offset in found) + sizes[turn % len(sizes)]
        reaches = [start, *(offset + 1 for offset in found)]
        batch = [
            record_of(b"", offset, reaches_back_to=reach) for offset, reach in zip(found[:upto], reaches, strict=False)
        ]
        fresh, tallies = account(Accounts({0: position}), batch)
        assert tallies[0].next_offset - position == len(fresh) + tallies[0].gaps
        position, counted, gaps = tallies[0].next_offset, counted + len(fresh), gaps + tallies[0].gaps
        turn += 1
    assert (counted, gaps) == (len(log), log[-1] + 1 - len(log))


def test_a_record_is_known_by_its_key_its_value_and_its_time() -> None:
    said = [
        record_of(b"ab", key=b"c"),
        record_of(b"a", key=b"bc"),
        record_of(b"", key=None),
        record_of(None, key=b""),
        record_of(None, key=None),
        record_of(b"ab", key=b"c", timestamp_ms=1),
    ]
    assert len({record.digest for record in said}) == len(said)
    assert record_of(b"ab", 3, key=b"c", headers=[("h", b"")]).digest == said[0].digest


def test_the_last_record_that_is_counted_is_remembered_of_each_partition() -> None:
    batch = [record_of(b"", 5), record_of(b"", 2, partition=1), record_of(b"x", 6), record_of(b"", 5)]
    _, tallies = account(Accounts({0: 5, 1: 7}), batch)
    assert (tallies[0].last, tallies[1].last) == (batch[2], None)


def test_what_is_to_be_skipped_is_passed_and_not_the_last_record_by_which_the_log_is_known_again() -> None:
    records = [record_of(b"", offset) for offset in (5, 6, 7)]
    fresh, tallies = account(Accounts({0: 5}, {(0, 7), (1, 5), (0, 4)}), records)
    assert offsets(fresh) == [5, 6]
    assert offsets(tallies[0].skipped) == [7]
    assert tallies[0].last == records[1]
    assert tallies[0].next_offset == 8
