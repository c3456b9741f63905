"""Numbered, forward-only migrations, each applied once, in a transaction of its own."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from typing import Final

import asyncpg

from execledger_runtime.postgres import check_directness

_ADVISORY_LOCK: Final = 0x65786563  # "exec"; advisory locks are per database
_SETUP: Final = """
CREATE SCHEMA IF NOT EXISTS execledger;
CREATE TABLE IF NOT EXISTS execledger.migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    digest     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
"""


class SchemaMismatchError(Exception):
    """The database was migrated by other code than this: its message says what differs."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    version: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        return sha256(self.sql.encode()).hexdigest()


def known() -> list[Migration]:
    """Every migration of this code, in order."""
    files = sorted(f for f in resources.files(__package__).iterdir() if f.name.endswith(".sql"))  # type: ignore[type-var, attr-defined, unused-ignore]
    return [Migration(int(f.name[:4]), f.name.removesuffix(".sql"), f.read_text(encoding="utf-8")) for f in files]


async def migrate(dsn: str) -> list[str]:
    """Bring the database to the current schema; returns the names of what was applied.

    Safe to repeat, and from two places at once. Raises SchemaMismatchError when the database is ahead of this code,
    and StoreUnavailable when a pooler lies between.
    """
    connection = await asyncpg.connect(dsn)
    try:
        await check_directness(connection)
        await _wait_for_turn(connection)
        await connection.execute(_SETUP)
        waiting = await _pending(connection)
        for migration in waiting:
            await _apply(connection, migration)
        return [migration.name for migration in waiting]
    finally:
        await connection.close()  # gives the advisory lock back


async def pending(dsn: str) -> list[str]:
    """Names of the migrations that the database still lacks; all of them when it has no schema of ours."""
    connection = await asyncpg.connect(dsn)
    try:
        return await pending_on(connection)
    finally:
        await connection.close()


async def pending_on(connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy) -> list[str]:
    """As `pending`, on a connection that is open already."""
    if not await connection.fetchval("SELECT to_regclass('execledger.migrations') IS NOT NULL"):
        return [migration.name for migration in known()]
    return [migration.name for migration in await _pending(connection)]


async def _wait_for_turn(connection: asyncpg.Connection) -> None:
    """Polls: a session that waits in pg_advisory_lock would deadlock with CREATE INDEX CONCURRENTLY."""
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _ADVISORY_LOCK):  # noqa: ASYNC110  # no event tells
        await asyncio.sleep(0.1)


async def _pending(connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy) -> Sequence[Migration]:
    rows = await connection.fetch("SELECT version, name, digest FROM execledger.migrations")
    applied = {row["version"]: row for row in rows}
    migrations = known()
    if unknown := applied.keys() - {migration.version for migration in migrations}:
        raise SchemaMismatchError(
            f"the database has migration {max(unknown)}, which this version does not know: run a newer one"
        )
    for migration in migrations:
        if migration.version in applied and applied[migration.version]["digest"] != migration.digest:
            raise SchemaMismatchError(
                f"migration {migration.name} differs from the one that the database has: run the version that made it"
            )
    return [migration for migration in migrations if migration.version not in applied]


async def _apply(connection: asyncpg.Connection, migration: Migration, attempts: int = 20) -> None:
    """Roles are shared by all databases of a cluster: two migrations may race to make them, and one tries again."""
    for attempt in range(attempts):
        try:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "INSERT INTO execledger.migrations (version, name, digest) VALUES ($1, $2, $3)",
                    migration.version,
                    migration.name,
                    migration.digest,
                )
        except (
            asyncpg.UniqueViolationError,
            asyncpg.DuplicateObjectError,
            asyncpg.InternalServerError,  # XX000, "tuple concurrently updated"
            asyncpg.DeadlockDetectedError,
        ):
            if attempt == attempts - 1:
                raise
            await asyncio.sleep(0.1 * (attempt + 1))
        else:
            return
