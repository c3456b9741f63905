"""Afterwards: the account, a fresh fold of the log, and a run of the same topic that nothing disturbed."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from comparing import contents, differences
from execledger_recorder.store.migrations import migrate
from running import eventually, recorder
from torture.load import PARTITIONS
from torture.system import System, connected, settings, with_name

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
    faults += await _complaints(system)
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
        async with connected(dsn) as connection:
            rows = await connection.fetch("SELECT partition, next_offset FROM execledger.ledger")
            waiting = await connection.fetchval(
                "SELECT (SELECT count(*) FROM execledger.outbox) + (SELECT count(*) FROM execledger.usage_marks)"
            )
            return {row["partition"]: row["next_offset"] for row in rows} == ends and waiting == 0

    await eventually(is_level, _PATIENCE_SECONDS)


async def _complaints(system: System) -> list[str]:
    """What the recorders themselves noticed."""
    names = ("execledger_unaccounted_records", "execledger_record_mismatches")
    metrics = [await seat.service.metrics() for seat in system.seats if seat.service is not None]
    return [f"{name} is {shown[name]}" for shown in metrics for name in names if shown[name] != 0]


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
    return {name: value for name, value in os.environ.items() if not name.startswith("EXECLEDGER_")}


async def _wrong_dead_letters(system: System) -> list[str]:
    """Only what was bad may be a dead letter, and each must have reached its topic."""
    async with connected(system.endpoints.postgres_dsn) as connection:
        rows = await connection.fetch('SELECT partition, "offset", reason, detail FROM execledger.dead_letters')
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
    async with connected(system.endpoints.postgres_dsn) as connection:
        await connection.execute("CREATE DATABASE undisturbed")
    await migrate(dsn)
    await _give_keys(system.endpoints.postgres_dsn, dsn)
    async with recorder(folder, **settings(system.endpoints, dsn, "undisturbed") | {"batch_size": 2000}):
        await _caught_up(dsn, ends)
    async with connected(dsn) as undisturbed, connected(system.endpoints.postgres_dsn) as tortured:
        faults = differences(await contents(undisturbed), await contents(tortured))
        letters = await _dead_letters(undisturbed) ^ await _dead_letters(tortured)
    return faults + ([f"dead letters that only one run has: {sorted(letters)[:_MOST_SHOWN]}"] if letters else [])


async def _give_keys(from_dsn: str, to_dsn: str) -> None:
    """By which the second database believes what the watchdog sent for the first."""
    async with connected(from_dsn) as source, connected(to_dsn) as target:
        keys = await source.fetch("SELECT id, secret FROM execledger.signing_keys")
        await target.executemany(
            "INSERT INTO execledger.signing_keys (id, secret) VALUES ($1, $2)", [tuple(key) for key in keys]
        )


async def _dead_letters(connection: asyncpg.Connection) -> set[tuple[int, int, str]]:
    rows = await connection.fetch('SELECT partition, "offset", reason FROM execledger.dead_letters')
    return {(row["partition"], row["offset"], row["reason"]) for row in rows}


@asynccontextmanager
async def _reader(system: System) -> AsyncIterator[AIOKafkaConsumer]:
    reader = AIOKafkaConsumer(bootstrap_servers=system.endpoints.bootstrap_servers, enable_auto_commit=False)
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()
