"""The feed of changes: what it says, and where a reader stands in it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

from execledger_contracts.status import TERMINAL

Cursor = Mapping[int, int]
"""Of each lane, the position of the last change that was read; 0 stands before the first, and so does no word of it."""
What = Literal["created", "changed", "ended", "reopened"]

REBUILD: Final = "rebuild"
REPRICE: Final = "reprice"
TREES: Final = "trees"
"""Lanes of those who write and are no partition."""


class FeedEntry(NamedTuple):
    """What a transaction says of an execution that it changed."""

    tenant_id: str
    execution_id: str
    version: int
    what: What


class FeedChange(NamedTuple):
    """The same, as it is read."""

    lane: int
    position: int
    tenant_id: str
    execution_id: str
    version: int
    what: What
    changed_at: datetime


class FeedLane(NamedTuple):
    """A sequence of changes without gaps, from the first that is kept up to the next one."""

    lane: int
    kept_from: int
    next_position: int


class Expired(NamedTuple):
    """What lies behind a cursor is not kept any more, or never was: begin anew, from what the record says now."""

    lanes: Sequence[int]


class Followed(NamedTuple):
    """Changes behind a cursor, those of each lane in order, and the cursor that stands behind them."""

    changes: Sequence[FeedChange]
    cursor: Cursor


def lane_of(topic: str, partition: int) -> str:
    """The lane of a partition of Kafka. A topic's name has no slash in it."""
    return f"{topic}/{partition}"


def what_changed(status_before: str | None, status: str) -> What:
    """In a word; an execution that had ended when it was first heard of is ended."""
    has_ended = status in TERMINAL
    if has_ended and status_before not in TERMINAL:
        return "ended"
    if status_before is None:
        return "created"
    return "reopened" if status_before in TERMINAL and not has_ended else "changed"


def heads(lanes: Iterable[FeedLane]) -> Cursor:
    """The cursor that stands behind all there is."""
    return {lane.lane: lane.next_position - 1 for lane in lanes}


def expired(cursor: Cursor, lanes: Sequence[FeedLane]) -> list[int]:
    """The lanes in which a cursor stands before what is kept, or behind what there is: a database was restored."""
    there = {lane.lane: range(lane.kept_from - 1, lane.next_position) for lane in lanes}
    return sorted(lane for lane in there.keys() | cursor.keys() if cursor.get(lane, 0) not in there.get(lane, ()))


def waiting(cursor: Cursor, lanes: Iterable[FeedLane]) -> dict[int, int]:
    """Where a cursor stands in those lanes that have more."""
    return {lane.lane: position for lane in lanes if (position := cursor.get(lane.lane, 0)) < lane.next_position - 1}


def moved(cursor: Cursor, changes: Iterable[FeedChange]) -> Cursor:
    """The cursor behind changes that were read from it."""
    return {**cursor, **{change.lane: change.position for change in changes}}
