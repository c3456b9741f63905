"""How many events a second: copied into a bare table, and recorded."""

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.events import Sent
from bench.figures import Measured
from bench.meters import Cores, peak_mib
from bench.recorders import recording, until_recorded
from bench.site import Servers, Site, connected, database, held

_BASELINE = """
CREATE TABLE copied (LIKE execledger.execution_events INCLUDING DEFAULTS);
CREATE UNIQUE INDEX ON copied (execution_id, event_id);
CREATE INDEX ON copied (partition, "offset");
"""
_COLUMNS = """
SELECT quote_ident(attname) AS name, atttypid = 'uuid'::regtype AS is_uuid FROM pg_attribute
WHERE attrelid = 'execledger.execution_events'::regclass AND attnum > 0 AND NOT attisdropped AND NOT atthasdef
ORDER BY attnum
"""
_ROWS_A_TRANSACTION = 1000
_PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class LogRows:
    """Rows of the log as a recorder wrote them, in the order of Kafka."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


async def log_rows(here: Site) -> LogRows:
    """What was recorded here; ids as text, as the recorder hands them to COPY."""
    async with connected(here.dsn) as connection:
        columns = await connection.fetch(_COLUMNS)
        wanted = ", ".join(f"{name}::text" if is_uuid else name for name, is_uuid in columns)
        rows = await connection.fetch(
            f'SELECT {wanted} FROM execledger.execution_events ORDER BY "offset", partition'  # noqa: S608
        )
    return LogRows(tuple(name.strip('"') for name, _ in columns), [tuple(row) for row in rows])


async def copy(servers: Servers, log: LogRows, cores: Cores) -> Measured:
    """COPY, 1,000 rows a transaction, into one table without partitions and with two indexes."""
    obtained = await cores.obtained()
    meters = servers.meters
    gc.freeze()  # the rows are no garbage, and looking for some among them would be counted
    async with database(servers) as dsn, connected(dsn) as connection:
        await connection.execute(_BASELINE)
        await connection.execute("CHECKPOINT")
        before = meters.read()
        for first in range(0, len(log.rows), _ROWS_A_TRANSACTION):
            async with connection.transaction():
                await connection.copy_records_to_table(
                    "copied", records=log.rows[first : first + _ROWS_A_TRANSACTION], columns=log.columns
                )
        after = meters.read()
    return Measured(
        len(log.rows),
        after.seconds_since(before),
        after.spent.since(before.spent),
        cores_obtained=obtained,
        cores_free=after.free_since(before),
    )


async def record(here: Site, records: Sequence[Sent], cores: Cores, recorders: int = 1) -> Measured:
    """From the moment at which recorders that have their partitions are shown all records, until they are recorded."""
    meters = here.servers.meters
    async with held(here, records) as show, recording(here, recorders) as services, connected(here.dsn) as connection:
        pids = [service.process.pid for service in services]
        await connection.execute("CHECKPOINT")
        obtained = await cores.obtained()
        before = meters.read(pids)
        await show()
        recorded = await until_recorded(here, services, len(records), _PATIENCE_SECONDS, connection)
        after = meters.read(pids)
        return Measured(
            recorded,
            after.seconds_since(before),
            after.spent.since(before.spent),
            cores_obtained=obtained,
            cores_free=after.free_since(before),
            unfinished=len(records) - recorded,
            peak_mib=max(map(peak_mib, pids)),
        )
