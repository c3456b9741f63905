"""Where a reader stands in the feed of changes, and what a change is called."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_query.feed import Cursor, FeedChange, FeedLane, expired, heads, moved, waiting
from execledger_recorder.rules.feed import what_changed

LANES: Final = 3
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, LANES), st.integers(1, 5)),
        st.tuples(st.just("trim"), st.integers(1, LANES), st.integers(1, 5)),
        st.tuples(st.just("read"), st.just(0), st.integers(1, 5)),
    ),
    max_size=60,
)


def change(lane: int, position: int) -> FeedChange:
    return FeedChange(lane, position, "t", UUID(int=lane * 1000 + position), 1, "changed")


class Feed:
    """Lanes as tables would hold them; each opens when it is first written to."""

    def __init__(self) -> None:
        self.lanes: dict[int, FeedLane] = {}

    def write(self, lane: int, count: int) -> None:
        known = self.lanes.get(lane, FeedLane(lane, 1, 1))
        self.lanes[lane] = known._replace(next_position=known.next_position + count)

    def trim(self, lane: int, count: int) -> None:
        if known := self.lanes.get(lane):
            self.lanes[lane] = known._replace(kept_from=min(known.kept_from + count, known.next_position))

    def read(self, cursor: Cursor, limit: int) -> Sequence[FeedChange]:
        found = [
            (position - start, change(lane, position))
            for lane, start in waiting(cursor, self.lanes.values()).items()
            for position in range(max(start + 1, self.lanes[lane].kept_from), self.lanes[lane].next_position)
        ]
        return [each for _, each in sorted(found)[:limit]]


@given(steps=steps)
def test_a_reader_sees_each_change_once_or_is_told_that_it_cannot(
    steps: list[tuple[str, int, int]],
) -> None:
    feed, cursor = Feed(), dict[int, int]()
    seen: dict[int, list[int]] = {lane: [] for lane in range(1, LANES + 1)}
    for step, lane, count in steps:
        match step:
            case "write":
                feed.write(lane, count)
            case "trim":
                feed.trim(lane, count)
            case _:
                lanes = list(feed.lanes.values())
                missed = {each.lane for each in lanes if len(seen[each.lane]) < each.kept_from - 1}
                assert set(expired(cursor, lanes)) == missed
                if missed:
                    return
                changes = feed.read(cursor, count)
                assert bool(changes) == bool(waiting(cursor, lanes))
                cursor = dict(moved(cursor, changes))
                for each in changes:
                    seen[each.lane].append(each.position)
    for positions in seen.values():
        assert positions == list(range(1, len(positions) + 1))


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), unique_by=lambda lane: lane[0]))
def test_from_the_head_there_is_nothing_to_read_and_nothing_is_lost(said: list[tuple[int, int]]) -> None:
    lanes = [FeedLane(lane, 1, 1 + changes) for lane, changes in said]
    assert waiting(heads(lanes), lanes) == {}
    assert expired(heads(lanes), lanes) == []


def test_a_cursor_from_a_time_that_was_undone_is_told_so() -> None:
    """The database was restored: the lane is shorter, or is not there."""
    lanes = [FeedLane(1, 1, 5), FeedLane(2, 1, 5)]
    assert expired({1: 4, 2: 5, 3: 1}, lanes) == [2, 3]


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (None, "pending", "created"),
        (None, "running", "created"),
        (None, "failed", "ended"),
        ("pending", "running", "changed"),
        ("running", "running", "changed"),
        ("running", "completed", "ended"),
        ("completed", "completed", "changed"),
        ("completed", "failed", "changed"),
        ("timed_out", "running", "reopened"),
    ],
)
def test_a_change_is_called_by_what_it_does_to_the_status(before: str | None, after: str, what: str) -> None:
    assert what_changed(before, after) == what
