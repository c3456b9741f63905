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

    async def take_marks(self) -> list[Alias]:
        """Roots whose trees changed, TREE_MARKS_AT_ONCE marks of them at most; none while another recorder sums."""
        rows = await self._connection.fetch(SQL["take_tree_marks"], TREE_MARKS_AT_ONCE)
        return [(row["tenant_id"], row["root_execution_id"]) for row in rows]

    async def sum(self, roots: Sequence[Alias]) -> list[tuple[str, str, int]]:
        """Sum trees anew; of those that changed and whose root is recorded: its id, tenant and version."""
        rows = await self._connection.fetch(SQL["sum_trees"], *columns(roots, 2))
        return [(str(row["id"]), row["tenant_id"], row["version"]) for row in rows]

    async def limits(
        self, roots: Sequence[Alias], share: Decimal
    ) -> list[tuple[str, Literal["halt", "warning"], PassedLimit]]:
        """Open executions (by id) that are to be told, and of what."""
        rows = await self._connection.fetch(SQL["find_tree_limits"], *columns(roots, 2), share, IMPORT_SOURCE)
        return [(str(row["id"]), row["type"], PassedLimit(*row[2:])) for row in rows]
