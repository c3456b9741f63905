"""Requests to cancel, on their way from whoever asked to the events topic."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from execledger_recorder.rules.cancelling import ToCancel
from execledger_recorder.store.connection import Connect
from execledger_recorder.store.outbox import OutboxRow, append_outbox
from execledger_recorder.store.statements import SQL

REMEMBERED_DAYS: Final = 7
_AT_ONCE: Final = 20


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

    async def take(self, topics: Sequence[str]) -> list[ToCancel]:
        """What some requests that nobody took are about: open executions of which events lie in these topics."""
        rows = await self._connection.fetch(SQL["take_cancel_requests"], topics, _AT_ONCE)
        return [ToCancel(**row) for row in rows]

    async def send(self, messages: Sequence[OutboxRow]) -> None:
        """Put messages into the outbox."""
        await append_outbox(self._connection, messages, self._outbox_limit)
