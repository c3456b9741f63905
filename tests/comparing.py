"""What two databases that recorded the same events must agree on, and where they do not."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import asyncpg

from execledger_recorder.rules.tables import TABLES, Writing
from factories_recorder import Row, snapshot

Key = tuple[Any, ...]
Contents = dict[str, dict[Key, Row]]
"""The rows of each table, by tenant and what else names them."""
Place = tuple[str, int, int]
"""Topic, partition, offset."""

_NAMED_BY: Final = {
    **{table.name: ("external_id", *table.key) for table in TABLES if table.writing is not Writing.BEFOREHAND},
    "execution_events": ("external_id", "event_id"),
    "workflows": ("id",),
    "owners": ("id",),
    "usage_daily": ("owner_id", "day"),
}


async def contents(connection: asyncpg.Connection) -> Contents:
    """All that is recorded, without surrogate ids and recording clocks."""
    tenants = await connection.fetch("SELECT DISTINCT tenant_id FROM execledger.execution_aliases")
    found: Contents = {table: {} for table in _NAMED_BY}
    for (tenant,) in tenants:
        for table, rows in (await snapshot(connection, tenant)).items():
            for row in map(_flat, rows):
                key = (tenant, *(row[name] for name in _NAMED_BY[table]))
                assert key not in found[table], f"{table} {key} stands there twice"
                found[table][key] = row
    return found


async def outcomes(connection: asyncpg.Connection) -> dict[Place, list[str]]:
    """What became of each record, with the reason; of each once, when all is well."""
    found: dict[Place, list[str]] = {}
    for topic, partition, offset, outcome in await connection.fetch(_OUTCOMES):
        found.setdefault((topic, partition, offset), []).append(outcome)
    return found


def differences(expected: Contents, found: Contents, most: int = 20) -> list[str]:
    """The first differences, a line for each; none when both hold the same."""
    every = [line for table in expected for line in _of_table(table, expected[table], found[table])]
    return [*every[:most], f"and {len(every) - most} more"] if len(every) > most else every


def _of_table(table: str, expected: Mapping[Key, Row], found: Mapping[Key, Row]) -> Iterator[str]:
    for key in sorted(expected.keys() | found.keys(), key=repr):
        if key not in found or key not in expected:
            yield f"{table} {key}: {'missing' if key not in found else 'not expected'}"
        elif (before := expected[key]) != (after := found[key]):
            columns = [name for name in before if before[name] != after.get(name)]
            yield f"{table} {key}: " + ", ".join(f"{name} {before[name]!r} != {after.get(name)!r}" for name in columns)


def _flat(row: Row) -> Row:
    """Money stays text: a float would hide its last digits."""
    return {**row, **json.loads(row.get("row", "{}"), parse_float=str), "row": None}


_OUTCOMES: Final = """
SELECT topic, partition, "offset", concat_ws(' ', outcome, reason) FROM execledger.execution_events
UNION ALL SELECT topic, partition, "offset", 'duplicate ' || reason FROM execledger.duplicates
UNION ALL SELECT topic, partition, "offset", 'dead_lettered ' || reason FROM execledger.dead_letters
"""
