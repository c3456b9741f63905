"""Older states of long folds, read and written inside a transaction."""

from collections.abc import Sequence

import asyncpg

from execledger_recorder.store.connection import columns
from execledger_recorder.store.statements import SQL


class Checkpoints:
    """Those of the executions that the transaction holds."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def heads(self, execution_id: str) -> list[tuple[int, str]]:
        """Version and head of each."""
        return [tuple(row) for row in await self._connection.fetch(SQL["checkpoint_heads"], execution_id)]

    async def state(self, execution_id: str, version: int) -> str:
        """What one of them holds."""
        state: str = await self._connection.fetchval(SQL["checkpoint_state"], execution_id, version)
        return state

    async def void(self, kept_upto: Sequence[tuple[str, int]]) -> None:
        """Drop those of some executions that are later than a version."""
        if kept_upto:
            await self._connection.execute(SQL["void_checkpoints"], *columns(kept_upto, 2))

    async def add(self, execution_id: str, taken: Sequence[tuple[int, str, str]], kept: Sequence[int]) -> None:
        """Add some (version, head, state) to those of an execution, and leave only the versions that are kept."""
        await self._connection.execute(SQL["thin_checkpoints"], execution_id, kept)
        await self._connection.execute(SQL["add_checkpoints"], execution_id, *columns(taken, 3))
