"""Derived tables, written and read as their entries say."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from execledger_recorder.rules.tables import Row, Table
from execledger_recorder.store.binary_copy import copy
from execledger_recorder.store.statements import about


class Derived:
    """The rows that the log decides, in a transaction."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def append(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows."""
        await copy(self._connection, table.name, table.columns, rows)

    async def replace(self, table: Table, execution_ids: Sequence[str], rows: Sequence[Row]) -> None:
        """Drop the rows of some executions, and add these."""
        if execution_ids:
            await self.drop(table, execution_ids)
        await self.append(table, rows)

    async def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """Write rows, each over the one with its key."""
        if rows:
            await self._connection.copy_records_to_table(f"staged_{table.name}", columns=table.columns, records=rows)
            await self._connection.execute(about("save", table))

    async def forget(self, table: Table, keys: Sequence[Row]) -> None:
        """Drop rows by their keys: of an execution, and within it."""
        if keys:
            await self._connection.executemany(about("forget", table), keys)

    async def drop(self, table: Table, execution_ids: Sequence[str]) -> None:
        """Drop all rows of some executions."""
        await self._connection.execute(about("drop", table), execution_ids)

    async def stored(self, table: Table, execution_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """All rows of some executions, by execution id and column; uuids as text."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in await self._connection.fetch(about("stored", table), execution_ids):
            plain = {name: str(value) if isinstance(value, UUID) else value for name, value in row.items()}
            found.setdefault(plain[table.id_column], []).append(plain)
        return found
