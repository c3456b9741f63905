"""How fast a recorder is when much is stored already."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import asyncpg

from bench.cases import Sizes, usual
from bench.figures import Comparison, Measured
from bench.meters import Cores
from bench.rates import record
from bench.site import Servers, connected, database, topics

Columns = Mapping[str, Sequence[str]]
"""By table."""

_TABLES = """
SELECT class.relname AS name, array_agg(attname::text ORDER BY attnum) AS columns
FROM pg_class AS class JOIN pg_attribute ON attrelid = class.oid
WHERE class.relnamespace = 'execledger'::regnamespace AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
  AND (class.relkind = 'p' OR class.relname IN ('execution_aliases', 'execution_labels'))
GROUP BY class.relname ORDER BY class.relname
"""
_STORED = "SELECT count(*) FROM {}"
# The time in an id stays, which chooses the partition. All behind it becomes another's, the same in every table.
_OTHER_ID = '(left("{0}"::text, 19) || right(md5("{0}"::text || copy)::uuid::text, 17))::uuid'
_OTHER_TEXT = "\"{0}\" || '-' || copy"
_OTHERS = {
    "id": _OTHER_ID,
    "execution_id": _OTHER_ID,
    "external_id": _OTHER_TEXT,
    "root_execution_id": _OTHER_TEXT,
}


async def growth(servers: Servers, sizes: Sizes, cores: Cores, say: Callable[[str], None]) -> Comparison:
    """Record the same mix into a database that holds nothing, and then ever more."""
    labels = ("empty", *(f"{stored:,} stored" for stored in sizes.grown))
    rounds: list[dict[str, Measured]] = [{} for _ in range(sizes.case_rounds)]
    async with database(servers) as dsn, connected(dsn) as connection:
        filling = Filling(connection, say)
        for number, (label, stored) in enumerate(zip(labels, (0, *sizes.grown), strict=True)):
            await filling.up_to(stored)
            for turn, each in enumerate(rounds):
                records = list(usual(sizes, datetime.now(UTC), seed=100 * number + turn))
                each[label] = await record(await topics(servers, dsn), records, cores)
                say(f"growth, {label}: {each[label].rate:,.0f} events/s")
            await filling.keep()
    return Comparison("growth", "the usual mix, into a database that holds so many events", labels, tuple(rounds))


class Filling:
    """Copies of what was recorded first, made by Postgres alone: the same events, of other executions."""

    def __init__(self, connection: asyncpg.Connection, say: Callable[[str], None]) -> None:
        self._connection = connection
        self._say = say
        self._tables: Columns = {}
        self._copies = 0

    async def keep(self) -> None:
        """Take what is recorded by now as what is copied, the first time."""
        if not self._tables:
            self._tables = {row["name"]: row["columns"] for row in await self._connection.fetch(_TABLES)}
            for table in self._tables:
                await self._connection.execute(f"CREATE TEMPORARY TABLE first_{table} AS TABLE execledger.{table}")

    async def up_to(self, wanted: int) -> None:
        """Copy until at least so many events are stored."""
        stored = await self._connection.fetchval(_STORED.format("execledger.execution_events"))
        if stored >= wanted:
            return
        at_once = await self._connection.fetchval(_STORED.format("first_execution_events"))
        copies = math.ceil((wanted - stored) / at_once)
        self._say(f"growth, {copies} copies of {at_once:,} events are filled in ...")
        await self._connection.execute("SET synchronous_commit = off")
        for number in range(self._copies, self._copies + copies):
            for table, columns in self._tables.items():
                await self._connection.execute(copied(table, columns), number)
        self._copies += copies
        # Otherwise Postgres would do so by itself while the recorder is measured.
        await self._connection.execute("VACUUM (ANALYZE)")


def copied(table: str, columns: Sequence[str]) -> str:
    """The statement that makes one more copy of a table's first rows; $1 is its number.

    >>> print(copied("execution_aliases", ["tenant_id", "external_id"]))
    INSERT INTO execledger.execution_aliases ("tenant_id", "external_id")
    SELECT "tenant_id", "external_id" || '-' || copy FROM first_execution_aliases, (SELECT $1::integer) AS n (copy)
    """
    names = ", ".join(f'"{column}"' for column in columns)
    values = ", ".join(_OTHERS.get(column, '"{0}"').format(column) for column in columns)
    return (
        f"INSERT INTO execledger.{table} ({names})\n"  # names from the catalogue
        f"SELECT {values} FROM first_{table}, (SELECT $1::integer) AS n (copy)"
    )
