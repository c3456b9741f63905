"""Postgres, as the recorder uses it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Final, Self

import asyncpg

from execledger_recorder.errors import RAISED, StoreUnavailable, Unstorable, translated
from execledger_recorder.rules import tables
from execledger_recorder.rules.tables import Writing
from execledger_recorder.store import migrations
from execledger_recorder.store.batch import Batch
from execledger_recorder.store.circuits import Circuits
from execledger_recorder.store.dead_letters import DeadLetters
from execledger_recorder.store.executions import Executions
from execledger_recorder.store.feed import Feed
from execledger_recorder.store.ledger import Ledger
from execledger_recorder.store.limits import Limits
from execledger_recorder.store.outbox import Outbox
from execledger_recorder.store.partitions import Partitions
from execledger_recorder.store.statements import SQL, about
from execledger_recorder.store.usage import Usage
from execledger_recorder.store.watchdog import Watchdog

_LEAST_IDLE_MS: Final = 10_000
_APPLICATION: Final = "execledger-recorder"


class Store:
    """Opens Postgres; its parts read and write one subject each, raise the errors of `errors`, and wait for nothing."""

    def __init__(
        self, dsn: str, *, statement_timeout_ms: int = 30_000, outbox_limit: int = 100_000, connections: int = 16
    ) -> None:
        """`connections`: as many as may work at once, of which the relay keeps one; opened when they are needed."""
        self._dsn = dsn
        self._connections = connections
        self._outbox_limit = outbox_limit
        self._statement_timeout_ms = statement_timeout_ms
        self._idle_timeout_ms = max(statement_timeout_ms, _LEAST_IDLE_MS)
        self._pool: asyncpg.Pool | None = None
        self.circuits = Circuits(self._connection)
        self.dead_letters = DeadLetters(self._connection)
        self.executions = Executions(self._connection)
        self.feed = Feed(self._connection)
        self.ledger = Ledger(self._connection)
        self.limits = Limits(self._connection)
        self.outbox = Outbox(self._connection, self._idle_timeout_ms)
        self.partitions = Partitions(self._connection)
        self.usage = Usage(self._connection)
        self.watchdog = Watchdog(self._connection, outbox_limit)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            await self._pool.close()

    async def pending_migrations(self) -> list[str]:
        """Names of the migrations that the database lacks."""
        async with self._connection(connecting=True) as connection:
            return await migrations.pending_on(connection)

    @asynccontextmanager
    async def batch(self) -> AsyncIterator["Batch"]:
        """One transaction: it commits when the block ends, and leaves nothing behind when the block raises."""
        try:
            async with self._connection() as connection, connection.transaction():
                batch = Batch(connection, self._outbox_limit)
                yield batch
                await batch.finish()
        except Unstorable:
            self.partitions.forget()
            raise

    @asynccontextmanager
    async def snapshot(self, *, statement_timeout_ms: int | None = None) -> AsyncIterator["Batch"]:
        """All as it was at one moment, to be read: it waits for nobody, and nobody waits for it."""
        async with self._connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            if statement_timeout_ms is not None:
                await connection.execute(f"SET LOCAL statement_timeout = {statement_timeout_ms:d}")
            yield Batch(connection, self._outbox_limit)

    async def terminate_stuck_sessions(self) -> int:
        """End the sessions of recorders that stand still in the midst of a statement; how many there were."""
        async with self._connection() as connection:
            return len(await connection.fetch(SQL["terminate_stuck_sessions"], self._idle_timeout_ms, _APPLICATION))

    @asynccontextmanager
    async def _connection(self, *, connecting: bool = False) -> AsyncIterator[asyncpg.Connection]:
        with translated(connecting=connecting):
            with translated(connecting=True):  # a database that is being restored may not be there, or be empty
                pool = await self._connected()
                connection = await pool.acquire(timeout=10)
            try:
                yield connection  # type: ignore[misc]  # the pool's proxy has all that a connection has
            except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                if await _is_ending(connection):
                    raise StoreUnavailable(f"Postgres ended the connection: {error}") from error
                raise
            finally:
                # What was asked is answered by now. A connection that was lost since then the pool forgets.
                with suppress(*RAISED):
                    await pool.release(connection)

    async def _connected(self) -> asyncpg.Pool:
        if self._pool is None:
            self._pool = await asyncpg.create_pool(
                self._dsn,
                min_size=1,
                # The one used last is used next: those that only a burst needed are closed after five minutes.
                max_size=self._connections,
                timeout=10,
                # For a network that swallows the server's own time limit.
                command_timeout=self._statement_timeout_ms / 1000 + 10,
                init=_prepare_connection,
                # JIT costs more than the short statements here ever take.
                server_settings={
                    "application_name": _APPLICATION,
                    "statement_timeout": str(self._statement_timeout_ms),
                    # A recorder that stands still in a transaction, its machine paused say, must not keep the
                    # ledger from the one that was given its partitions. One that computes does not stand still:
                    # a batch is folded in seconds, however short a statement may take.
                    "idle_in_transaction_session_timeout": str(self._idle_timeout_ms),
                    "timezone": "UTC",
                    "jit": "off",
                },
            )
        return self._pool


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    for table in tables.TABLES:
        if table.writing is Writing.UPSERT:
            await connection.execute(about("stage", table))


async def _is_ending(connection: asyncpg.pool.PoolConnectionProxy) -> bool:
    """Whether the server has ended the connection. Between its last word and the end of the stream the client takes
    the connection for one on which somebody else is at work, which in our hands would be a bug."""
    for _ in range(20):
        if connection.is_closed():
            return True
        await asyncio.sleep(0.05)
    return False
