"""Postgres, as the recorder uses it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Final, Self

import asyncpg

from execledger_lifecycle.caps import DEFAULT_CAPS, Caps
from execledger_recorder.rules import tables
from execledger_recorder.rules.months import DEFAULT_PARTITION_POLICY, PartitionPolicy
from execledger_recorder.rules.tables import Writing
from execledger_recorder.store import migrations
from execledger_recorder.store.batch import Batch
from execledger_recorder.store.cancel_requests import CancelRequests
from execledger_recorder.store.circuits import Circuits
from execledger_recorder.store.dead_letters import DeadLetters
from execledger_recorder.store.executions import Executions
from execledger_recorder.store.feed import Feed
from execledger_recorder.store.imports import Imports
from execledger_recorder.store.ledger import Ledger
from execledger_recorder.store.limits import Limits
from execledger_recorder.store.outbox import Outbox
from execledger_recorder.store.partitions import Partitions
from execledger_recorder.store.rollups import Rollups
from execledger_recorder.store.signing_keys import SigningKeys
from execledger_recorder.store.sql_access import SqlAccess
from execledger_recorder.store.statements import SQL, about
from execledger_recorder.store.usage import Usage
from execledger_recorder.store.watchdog import Watchdog
from execledger_runtime.errors import Unstorable
from execledger_runtime.postgres import RAISED, Database

_LEAST_IDLE_MS: Final = 10_000
_APPLICATION: Final = "execledger-recorder"


class Store:
    """Opens Postgres; its parts read and write one subject each, raise the errors of `errors`, and wait for nothing."""

    def __init__(
        self,
        dsn: str,
        *,
        statement_timeout_ms: int = 30_000,
        outbox_limit: int = 100_000,
        connections: int = 16,
        partition_policy: PartitionPolicy = DEFAULT_PARTITION_POLICY,
        caps: Caps = DEFAULT_CAPS,
    ) -> None:
        """`connections`: as many as may work at once, of which the relay keeps one; opened when they are needed.
        `caps` hold for executions that are recorded, or folded again, and of which no row says which held."""
        self._outbox_limit = outbox_limit
        self._caps = caps
        self._idle_timeout_ms = max(statement_timeout_ms, _LEAST_IDLE_MS)
        self._database = Database(
            dsn,
            _APPLICATION,
            prepare=_prepare_connection,
            statement_seconds=statement_timeout_ms / 1000,
            most_connections=connections,
            # A recorder that stands still in a transaction, its machine paused say, must not keep the ledger from the
            # one that was given its partitions. One that computes does not stand still: a batch is folded in seconds,
            # however short a statement may take.
            server_settings={"idle_in_transaction_session_timeout": str(self._idle_timeout_ms)},
        )
        connect = self._database.connection
        self.cancel_requests = CancelRequests(connect, outbox_limit)
        self.circuits = Circuits(connect)
        self.dead_letters = DeadLetters(connect)
        self.executions = Executions(connect)
        self.feed = Feed(connect)
        self.imports = Imports(connect)
        self.ledger = Ledger(connect)
        self.limits = Limits(connect)
        self.outbox = Outbox(connect, self._idle_timeout_ms)
        self.partitions = Partitions(connect, partition_policy)
        self.signing_keys = SigningKeys(connect)
        self.sql_access = SqlAccess(connect)
        self.usage = Usage(connect)
        self.rollups = Rollups(connect)
        self.watchdog = Watchdog(connect, outbox_limit)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._database.close()

    async def pending_migrations(self) -> list[str]:
        """Names of the migrations that the database lacks."""
        async with self._database.connection(until_set_up=True) as connection:
            return await migrations.pending_on(connection)

    @asynccontextmanager
    async def batch(self) -> AsyncIterator["Batch"]:
        """One transaction: it commits when the block ends, and leaves nothing behind when the block raises."""
        try:
            async with self._database.connection() as connection:
                async with connection.transaction():
                    batch = Batch(connection, self._outbox_limit, self._caps)
                    yield batch
                    await batch.finish()
                if batch.has_changes:
                    with suppress(*RAISED):  # it is committed, whatever happens now
                        # Behind the commit: within, all commits that notify would wait for each other's disk (0040).
                        await connection.execute(SQL["wake_followers"])
        except Unstorable:
            self.partitions.forget()
            raise

    @asynccontextmanager
    async def snapshot(self, *, statement_timeout_ms: int | None = None) -> AsyncIterator["Batch"]:
        """All as it was at one moment, to be read: it waits for nobody, and nobody waits for it."""
        async with (
            self._database.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            if statement_timeout_ms is not None:
                await connection.execute(f"SET LOCAL statement_timeout = {statement_timeout_ms:d}")
            yield Batch(connection, self._outbox_limit, self._caps)

    async def terminate_stuck_sessions(self) -> int:
        """End the sessions of recorders that stand still in the midst of a statement; how many there were."""
        async with self._database.connection() as connection:
            return len(await connection.fetch(SQL["terminate_stuck_sessions"], self._idle_timeout_ms, _APPLICATION))


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    for table in tables.TABLES:
        if table.writing is Writing.UPSERT:
            await connection.execute(about("stage", table))
