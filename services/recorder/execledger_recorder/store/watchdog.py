"""The watchdog's look at executions that are past a limit."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg

from execledger_lifecycle.order import BELONGING_RANKS
from execledger_recorder.rules.overdue import Overdue, Verdict
from execledger_recorder.store.connection import Connect, columns
from execledger_recorder.store.outbox import OutboxRow, append_outbox, outbox_room
from execledger_recorder.store.statements import SQL


class Watchdog:
    """The right to be the one watchdog."""

    def __init__(self, connect: Connect, outbox_limit: int) -> None:
        self._connect = connect
        self._outbox_limit = outbox_limit

    @asynccontextmanager
    async def watching(self) -> AsyncIterator["Watch | None"]:
        """The watchdog's transaction; None when another recorder is in its own."""
        async with self._connect() as connection, connection.transaction():
            is_ours = await connection.fetchval(SQL["try_watchdog_lock"])
            yield Watch(connection, self._outbox_limit) if is_ours else None


class Watch:
    """The transaction of the one watchdog that is active."""

    def __init__(self, connection: asyncpg.Connection, outbox_limit: int) -> None:
        self._connection = connection
        self._outbox_limit = outbox_limit

    async def overdue(self, topics: Sequence[str], import_source: str, limit: int) -> list[Overdue]:
        """Open executions that seem to be past a limit, and of which nothing is decided since their newest event.

        Those of which the outbox has no room for an ending come later.
        """
        room = await outbox_room(self._connection, topics, self._outbox_limit)
        with_room = [topic for topic, most in room.items() if most]
        most = min(limit, max(room.values(), default=0))
        rows = await self._connection.fetch(
            SQL["overdue_executions"], topics, import_source, most, BELONGING_RANKS, with_room
        )
        return [
            Overdue(**{**row, "id": str(row["id"]), "newest_event_id": str(row["newest_event_id"])}) for row in rows
        ]

    async def hold(self, versions: Mapping[str, int]) -> set[str]:
        """Those that are still open and at these versions, held so until the transaction ends."""
        rows = await self._connection.fetch(SQL["hold_unchanged"], list(versions), list(versions.values()))
        return {str(row["id"]) for row in rows}

    async def add_decisions(self, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """Write down what is decided; those that nobody had decided before."""
        decided = [(o.id, o.attempt, o.newest_event_id, decision) for o, decision, _ in verdicts]
        added = {
            str(row["execution_id"]) for row in await self._connection.fetch(SQL["add_decisions"], *columns(decided, 4))
        }
        return [verdict for verdict in verdicts if verdict.overdue.id in added]

    async def send(self, messages: Sequence[OutboxRow]) -> None:
        """Put messages into the outbox."""
        await append_outbox(self._connection, messages, self._outbox_limit)
