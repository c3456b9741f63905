"""The feed of changes as it is followed, and where those stand who follow. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple
from uuid import UUID

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from execledger_query.errors import InvalidCursorError
from execledger_query.paging import read_cursor, write_cursor

Cursor = Mapping[int, int]
"""Of each lane, the position of the last change that was read; 0 stands before the first, and so does no word of it."""


class FeedChange(NamedTuple):
    """What a transaction says of an execution that it changed."""

    lane: int
    position: int
    tenant_id: str
    execution_id: UUID
    version: int | None
    """What it made of the record, where events did; None where something else did."""
    what: str
    """In a word: created, changed, ended, reopened."""


class FeedLane(NamedTuple):
    """A sequence of changes without gaps, from the first that is kept up to the next one."""

    lane: int
    kept_from: int
    next_position: int


class Expired(NamedTuple):
    """What lies behind a cursor is not kept any more, or never was: begin anew, from what the record says now."""

    lanes: Sequence[int]
    heads: Cursor


class Followed(NamedTuple):
    """Changes behind a cursor, those of each lane in order; the cursor that stands behind them; whether that is all."""

    changes: Sequence[FeedChange]
    cursor: Cursor
    is_all: bool


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


def newest(changes: Sequence[FeedChange]) -> dict[UUID, tuple[FeedChange, Cursor]]:
    """Of each execution its last change among these, in their order, and where those stand who have read up to it.

    The version of that is the greatest one; None where something else than events made one of them.
    """
    versions: dict[UUID, int | None] = {}
    last: dict[UUID, FeedChange] = {}
    for change in changes:
        before = versions.get(change.execution_id, 0)
        versions[change.execution_id] = None if None in (before, change.version) else max(before, change.version)  # type: ignore[type-var]
        last[change.execution_id] = change
    found: dict[UUID, tuple[FeedChange, Cursor]] = {}
    read: dict[int, int] = {}
    for change in changes:
        read[change.lane] = change.position
        if last[change.execution_id] is change:
            found[change.execution_id] = change._replace(version=versions[change.execution_id]), dict(read)
    return found


_Sequence = Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00]*$")]
_Position = Annotated[int, Field(ge=-1, lt=2**63)]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stream stands: what of it was sent."""

    seen: Mapping[_Sequence, _Position] = Field(default_factory=dict)
    """Of each sequence the last position: of a lane of the feed, or of a partition of Kafka."""
    record: str = ""
    """Of one execution: a digest of the record as it was sent last."""
    has_ended: bool = False
    """Of one execution: its end was sent."""
    left: Annotated[int, Field(ge=0, le=1000)] = 0
    """Of a list: how many executions are still to be sent of those it begins with."""
    after: tuple[UUID] | None = None
    """Behind which key they lie; None before the first."""

    def behind(self, other: "Place") -> "Place":
        """The place of somebody who stood here, and then got what ends at the other."""
        seen = {**self.seen, **{name: max(at, self.seen.get(name, -1)) for name, at in other.seen.items()}}
        said = other if other.record else self
        return Place(seen, said.record, said.has_ended, other.left, other.after)

    def before(self, other: "Place") -> "Place":
        """A place from which those read all who stand at either."""
        seen = {name: min(at, other.seen[name]) for name, at in self.seen.items() if name in other.seen}
        return Place(seen, left=self.left, after=self.after)


def write_place(scope: str, place: Place) -> str:
    """The cursor of a stream: the value of `Last-Event-ID`."""
    return write_cursor(scope, (_PLACE.dump_json(place).decode(),))


def read_place(scope: str, cursor: str) -> Place:
    """The place of a cursor that this stream gave out. Raises InvalidCursorError."""
    (text,) = read_cursor(scope, cursor, (str,))
    try:
        return _PLACE.validate_json(text)
    except ValidationError as error:
        raise InvalidCursorError("the cursor holds no place in this stream") from error


def lanes_of(place: Place) -> Cursor:
    """The same as a cursor of the feed. Raises InvalidCursorError."""
    try:
        return {int(lane): position for lane, position in place.seen.items()}
    except ValueError as error:
        raise InvalidCursorError("the cursor holds no place in the feed") from error


def in_lanes(cursor: Cursor, **more: Any) -> Place:
    """The place of a stream of the feed."""
    return Place({str(lane): position for lane, position in cursor.items()}, **more)


_PLACE: Final = TypeAdapter(Place)
