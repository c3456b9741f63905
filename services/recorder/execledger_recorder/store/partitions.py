"""The partitions of the tables that are split by the time in an execution's id."""

from collections.abc import Iterable
from datetime import UTC, datetime

from execledger_recorder.store.connection import Connect
from execledger_recorder.store.statements import SQL


class Partitions:
    """Makes them ahead and on demand, and remembers which are there."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._known_months: set[tuple[int, int]] = set()

    async def ensure(self, times: Iterable[datetime]) -> None:
        """Make the partitions that ids of these times need, each in a transaction of its own."""
        months = {(at.year, at.month) for at in times} - self._known_months
        if not months:
            return
        async with self._connect() as connection:
            for year, month in sorted(months):
                await connection.fetchval(SQL["ensure_partition"], datetime(year, month, 1, tzinfo=UTC))
                self._known_months.add((year, month))

    async def make_ahead(self, months: int) -> None:
        """Make the partitions of this month and the next ones, and look at all others again when they are needed."""
        self.forget()  # a table may have been added since
        now = datetime.now(UTC)
        ahead = (divmod(now.month - 1 + n, 12) for n in range(months + 1))
        await self.ensure(datetime(now.year + years, month + 1, 1, tzinfo=UTC) for years, month in ahead)

    def forget(self) -> None:
        """Look again: a restored database may lack partitions that were made before, and a new table those of all."""
        self._known_months.clear()
