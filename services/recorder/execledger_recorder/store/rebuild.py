"""What a rebuild reads and writes of the rows that the log gives."""

import json
from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

import asyncpg

from execledger_recorder.rules import tables
from execledger_recorder.rules.tables import Row, Table, Writing
from execledger_recorder.store.connection import columns, in_lock_order
from execledger_recorder.store.derived import Derived
from execledger_recorder.store.statements import SQL

_SETTLED: Final = ("id", "tenant_id", "external_id", "tenant_uuid", "heard_at")
_settled: Final = itemgetter(*map(tables.EXECUTIONS.columns.index, _SETTLED))


class Rebuild:
    """Rows as they are stored, and as they should be, in the transaction of a batch."""

    def __init__(self, connection: asyncpg.Connection, derived: Derived) -> None:
        self._connection = connection
        self._derived = derived

    async def stored_rows(self, execution_ids: Sequence[str]) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """By execution id and table, the rows that a fold of the log should give; uuids as text."""
        found: dict[str, dict[str, list[dict[str, Any]]]] = {id_: {} for id_ in execution_ids}
        for table in tables.TABLES:
            for execution_id, rows in (await self._derived.stored(table, execution_ids)).items():
                found[execution_id][table.name] = rows
        return found

    async def restore_aliases(self, aliases: Sequence[tuple[str, str, str]]) -> None:
        """Give executions (tenant, external id, id) these aliases and no others, unless another execution has them."""
        await self._connection.execute(SQL["drop_aliases"], [id_ for _, _, id_ in aliases])
        await self._connection.execute(SQL["restore_aliases"], *columns(in_lock_order(aliases), 3))

    async def restore_executions(self, rows: Sequence[Row], recorded_at: Sequence[datetime]) -> None:
        """Write records, and set also what no later event changes, or only moves on; with when they were recorded."""
        await self._derived.upsert(tables.EXECUTIONS, rows)
        said = [(*_settled(row), at) for row, at in zip(rows, recorded_at, strict=True)]
        await self._connection.execute(SQL["restore_executions"], *columns(said, 6))
        await self._connection.execute(SQL["forget_staged_executions"])

    async def restore(self, table: Table, execution_ids: Sequence[str], rows: Sequence[Row]) -> None:
        """Leave some executions with these rows of a table."""
        if table is tables.LLM_CALLS:
            await self._restore_llm_calls(execution_ids, rows)
        elif table.writing is Writing.UPSERT:
            await self._derived.drop(table, execution_ids)
            await self._derived.upsert(table, rows)
        else:
            await self._derived.replace(table, execution_ids, rows)

    async def _restore_llm_calls(self, execution_ids: Sequence[str], rows: Sequence[Row]) -> None:
        """A price that was computed stays as it is stored."""
        names = tables.LLM_CALLS.columns
        keys = columns([row[:2] for row in rows], 2)
        said = [dict(zip(names, row, strict=True)) for row in rows]
        await self._connection.execute(SQL["delete_llm_calls"], execution_ids, *keys)
        await self._connection.execute(SQL["restore_llm_calls"], json.dumps(said, default=str))
