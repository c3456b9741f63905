"""Questions to a Postgres server: does it answer, which version; make a database that is missing."""

from urllib.parse import urlsplit, urlunsplit

import asyncpg

from execledger_runtime.postgres import RAISED

SECONDS = 5.0


async def fault(dsn: str) -> str | None:
    """Why the server does not answer, without anything secret; None when it does."""
    try:
        await version(dsn)
    except (*RAISED, ValueError) as error:
        return reason(error)
    return None


def reason(error: Exception) -> str:
    """What a refusal, or the ValueError of a DSN that cannot be read, means; without anything secret."""
    match error:
        case asyncpg.ClientConfigurationError():
            return "the DSN cannot be read: write postgresql://user:password@host:5432/database"
        case asyncpg.PostgresError():
            return str(error)
        case ValueError():
            return "the DSN cannot be read: special characters in the password must be percent-encoded"
        case _:
            return f"no answer ({type(error).__name__})"


async def version(dsn: str) -> int:
    """The server's version as Postgres counts it (180001 is 18.1); raises one of RAISED."""
    connection = await asyncpg.connect(dsn, timeout=SECONDS)
    try:
        return int(await connection.fetchval("SELECT current_setting('server_version_num')", timeout=SECONDS))
    finally:
        await connection.close(timeout=SECONDS)


async def ensure_database(dsn: str, name: str) -> None:
    """Create a database on the server of `dsn` unless it is there."""
    connection = await asyncpg.connect(dsn, timeout=SECONDS)
    try:
        if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name) is None:
            await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()


def with_database(dsn: str, name: str) -> str:
    """The same server and account, another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


def shown(dsn: str) -> str:
    """The address in a DSN without account, password and options, fit for a screen or a log."""
    parts = urlsplit(dsn)
    place = f"{parts.netloc.rpartition('@')[2]}{parts.path}"
    beyond = f"{parts.path}{parts.query}{parts.fragment}"
    # An @ after the host means that a / or # in the password ended the host too early.
    return place if parts.netloc and "@" not in beyond else "an unreadable DSN"
