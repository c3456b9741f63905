"""The partitions of the tables that are split by the time in an execution's id."""

from collections import deque
from collections.abc import Iterable, Set
from datetime import UTC, datetime
from time import monotonic
from typing import Final

from execledger_recorder.rules.months import DEFAULT_PARTITION_POLICY, Month, PartitionPolicy, month_of, months_from
from execledger_recorder.store.connection import Connect
from execledger_recorder.store.statements import SQL

_AHEAD: Final = 2  # months; no event may lie more than a day ahead of its record
_MINUTE: Final = 60.0


class Partitions:
    """Makes them ahead and on demand, and remembers which are there."""

    def __init__(self, connect: Connect, policy: PartitionPolicy = DEFAULT_PARTITION_POLICY) -> None:
        self._connect = connect
        self._policy = policy
        self._known: set[Month] = set()
        self._made_at: deque[float] = deque(maxlen=policy.a_minute)

    async def ensure(self, times: Iterable[datetime]) -> Set[Month]:
        """Make the partitions that ids of these times need, each in a transaction of its own.

        Returns the months that have none: those that lie ahead, and those that are too many at once.
        """
        months = {month_of(at) for at in times} - self._known
        if not months:
            return frozenset()
        latest = months_from(datetime.now(UTC), _AHEAD)[-1]
        missing = await self._missing(months)
        self._known |= months - missing
        wanted = [month for month in sorted(missing, reverse=True) if month <= latest]  # what is near is wanted most
        await self._make([month for month in wanted if self._may_make()])
        return months - self._known

    async def make_ahead(self, months: int) -> None:
        """Make the partitions of this month and the next ones, and look at all others again when they are needed."""
        self.forget()  # a table may have been added since
        await self._make(months_from(datetime.now(UTC), months))

    def forget(self) -> None:
        """Look again: a restored database may lack partitions that were made before, and a new table those of all."""
        self._known.clear()

    def _may_make(self) -> bool:
        now = monotonic()
        if len(self._made_at) == self._policy.a_minute and now - self._made_at[0] < _MINUTE:
            return False
        self._made_at.append(now)
        return True

    async def _missing(self, months: Iterable[Month]) -> set[Month]:
        async with self._connect() as connection:
            rows = await connection.fetch(SQL["missing_partitions"], [_first_of(month) for month in months])
        return {month_of(row["at"]) for row in rows}

    async def _make(self, months: Iterable[Month]) -> None:
        async with self._connect() as connection:
            for month in months:
                await connection.fetchval(SQL["ensure_partition"], _first_of(month), self._policy.monthly_days)
                self._known.add(month)


def _first_of(month: Month) -> datetime:
    return datetime(*month, 1, tzinfo=UTC)
