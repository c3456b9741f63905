"""What is followed: a list of executions, or one with its events. Those who follow alike share a channel.

A channel is read as its readers would read it: under their database role, whose row security decides what they see.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NamedTuple
from uuid import UUID

from execledger_contracts.status import TERMINAL
from execledger_query import views
from execledger_query.caller import Caller, Sees
from execledger_query.feed import Expired, FeedChange, Place, in_lanes, lanes_of, newest
from execledger_query.problems import TYPE
from execledger_query.store import NEWEST_FIRST, SORTS, Filters, Reader, Row

_AT_ONCE: Final = 200
"""Changes, or events, in one reading: 0.4 MB of JSON where they are as large as most are."""
_AT_ONCE_WITH_PAYLOADS: Final = 10
_BEGIN_ANEW: Final = 50
_ALL: Final = Filters()
_EXPIRED: Final = "what came behind this cursor is not kept any more: what follows begins with what there is now"


class Item(NamedTuple):
    """What is sent, and where those stand who have got it. Without a kind nothing is sent, and they stand there."""

    kind: str
    data: str
    place: Place
    mark: tuple[str, int] | None = None
    """Of a sequence the position that it is at: who stands behind that has got it."""

    def is_new_to(self, place: Place) -> bool:
        """Whether somebody who stands there has not got it."""
        if self.mark is not None:
            return self.mark[1] > place.seen.get(self.mark[0], -1)
        if self.kind == "end":
            return not place.has_ended
        return not self.place.record or self.place.record != place.record

    def moves(self, place: Place) -> Place:
        """Where somebody stands who stood there and has got it."""
        return self.place if self.kind == "reset" else place.behind(self.place)

    @property
    def is_last(self) -> bool:
        """Whether nothing comes behind it."""
        return self.kind in ("end", "dropped")


class Reading(NamedTuple):
    """Items in their order, where those stand who have got all of them, and whether there are no more."""

    items: Sequence[Item]
    place: Place
    is_all: bool


class Touched(NamedTuple):
    """What changes are about."""

    executions: frozenset[UUID]
    tenants: frozenset[str]
    owners: frozenset[tuple[str, str | None]]


def farewell(problem: str, reason: str) -> Item:
    """Said before a stream is cut off; the client goes on from its last cursor, where it can."""
    return Item("dropped", _said(problem, reason), Place())


def _said(problem: str, reason: str) -> str:
    return json.dumps({"type": TYPE + problem, "reason": reason})


@dataclass(frozen=True, slots=True)
class ListChannel:
    """Executions as a list shows them, each time they change: to begin with the newest ones, then all that change."""

    caller: Caller
    filters: Filters
    fields: frozenset[str]
    with_payloads: bool = False

    @property
    def scope(self) -> str:
        """What a cursor belongs to."""
        return f"stream of {self.filters.scope()}"

    def is_concerned(self, touched: Touched) -> bool:
        """Whether there may be something to read; what there is the reading says."""
        match self.caller.sees:
            case Sees.ADMIN:
                return bool(touched.executions)
            case Sees.TENANT:
                return self.caller.tenant in touched.tenants
            case Sees.OWNER:
                return (self.caller.tenant, self.caller.subject) in touched.owners

    async def begin(self, reader: Reader, executions: int) -> Place:
        """The place of those who have got nothing, to begin with so many executions."""
        return in_lanes(await reader.heads(), left=executions)

    async def read(self, reader: Reader, place: Place) -> Reading:
        """What comes behind a place."""
        if place.left:
            return await self._beginning(reader, place)
        most = _AT_ONCE_WITH_PAYLOADS if self.with_payloads else _AT_ONCE
        followed = await reader.changes(lanes_of(place), most)
        if isinstance(followed, Expired):
            place = in_lanes(followed.heads, left=_BEGIN_ANEW)
            return Reading([Item("reset", _said("expired-cursor", _EXPIRED), place)], place, is_all=False)
        items = await self._changed(reader, followed.changes) if followed.changes else []
        place = in_lanes(followed.cursor)
        return Reading([*items, Item("", "", place)], place, followed.is_all)

    async def _beginning(self, reader: Reader, place: Place) -> Reading:
        rows = await reader.executions(self.filters, place.after, place.left)
        texts = await _shown(reader, rows, self.fields, with_payloads=self.with_payloads)
        items = []
        for left, row in zip(range(len(rows) - 1, -1, -1), rows, strict=True):
            after = SORTS[NEWEST_FIRST].key(row) if left else None
            items.append(Item("execution", texts[row["id"]], Place(place.seen, left=left, after=after)))
        # Where the place was taken in this very reading nothing lies between.
        return Reading(items, Place(place.seen), is_all=place.after is None)

    async def _changed(self, reader: Reader, changes: Sequence[FeedChange]) -> list[Item]:
        """Each execution once, as it is now; one that has a later version changes again further on."""
        last = newest(changes)
        found = await reader.executions(self.filters, None, len(last), among=[*last])
        rows = [row for row in found if (last[row["id"]][0].version or row["version"]) >= row["version"]]
        texts = await _shown(reader, rows, self.fields, with_payloads=self.with_payloads)
        return [
            Item("execution", texts[id_], in_lanes(read), (str(change.lane), change.position))
            for id_, (change, read) in last.items()
            if id_ in texts
        ]


@dataclass(frozen=True, slots=True)
class ExecutionChannel:
    """One execution: its events as they come, and the record as a list shows it after each change."""

    caller: Caller
    execution_id: UUID
    page_bytes: int
    with_payloads: bool = False

    @property
    def scope(self) -> str:
        """What a cursor belongs to."""
        return f"stream of {self.execution_id} {self.with_payloads}"

    def is_concerned(self, touched: Touched) -> bool:
        """Whether there may be something to read; what there is the reading says."""
        return self.execution_id in touched.executions

    async def read(self, reader: Reader, place: Place) -> Reading:
        """What comes behind a place: the log is always there, whatever the feed still has."""
        rows = await reader.executions(_ALL, None, 1, among=[self.execution_id])
        if not rows:
            return Reading([farewell("not-found", "there is no such execution any more")], place, is_all=True)
        row = rows[0]
        if self.with_payloads and not self.caller.may_read_payloads(row["tenant_id"], row["owner_id"]):
            return Reading([farewell("forbidden", "the execution has another owner now")], place, is_all=True)
        items, is_all = await self._events(reader, place)
        if is_all:
            at = items[-1].place if items else place
            items += await self._record(reader, row, at)
        return Reading(items, items[-1].place, is_all)

    async def _events(self, reader: Reader, place: Place) -> tuple[list[Item], bool]:
        rows = await reader.arrived(
            self.execution_id, place.seen, _AT_ONCE, self.page_bytes, with_payloads=self.with_payloads
        )
        items: list[Item] = []
        seen = place.seen
        for row in rows:
            mark = (f"{row['topic']}/{row['partition']}", row["offset"])
            seen = {**seen, mark[0]: mark[1]}
            shown = views.event_of(row, with_payloads=self.with_payloads).model_dump_json()
            items.append(Item("event", shown, Place(seen), mark))
        return items, len(rows) < _AT_ONCE and not (rows and rows[-1]["goes_on"])

    async def _record(self, reader: Reader, row: Row, place: Place) -> list[Item]:
        """The record, and the end where it has really ended."""
        fields = frozenset(views.shown_fields((), with_payloads=self.with_payloads))
        (text,) = (await _shown(reader, [row], fields, with_payloads=self.with_payloads)).values()
        digest = blake2b(text.encode(), digest_size=12).hexdigest()
        items = [Item("execution", text, Place(place.seen, digest))]
        if row["status"] in TERMINAL and not row["provisional"]:
            items.append(Item("end", text, Place(place.seen, digest, has_ended=True)))
        return items


Channel = ListChannel | ExecutionChannel


async def _shown(
    reader: Reader, rows: Sequence[Row], fields: frozenset[str], *, with_payloads: bool
) -> dict[UUID, str]:
    """The JSON of each; its payloads are read for one after the other, for they may be large."""
    trees = await reader.trees(rows)
    texts = {}
    for row in rows:
        payloads = await reader.payloads(views.execution_sources([row])) if with_payloads else {}
        texts[row["id"]] = views.execution_of(row, payloads, trees).model_dump_json(include=set(fields))
    return texts
