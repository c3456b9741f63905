"""Recorders join and leave a group under load, and one that lost its partitions without noticing writes on."""

import asyncio
import itertools
import json
import signal
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from comparing import contents, differences, outcomes
from conftest import Servers, Topics
from execledger_recorder.store import Store
from factories_recorder import Row, assert_balanced, chance, history
from recorded_topic import producing, record_topic
from running import Service, eventually, recorder


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group of recorders on one topic and database."""

    servers: Servers
    topics: Topics
    dsn: str
    folder: Path
    connection: asyncpg.Connection
    # The same for all: of an event that comes twice, the clock of the record that came first is kept.
    clock_ms: int = field(default_factory=lambda: int(time.time() * 1000))

    async def join(self, stack: AsyncExitStack, **settings: Any) -> Service:
        """One more recorder."""
        known = self.topics.settings(self.servers, self.dsn) | {"usage_interval_seconds": 0.2, "batch_size": 200}
        return await stack.enter_async_context(recorder(self.folder, **{**known, **settings}))

    async def publish(self, events: list[Row], per_second: int) -> None:
        """At about that pace. Every third execution has bad keys: its events lie on all partitions."""
        async with producing(self.servers, linger_ms=2) as producer:
            for number, said in enumerate(events):
                run = int(said["subject"].rpartition("-")[2])
                partition = (number if run % 3 == 0 else run) % 3
                await producer.send(self.topics.events, json.dumps(said).encode(), None, partition, self.clock_ms)
                if number % 100 == 0:
                    await asyncio.sleep(100 / per_second)

    async def publish_until(self, enough: asyncio.Event, per_second: int) -> int:
        """Ever more executions, until it is enough; how many events that were."""
        published = 0
        for first in itertools.count(step=20):
            if enough.is_set():
                break
            told = events(range(first, first + 20), again=60)
            await self.publish(told, per_second)
            published += len(told)
        return published

    async def recorded(self) -> int:
        return int(await self.connection.fetchval("SELECT coalesce(sum(next_offset), 0) FROM execledger.ledger"))

    async def has_recorded(self, records: int) -> bool:
        return await self.recorded() >= records

    async def has_no_usage_marks(self) -> bool:
        return not await self.connection.fetchval("SELECT EXISTS (SELECT FROM execledger.usage_marks)")

    async def falls_asleep_in_a_transaction(self, service: Service) -> bool:
        """Whether it holds the ledger now that it is stopped; it goes on when not."""
        service.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(0.1)  # what Postgres was asked before is answered by then
        query = (
            "SELECT EXISTS (SELECT FROM pg_stat_activity AS session JOIN pg_locks AS held USING (pid)"
            " WHERE session.datname = current_database() AND session.state = 'idle in transaction'"
            " AND held.relation = 'execledger.ledger'::regclass)"
        )
        if await self.connection.fetchval(query):
            return True
        service.process.send_signal(signal.SIGCONT)
        return False

    async def deadlocks(self) -> int:
        """So far, once the recorders are gone: a session tells its figures when it ends."""
        await eventually(self._is_alone)
        await self.connection.execute("SELECT pg_stat_clear_snapshot()")
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        return int(await self.connection.fetchval(query))

    async def _is_alone(self) -> bool:
        query = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'execledger-recorder'"
        )
        return not await self.connection.fetchval(query)

    async def assert_as_if_undisturbed(self, records: int, dsn: str) -> None:
        """Each record has one outcome, no record is left out, and the rows are those of one recorder left in peace."""
        await assert_balanced(self.connection)
        found = await outcomes(self.connection)
        assert len(found) == records == await self.recorded()
        assert all(len(each) == 1 for each in found.values())
        async with Store(dsn) as store:
            await record_topic(store, self.servers, self.topics.events)
            while await store.usage.recompute():
                pass
        connection = await asyncpg.connect(dsn)
        try:
            assert differences(await contents(connection), await contents(self.connection)) == []
        finally:
            await connection.close()


@pytest.fixture
async def group(servers: Servers, topics: Topics, database: str, tmp_path: Path) -> AsyncIterator[Group]:
    connection = await asyncpg.connect(database)
    try:
        yield Group(servers, topics, database, tmp_path, connection)
    finally:
        await connection.close()


def events(runs: Iterable[int], *, again: int = 0) -> list[Row]:
    """Histories of many executions, out of order, and some events again; none that the watchdog would end."""
    random = chance(3)
    quiet = [said for said in history() if "timeout_seconds" not in (said.get("data") or {})]
    told = [{**said, "subject": f"{said['subject']}-{n}"} for n in runs for said in quiet]
    told += random.sample(told, again)
    random.shuffle(told)
    return told


async def test_recorders_join_and_leave_under_load(group: Group, other_database: str) -> None:
    enough = asyncio.Event()
    async with AsyncExitStack() as stack:
        one, other = await asyncio.gather(group.join(stack), group.join(stack))
        publishing = asyncio.create_task(group.publish_until(enough, per_second=1000))
        await eventually(lambda: has_recorded_some(one))
        await eventually(lambda: has_recorded_some(other))
        third = await group.join(stack)
        await eventually(lambda: has_recorded_some(third))
        assert await one.stop() == 0
        other.kill()
        fourth = await group.join(stack)
        await eventually(lambda: has_recorded_some(fourth), seconds=60)
        enough.set()
        total = await publishing
        await eventually(lambda: group.has_recorded(total), seconds=60)
        await eventually(group.has_no_usage_marks)
        assert await third.stop() == await fourth.stop() == 0
    assert await group.deadlocks() == 0
    await group.assert_as_if_undisturbed(total, other_database)


async def has_recorded_some(service: Service) -> bool:
    return bool(service.said("batch_recorded"))


@pytest.mark.parametrize("name", [None, "the same"])
async def test_a_recorder_that_lost_its_partitions_asleep_writes_over_nobody(
    group: Group, other_database: str, name: str | None
) -> None:
    """It stops in the midst of a transaction and wakes up when another has long gone on in its place.

    Of the same name, the second takes the place of the first at once, and later each puts the other out.
    """
    told, more = events(range(200), again=500), events(range(200, 230))
    named = {} if name is None else {"consumer_instance_id": name}
    async with AsyncExitStack() as stack:
        await group.publish(told, per_second=1_000_000)  # so that it is busy for as long as it is awake
        stuck = await group.join(stack, statement_timeout_ms=3000, batch_size=20, **named)
        await eventually(lambda: group.has_recorded(1))
        await eventually(lambda: group.falls_asleep_in_a_transaction(stuck))
        assert not await group.has_recorded(len(told))
        other = await group.join(stack, **named)
        await eventually(lambda: group.has_recorded(len(told)), seconds=60)
        stuck.process.send_signal(signal.SIGCONT)
        await eventually(lambda: was_assigned_again(stuck))
        await group.publish(more, per_second=1000)
        await eventually(lambda: group.has_recorded(len(told) + len(more)), seconds=60)
        await eventually(group.has_no_usage_marks)
        assert other.said("batch_recorded")
    assert await group.deadlocks() == 0
    await group.assert_as_if_undisturbed(len(told) + len(more), other_database)


async def was_assigned_again(service: Service) -> bool:
    return len(service.said("partitions_assigned")) > 1
