"""How a statement is run in the transaction of a reader."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import asyncpg

from execledger_query.caller import Sees
from execledger_runtime.postgres import GRACE_SECONDS

UNBOUNDED: Final = 2**62
"""Bytes that nothing comes to."""

Row = Mapping[str, Any]


class Reads:
    """Some of the reads of one transaction. Rows are as the columns of the statement in sql/ of the same name."""

    def __init__(self, connection: asyncpg.Connection, sees: Sees, longest: float | None) -> None:
        self._connection = connection
        self._sees = sees
        self._driver_timeout = None if longest is None else longest + GRACE_SECONDS

    async def _rows(self, query: str, *arguments: Any) -> Sequence[Row]:
        found = await self._connection.fetch(query, *arguments, timeout=self._driver_timeout)
        return cast("list[Row]", found)  # a Record is no Mapping by its type, and all of one by what it does

    async def _row(self, query: str, *arguments: Any) -> Row | None:
        rows = await self._rows(query, *arguments)
        return rows[0] if rows else None
