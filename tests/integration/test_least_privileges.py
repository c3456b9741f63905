"""The query service's account, logged in as by somebody who has its password: what it cannot do."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from conftest import Servers
from execledger.stack.database import with_database
from execledger_recorder.store.migrations import migrate

FORBIDDEN = [
    "CREATE TEMPORARY TABLE much AS SELECT 1",
    "SELECT lo_creat(-1)",
    "SELECT lo_from_bytea(0, 'much')",
    "SELECT lo_put(1, 0, 'much')",
    "SELECT lowrite(0, 'much')",
    "SELECT pg_advisory_lock(hashtext('execledger.relay'))",
    "SELECT pg_try_advisory_lock(1, 2)",
    "SELECT pg_advisory_xact_lock_shared(1)",
    "SELECT pg_try_advisory_xact_lock_shared(1)",
    "CREATE TABLE public.much (one text)",
    "CREATE SCHEMA much",
    "COPY (SELECT 1) TO PROGRAM 'true'",
]


@pytest.fixture
async def migrated(servers: Servers) -> AsyncIterator[str]:
    """A database that was migrated itself: what belongs to a database is not copied with it."""
    name = f"private_{secrets.token_hex(6)}"
    async with _connected(servers.postgres_dsn) as administrator:
        await administrator.execute(f"CREATE DATABASE {name}")
        dsn = with_database(servers.postgres_dsn, name)
        await migrate(dsn)
        yield dsn
        await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def test_the_query_account_can_neither_fill_the_disk_nor_take_the_recorder_s_locks(migrated: str) -> None:
    for role in ("query", "owner", "tenant", "admin"):
        async with _connected(migrated, "execledger_query") as connection:
            await connection.execute("SET default_transaction_read_only = off")
            await connection.execute(f"SET ROLE execledger_{role}")
            for statement in FORBIDDEN:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)


async def test_the_recorder_can_still_do_what_it_does(migrated: str) -> None:
    async with _connected(migrated, "execledger_recorder") as connection:
        assert await connection.fetchval("SELECT pg_try_advisory_lock(hashtext('execledger.relay'))")
        assert await connection.fetchval("SELECT pg_try_advisory_xact_lock(1)")
        await connection.execute("CREATE TEMPORARY TABLE scratch AS SELECT 1")


@asynccontextmanager
async def _connected(dsn: str, account: str | None = None) -> AsyncIterator[asyncpg.Connection]:
    """A session, of that account where one is named: as if it had logged in, it cannot go back."""
    connection = await asyncpg.connect(dsn)
    try:
        if account is not None:
            await connection.execute(f"SET SESSION AUTHORIZATION {account}")
        yield connection
    finally:
        await connection.close()
