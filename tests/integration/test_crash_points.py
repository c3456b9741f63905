"""Every wait between a poll and the commit of offsets is a place to die at: a recorder dies at each of them.

It is a process that kills itself as kill -9 does, on a real Kafka and a real Postgres; the next one, of the same group
and under the same name in it, reads on. Afterwards everything must be as if nobody had died.
"""

import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from comparing import outcomes
from conftest import Servers, Topics
from dying import End, Zygote, zygote
from factories_recorder import OUTCOMES, Row, assert_balanced, event, history, snapshot
from recorded_topic import producing
from running import eventually

MOST_WAITS = 300
Value = Row | bytes | None


def before(tenant: str) -> list[Value]:
    """What is recorded before somebody dies: parts of executions that the batch goes on with, and behind."""
    told = history(tenantid=tenant)
    return [*told[1:4], *told[6:9], *told[20:23], told[27], event(id="7", tenantid=tenant, subject="run-7")]


def batch(tenant: str) -> list[Value]:
    """What a recorder dies over: every outcome, every table, known executions and new ones."""
    told = history(tenantid=tenant)
    conflicting = [event(kind, id="7", tenantid=tenant, subject="run-7") for kind in ("run.started", "run.failed")]
    new = [{**said, "subject": f"new-{said['subject']}"} for said in told[:18]]
    return [*told[9:], None, *told[:12], b"{", *conflicting, *new, event("step.started", {}, tenantid=tenant), *new[:3]]


@dataclass(slots=True)
class Trial:
    """One topic and database, on which recorders die one after the other, each over a tenant of its own."""

    recorders: Zygote
    producer: AIOKafkaProducer
    connection: asyncpg.Connection
    topic: str
    settings: dict[str, object]
    timestamp_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    end: int = 0

    async def die_recording(self, tenant: str, at: int) -> tuple[End, int]:
        """A recorder dies over a tenant's batch, at its wait of that number; the batch's first offset."""
        start = self.end + len(before(tenant))
        await self.publish(before(tenant))
        await self.start(armed_from=start, upto=start + len(batch(tenant)), dies_at=at)
        await eventually(lambda: self.is_recorded(start))
        await self.publish(batch(tenant))
        return await self.recorders.ended(), start

    async def die_taking_over(self, at: int) -> End:
        """A recorder dies over what others left, at its wait of that number after its start."""
        await self.start(armed_from=0, upto=self.end, dies_at=at)
        return await self.recorders.ended()

    async def start(self, **order: int) -> None:
        await self.recorders.start(self.settings, **order)

    async def publish(self, values: list[Value]) -> None:
        """In one piece, so that they come as one batch."""
        piece = self.producer.create_batch()
        for value in values:
            sent = json.dumps(value).encode() if isinstance(value, dict) else value
            assert piece.append(key=b"key", value=sent, timestamp=self.timestamp_ms)
        await (await self.producer.send_batch(piece, self.topic, partition=0))
        self.end += len(values)

    async def is_recorded(self, upto: int) -> bool:
        row = await self.connection.fetchrow("SELECT next_offset FROM execledger.ledger WHERE partition = 0")
        return row is not None and row["next_offset"] >= upto

    async def told(self, tenant: str, start: int) -> Any:
        """All that is recorded of a tenant, and the outcomes of the records from that offset on."""
        found = await outcomes(self.connection)
        became = [found.get((self.topic, 0, start + n)) for n in range(-len(before(tenant)), len(batch(tenant)))]
        return await snapshot(self.connection, tenant), became


@pytest.fixture
async def trial(servers: Servers, topics: Topics, database: str) -> Any:
    # One instance, so that the next recorder need not wait until the dead one is missed.
    settings = topics.settings(servers, database) | {"consumer_instance_id": "the one and only"}
    connection = await asyncpg.connect(database)
    try:
        async with zygote() as recorders, producing(servers, max_batch_size=500_000) as producer:
            yield Trial(recorders, producer, connection, topics.events, settings)
    finally:
        await connection.close()


async def test_a_recorder_may_die_at_any_wait_over_a_batch(trial: Trial) -> None:
    expected, became = await undisturbed(trial)
    assert {outcome.split()[0] for [outcome] in became} == set(OUTCOMES) - {"skipped"}
    assert all(rows for table, rows in expected.items() if table != "usage_daily"), "a table that nobody dies over"
    starts: dict[str, int] = {}

    async def die(at: int) -> End:
        end, starts[f"dead-{at}"] = await trial.die_recording(f"dead-{at}", at)
        return end

    waits = await die_everywhere(die)
    functions = ("lock_ledger", "digests", "copy", "upsert", "advance_ledger", "_record_whole", "commit")
    assert_included(waits, functions, fewest=30)
    for tenant, start in starts.items():
        assert await trial.told(tenant, start) == (expected, became), tenant
    await assert_all_is_counted_once(trial)


async def test_a_recorder_may_die_at_any_wait_while_it_takes_over(trial: Trial) -> None:
    expected, became = await undisturbed(trial)
    await trial.publish(before("left"))
    start = trial.end
    await trial.publish(batch("left"))
    waits = await die_everywhere(trial.die_taking_over, until="lock_ledger")
    assert_included(waits, ("_answered", "open", "_make"), fewest=20)
    assert not (await trial.die_taking_over(0)).has_died
    assert await trial.told("left", start) == (expected, became)
    await assert_all_is_counted_once(trial)


async def undisturbed(trial: Trial) -> Any:
    end, start = await trial.die_recording("nobody", at=0)
    assert not end.has_died
    return await trial.told("nobody", start)


async def die_everywhere(die: Callable[[int], Awaitable[End]], until: str | None = None) -> list[str]:
    """At the first wait, the second and so on, until one recorder lives on, or has come to that function."""
    waits: list[str] = []
    while (end := await die(len(waits) + 1)).has_died:
        waits.append(end.waits[-1])
        assert len(waits) < MOST_WAITS, Counter(waits)
        if until is not None and f" {until} " in waits[-1]:
            break
    print(f"died at {len(waits)} waits: {dict(Counter(waits))}")  # noqa: T201 - for who looks closer
    return waits


def assert_included(waits: list[str], functions: Iterable[str], *, fewest: int) -> None:
    """Nothing was enumerated if nobody died where the work is done."""
    assert len(waits) >= fewest, Counter(waits)
    assert not [name for name in functions if not any(f" {name} " in wait for wait in waits)], Counter(waits)


async def assert_all_is_counted_once(trial: Trial) -> None:
    await assert_balanced(trial.connection)
    found = await outcomes(trial.connection)
    assert found.keys() == {(trial.topic, 0, offset) for offset in range(trial.end)}
    assert all(len(each) == 1 for each in found.values())
    dead = sum(each[0].startswith("dead_lettered") for each in found.values())
    sent = await trial.connection.fetch("SELECT topic, value FROM execledger.outbox")
    commands = [row["value"] for row in sent if row["topic"] == trial.settings["control_topic"]]
    assert len(sent) - len(commands) == dead
    assert len({json.loads(command)["id"] for command in commands}) == len(commands) > 0
