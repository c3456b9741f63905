"""Requests to cancel, on their way from whoever asked to the events topic."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from execledger_recorder.rules.cancelling import ToCancel
from execledger_recorder.store.connection import Connect
from execledger_recorder.store.outbox import OutboxRow, append_outbox, outbox_room
from execledger_recorder.store.statements import SQL

REMEMBERED_DAYS: Final = 7


class CancelRequests:
    """The table of them."""

    def __init__(self, connect: Connect, outbox_limit: int) -> None:
        self._connect = connect
        self._outbox_limit = outbox_limit

    @asynccontextmanager
    async def passing(self) -> AsyncIterator["Passing"]:
        """One transaction in which requests become messages."""
        async with self._connect() as connection, connection.transaction():
            yield Passing(connection, self._outbox_limit)

    async def forget(self) -> None:
        """Drop those that are older than REMEMBERED_DAYS."""
        async with self._connect() as connection:
            await connection.execute(SQL["forget_cancel_requests"], REMEMBERED_DAYS)


class Passing:
    """In such a transaction."""

    def __init__(self, connection: asyncpg.Connection, outbox_limit: int) -> None:
        self._connection = connection
        self._outbox_limit = outbox_limit

    async def take(self, topics: Sequence[str], control_topic: str) -> list[ToCancel] | None:
        """A page of what a request that nobody took is about: open executions of which events lie in these topics.

        None where there is no request, or no room in the outbox: for these events, or for the commands that they bring.
        """
        room = await outbox_room(self._connection, [*topics, control_topic], self._outbox_limit)
        most = min(max(room[topic] for topic in topics), room[control_topic])
        rows = await self._connection.fetch(SQL["take_cancel_requests"], topics, most) if most else []
        return [ToCancel(**row) for row in rows if row["external_id"] is not None] if rows else None

    async def send(self, messages: Sequence[OutboxRow]) -> None:
        """Put messages into the outbox."""
        await append_outbox(self._connection, messages, self._outbox_limit)
