"""Afterwards: the account, a fresh fold of the log, and a run of the same topic that nothing disturbed."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from execledger_recorder.migrations import migrate
from factories_recorder import snapshot
from running import eventually, recorder
from torture.load import PARTITIONS
from torture.system import System, settings, with_name

_PATIENCE_SECONDS = 300.0
_EVENTS = "executions.events"
_MOST_SHOWN = 5


async def verdict(system: System, taken: int, folder: Path) -> list[str]:
    """Everything that is wrong, in words; nothing when all is well."""
    ends = await _ends(system)
    await _caught_up(system.endpoints.postgres_dsn, ends)
    faults = [] if sum(ends.values()) >= taken else [f"the broker took {taken} messages and holds {ends}"]
    for command in (["ledger", "--audit"], ["rebuild", "--verify"]):
        faults += await asyncio.to_thread(_fault_of, command, system)
    faults += await _wrong_dead_letters(system)
    return faults + await _differences(system, ends, folder)


async def _ends(system: System) -> dict[int, int]:
    async with _reader(system) as reader:
        places = [TopicPartition(_EVENTS, partition) for partition in range(PARTITIONS)]
        reader.assign(places)
        return {place.partition: end for place, end in (await reader.end_offsets(places)).items()}


async def _caught_up(dsn: str, ends: dict[int, int]) -> None:
    """Until everything is recorded, every message sent and every day of usage computed."""

    async def is_level() -> bool:
        try:
            connection = await asyncpg.connect(dsn)
        except (OSError, asyncpg.PostgresError):
            return False
        try:
            rows = await connection.fetch("SELECT partition, next_offset FROM execledger.ledger")
            waiting = await connection.fetchval(
                "SELECT (SELECT count(*) FROM execledger.outbox) + (SELECT count(*) FROM execledger.usage_marks)"
            )
            return {row["partition"]: row["next_offset"] for row in rows} == ends and waiting == 0
        finally:
            await connection.close()

    await eventually(is_level, _PATIENCE_SECONDS)


def _fault_of(command: list[str], system: System) -> list[str]:
    """What an operator's command says is wrong."""
    environment = {
        "EXECLEDGER_POSTGRES_DSN": system.endpoints.postgres_dsn,
        "EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS": system.endpoints.bootstrap_servers,
    }
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "execledger", *command],
        env=_plain() | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return (
        [] if done.returncode == 0 else [f"execledger {' '.join(command)}: {done.stdout[-4000:]}{done.stderr[-2000:]}"]
    )


def _plain() -> dict[str, str]:
    import os

    return {name: value for name, value in os.environ.items() if not name.startswith("EXECLEDGER_")}


async def _wrong_dead_letters(system: System) -> list[str]:
    """Only what was bad may be a dead letter, and each must have reached its topic."""
    connection = await system.connect()
    try:
        rows = await connection.fetch('SELECT partition, "offset", reason, detail FROM execledger.dead_letters')
    finally:
        await connection.close()
    faults = [f"unstorable, and it was not: {dict(row)}" for row in rows if row["reason"] == "unstorable"]
    sent = await _sent_letters(system)
    missing = {(row["partition"], row["offset"]) for row in rows} - sent
    return faults + ([f"dead letters that were never sent: {sorted(missing)[:_MOST_SHOWN]}"] if missing else [])


async def _sent_letters(system: System) -> set[tuple[int, int]]:
    async with _reader(system) as reader:
        places = [TopicPartition("executions.dead-letter", partition) for partition in range(1)]
        reader.assign(places)
        await reader.seek_to_beginning(*places)
        ends = await reader.end_offsets(places)
        found: set[tuple[int, int]] = set()
        while any([await reader.position(place) < ends[place] for place in places]):
            for batch in (await reader.getmany(timeout_ms=500)).values():
                for record in batch:
                    said = dict(record.headers)
                    found.add((int(said["execledger-partition"]), int(said["execledger-offset"])))
        return found


async def _differences(system: System, ends: dict[int, int], folder: Path) -> list[str]:
    """What differs from the record of a run without trouble."""
    dsn = with_name(system.endpoints.postgres_dsn, "undisturbed")
    connection = await system.connect()
    try:
        await connection.execute("CREATE DATABASE undisturbed")
    finally:
        await connection.close()
    await migrate(dsn)
    async with recorder(folder, **settings(system.endpoints, dsn, "undisturbed") | {"batch_size": 2000}):
        await _caught_up(dsn, ends)
    faults: list[str] = []
    for tenant in await _tenants(dsn):
        ours, theirs = await _recorded(system.endpoints.postgres_dsn, tenant), await _recorded(dsn, tenant)
        for table in ours:
            only_here, only_there = ours[table] - theirs[table], theirs[table] - ours[table]
            shown = [*list(only_here)[:_MOST_SHOWN], "undisturbed:", *list(only_there)[:_MOST_SHOWN]]
            faults += [f"{table} of {tenant} differ: {shown}"] if only_here or only_there else []
    return faults


async def _tenants(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        return [row[0] for row in await connection.fetch("SELECT DISTINCT tenant_id FROM execledger.executions")]
    finally:
        await connection.close()


async def _recorded(dsn: str, tenant: str) -> dict[str, Counter[str]]:
    connection = await asyncpg.connect(dsn)
    try:
        tables: dict[str, list[dict[str, Any]]] = await snapshot(connection, tenant)
        return {table: Counter(str(row) for row in rows) for table, rows in tables.items()}
    finally:
        await connection.close()


@asynccontextmanager
async def _reader(system: System) -> AsyncIterator[AIOKafkaConsumer]:
    reader = AIOKafkaConsumer(bootstrap_servers=system.endpoints.bootstrap_servers, enable_auto_commit=False)
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()
