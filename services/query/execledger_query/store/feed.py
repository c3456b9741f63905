"""Reading the feed of changes."""

from collections.abc import Collection, Sequence
from uuid import UUID

from execledger_query.feed import Cursor, Expired, FeedChange, FeedLane, Followed, expired, heads, moved, waiting
from execledger_query.sql import statement
from execledger_query.store.reads import Reads


class Feed(Reads):
    """What was changed, lane by lane."""

    async def changes(self, cursor: Cursor, limit: int) -> Followed | Expired:
        """What was committed behind a cursor, so many changes at most, of lanes that are new too.

        Who follows with the cursor that is returned reads every change once.
        """
        lanes = await self._lanes()
        if lost := expired(cursor, lanes):
            return Expired(lost, heads(lanes))
        starts = waiting(cursor, lanes)
        rows = await self._rows(statement("changes"), [*starts], [*starts.values()], limit) if starts else ()
        changes = [FeedChange(*row.values()) for row in rows]
        is_all = len(changes) < limit
        return Followed(changes, heads(lanes) if is_all else moved(cursor, changes), is_all)

    async def heads(self) -> Cursor:
        """The cursor behind all that is committed: look at the record, and follow from here."""
        return heads(await self._lanes())

    async def owners(self, executions: Collection[UUID]) -> list[tuple[str, str | None]]:
        """Of which tenants and owners these executions are."""
        return [(row["tenant_id"], row["owner_id"]) for row in await self._rows(statement("owners"), executions)]

    async def _lanes(self) -> Sequence[FeedLane]:
        return [FeedLane(*row.values()) for row in await self._rows(statement("feed_lanes"))]
