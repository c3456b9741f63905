"""The rows of an older table, read from its own database."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
    query = _ROWS.format(table=".".join(map(_quoted, table.split("."))), type=key_type)
    async with _opened(dsn) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        number = done
        async for record in connection.cursor(query, after or None, prefetch=_AT_ONCE):
            number += 1
            text: str = record["row"]
            yield Sent(number, json.loads(text), len(text), key=record["key"])


@asynccontextmanager
async def _opened(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    try:
        connection = await asyncpg.connect(dsn, timeout=20)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UserError(f"the database of --from-dsn cannot be reached: {_said(error)}") from None
    try:
        yield connection
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError) as error:
        raise UserError(f"the database of --from-dsn: {_said(error)}") from None
    finally:
        await connection.close(timeout=10)


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
