"""What a rebuild reads and writes of the rows that the log gives."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from execledger_lifecycle import StepRecord
from execledger_recorder.store.connection import columns, in_lock_order
from execledger_recorder.store.rows import FOLDED_TABLES, ExecutionRow, LlmCallRow, ToolCallRow
from execledger_recorder.store.statements import SQL

if TYPE_CHECKING:
    from execledger_recorder.store.batch import Batch


class Rebuild:
    """Rows as they are stored, and as they should be, in the transaction of a batch."""

    def __init__(self, tx: "Batch") -> None:
        self._tx = tx
        self._connection = tx.connection

    async def stored_rows(self, execution_ids: Sequence[str]) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """By execution id and table, the rows that a fold of the log should give; uuids as text."""
        found: dict[str, dict[str, list[dict[str, Any]]]] = {id_: {} for id_ in execution_ids}
        for table in FOLDED_TABLES:
            for row in await self._connection.fetch(SQL[f"stored_{table}"], execution_ids):
                plain = {name: str(value) if isinstance(value, UUID) else value for name, value in row.items()}
                found[str(row[0])].setdefault(table, []).append(plain)
        return found

    async def restore_aliases(self, aliases: Sequence[tuple[str, str, str]]) -> None:
        """Give executions (tenant, external id, id) these aliases and no others, unless another execution has them."""
        await self._connection.execute(SQL["drop_aliases"], [id_ for _, _, id_ in aliases])
        await self._connection.execute(SQL["restore_aliases"], *columns(in_lock_order(aliases), 3))

    async def restore_executions(self, rows: Sequence[tuple[ExecutionRow, datetime]]) -> None:
        """Write records, and set also what no later event changes, or only moves on; with when they were recorded."""
        await self._tx.save_executions([row for row, _ in rows])
        said = [(r.id, r.tenant_id, r.external_id, r.foreign.tenant_uuid, r.heard_at, at) for r, at in rows]
        await self._connection.execute(SQL["restore_executions"], *columns(said, 6))
        await self._connection.execute(SQL["forget_staged_executions"])

    async def restore_steps(self, changed: Sequence[str], rows: Sequence[tuple[str, str, StepRecord]]) -> None:
        """Drop the steps of some executions, and write these."""
        await self._connection.execute(SQL["delete_steps"], changed)
        await self._tx.save_steps(rows)

    async def restore_tool_calls(self, changed: Sequence[str], rows: Sequence[ToolCallRow]) -> None:
        """Drop the tool calls of some executions, and write these."""
        await self._connection.execute(SQL["delete_tool_calls"], changed)
        await self._tx.append_tool_calls(rows)

    async def restore_llm_calls(self, changed: Sequence[str], rows: Sequence[LlmCallRow]) -> None:
        """Leave some executions with these LLM calls; a price that was computed stays as it is stored."""
        keys = columns([(row.execution_id, row.event_id) for row in rows], 2)
        await self._connection.execute(SQL["delete_llm_calls"], changed, *keys)
        await self._connection.execute(SQL["restore_llm_calls"], json.dumps([r._asdict() for r in rows], default=str))
