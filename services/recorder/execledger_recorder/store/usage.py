"""Daily usage, summed anew for the days that batches marked."""

from typing import Final

from execledger_recorder.store.connection import Connect, columns
from execledger_recorder.store.statements import SQL

USAGE_MARKS_AT_ONCE: Final = 10_000


class Usage:
    """The sums of each owner and UTC day."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def recompute(self) -> int:
        """Bring marked days of usage up to date; how many marks were taken, USAGE_MARKS_AT_ONCE at most."""
        async with self._connect() as connection, connection.transaction():
            marks = await connection.fetch(SQL["take_usage_marks"], USAGE_MARKS_AT_ONCE)
            days = sorted({tuple(mark) for mark in marks})
            if days:
                await connection.execute(SQL["recompute_usage"], *columns(days, 3))
            return len(marks)
