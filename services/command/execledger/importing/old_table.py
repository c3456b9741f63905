"""The rows of an older table, read from its own database."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import resources
from typing import Final, Literal

import asyncpg

from execledger.errors import UserError
from execledger.importing.reading import Sent

_ROWS: Final = resources.files(__package__).joinpath("old_rows.sql").read_text(encoding="utf-8")
_AT_ONCE: Final = 1000


async def rows_of_table(
    dsn: str, table: str, key_type: Literal["uuid", "text"], after: str, done: int
) -> AsyncIterator[Sent]:
    """The rows behind a key, as of one moment, through a cursor. UserError: the database says no.

    `done` is how many rows came before: their numbers go on from there.
    """
    query = _ROWS.format(table=quoted(table), type=key_type)
    async with (
        opened(dsn, "--from-dsn") as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        number = done
        async for record in connection.cursor(query, after or None, prefetch=_AT_ONCE):
            number += 1
            text: str = record["row"]
            yield Sent(number, json.loads(text), len(text), key=record["key"])


@asynccontextmanager
async def opened(dsn: str, said_by: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the database that an option or a setting says. UserError: it cannot be reached, or says no."""
    try:
        connection = await asyncpg.connect(dsn, timeout=20)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UserError(f"the database of {said_by} cannot be reached: {_said(error)}") from None
    try:
        with blamed(said_by):
            yield connection
    finally:
        await connection.close(timeout=10)


@contextmanager
def blamed(said_by: str) -> Iterator[None]:
    """What a database refuses becomes a UserError that says which one it was."""
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise UserError(f"the account of {said_by} may not: {_said(error)}") from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError) as error:
        raise UserError(f"the database of {said_by}: {_said(error)}") from None


def quoted(table: str) -> str:
    """The name of a table, with its schema if it says one, in SQL."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in table.split("."))


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
