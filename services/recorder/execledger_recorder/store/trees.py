"""Trees of executions: summed anew for the roots that batches marked."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal

import asyncpg

from execledger_contracts.events import IMPORT_SOURCE
from execledger_recorder.rules.commands import PassedLimit
from execledger_recorder.rules.rows import Alias
from execledger_recorder.store.connection import columns
from execledger_recorder.store.statements import SQL

TREE_MARKS_AT_ONCE: Final = 10_000


class Trees:
    """In the transaction of a batch."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def try_lock(self) -> bool:
        """Whether this transaction may sum trees, and tell of them: one recorder does at a time."""
        return bool(await self._connection.fetchval(SQL["try_trees_lock"]))

    async def take_marks(self) -> list[Alias]:
        """Roots whose trees changed, TREE_MARKS_AT_ONCE marks of them at most."""
        rows = await self._connection.fetch(SQL["take_tree_marks"], TREE_MARKS_AT_ONCE)
        return [(row["tenant_id"], row["root_execution_id"]) for row in rows]

    async def sum(self, roots: Sequence[Alias]) -> list[tuple[str, str, int]]:
        """Sum trees anew; of those that changed and whose root is recorded: its id, tenant and version."""
        rows = await self._connection.fetch(SQL["sum_trees"], *columns(roots, 2))
        return [(str(row["id"]), row["tenant_id"], row["version"]) for row in rows]

    async def limits(
        self, roots: Sequence[Alias], share: Decimal, most: int
    ) -> list[tuple[str, Literal["halt", "warning"], PassedLimit]]:
        """Open executions (by id) that are to be told, so many at most, and of what."""
        rows = await self._connection.fetch(SQL["find_tree_limits"], *columns(roots, 2), share, IMPORT_SOURCE, most)
        return [(str(row["id"]), row["type"], PassedLimit(*row[2:])) for row in rows]

    async def untold(self) -> list[Alias]:
        """Roots of whose trees somebody is still to be told."""
        return [
            (row["tenant_id"], row["root_execution_id"]) for row in await self._connection.fetch(SQL["untold_trees"])
        ]

    async def mark_told(self, roots: Sequence[Alias], *, is_told: bool) -> None:
        """Note whether everybody was told."""
        await self._connection.execute(SQL["mark_told"], *columns(roots, 2), is_told)
