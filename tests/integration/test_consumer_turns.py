"""A consumer whose waits overlap as chance seldom has it: each test holds one of them up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry

from execledger_recorder.intake.consumer import Consumer
from execledger_recorder.metrics import Metrics
from execledger_recorder.rules.account import Misplaced
from execledger_recorder.rules.circuit import Circuit, Stop
from execledger_recorder.settings import Settings
from execledger_recorder.store import Store
from execledger_runtime.errors import StoreUnavailable
from factories_recorder import event
from recorder_bench import Bench, connected, delete_before
from running import eventually


class Gate:
    """Holds up whoever comes by, until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()

    def before(self, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def later(*arguments: Any) -> Any:
            self.reached.set()
            await self.open.wait()
            return await work(*arguments)

        return later


@pytest.fixture
async def store(bench: Bench) -> AsyncIterator[Store]:
    async with Store(bench.dsn) as store:
        yield store


@pytest.fixture
async def consumer(bench: Bench, store: Store) -> AsyncIterator[Consumer]:
    """It has read the first record of partition 0, and does by itself nothing but read."""
    settings = Settings(**bench.topics.settings(bench.servers, bench.dsn))
    consumer = Consumer(store, Metrics(CollectorRegistry()), settings, on_bug=lambda: None)
    await consumer.start()
    try:
        await bench.publish(event(), partition=0)
        await eventually(lambda: is_at(bench, 1))
        yield consumer
    finally:
        await consumer.drain()
        await consumer.client.stop()


async def is_at(bench: Bench, offset: int) -> bool:
    return [row.next_offset for row in await bench.ledger() if row.partition == 0] == [offset]


async def is_handed_out(consumer: Consumer, offset: int) -> bool:
    passed = await consumer.client.passed([place for place in consumer._lanes if place.partition == 0])
    return list(passed.values()) == [offset]


async def is_waiting_for_a_lock(connection: asyncpg.Connection) -> bool:
    query = (
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())"
    )
    return bool(await connection.fetchval(query))


async def test_what_is_passed_over_while_the_place_of_another_partition_is_sought_is_read_again(
    bench: Bench, consumer: Consumer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    monkeypatch.setattr(store.ledger, "open", gate.before(store.ledger.open))
    placing = asyncio.create_task(consumer.on_partitions_assigned([TopicPartition(bench.topics.events, 1)]))
    await gate.reached.wait()
    await bench.publish(event(at=1), partition=0)
    await eventually(lambda: is_handed_out(consumer, 2))
    gate.open.set()
    await placing
    await eventually(lambda: is_at(bench, 2))


async def test_a_place_that_could_not_be_found_is_sought_with_the_first_batch(
    bench: Bench, consumer: Consumer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:

        async def unavailable(*_: object) -> None:
            raise StoreUnavailable("away")

        away.setattr(store.ledger, "open", unavailable)
        await consumer.on_partitions_assigned([TopicPartition(bench.topics.events, 0)])
    await bench.publish(event(at=1), partition=0)
    await eventually(lambda: is_at(bench, 2))


async def test_a_bug_in_seeking_after_a_misplaced_batch_is_a_bug(
    bench: Bench, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = asyncio.Event()

    async def misplaced(*_: object, **__: object) -> None:
        raise Misplaced("partition 0: another offset is next")

    async def stumble(_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("execledger_recorder.intake.lane.record", misplaced)
    monkeypatch.setattr(consumer._places, "seek_to_ledger", stumble)
    monkeypatch.setattr(consumer, "_on_bug", failed.set)
    await bench.publish(event(at=1), partition=0)
    await asyncio.wait_for(failed.wait(), 30)


async def test_what_is_held_back_while_the_end_of_the_log_is_asked_for_is_not_taken_for_recorded(
    bench: Bench, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    async with connected(bench.dsn) as connection, connected(bench.dsn) as other:
        async with connection.transaction():
            await connection.execute("SELECT FROM execledger.ledger FOR UPDATE")
            await bench.publish(event(at=1), partition=0)
            await eventually(lambda: is_waiting_for_a_lock(other))
            await bench.publish(event(at=2), partition=0)
            await eventually(lambda: is_handed_out(consumer, 3))
            stop = (bench.topics.events, 0, 2, 100, 100)
            await other.execute(
                "INSERT INTO execledger.circuit_breakers (topic, partition, at_offset, seen, bad)"
                " VALUES ($1, $2, $3, $4, $5)",
                *stop,
            )
            await consumer.watch_circuits()
            published = await other.fetchval("SELECT clock_timestamp()")
            await asyncio.sleep(0.01)  # looks are written down by the millisecond
            monkeypatch.setattr(AIOKafkaConsumer, "end_offsets", gate.before(AIOKafkaConsumer.end_offsets))
            observing = asyncio.create_task(consumer.observe())
            await gate.reached.wait()
        await eventually(lambda: is_handed_out(consumer, 2))
        gate.open.set()
        await observing
        await consumer.observe()
        oldest = await other.fetchval(
            "SELECT oldest_unrecorded_at FROM execledger.ledger_ends WHERE topic = $1 AND partition = 0",
            bench.topics.events,
        )
        assert oldest < published  # or the watchdog would end who was heard since


async def test_an_older_look_at_what_is_stopped_lets_nothing_go(
    bench: Bench, consumer: Consumer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, read = Gate(), store.circuits.read

    async def read_slowly(topic: str) -> list[Circuit]:
        found = await read(topic)
        return found or await gate.before(asyncio.sleep)(0, found)

    monkeypatch.setattr(store.circuits, "read", read_slowly)
    older = asyncio.create_task(consumer.watch_circuits())
    await gate.reached.wait()
    await store.circuits.open(Stop(topic=bench.topics.events, partition=0, at_offset=1, seen=100, bad=100))
    newer = asyncio.create_task(consumer.watch_circuits())
    await asyncio.wait([newer], timeout=1)
    gate.open.set()
    await asyncio.gather(older, newer)
    assert consumer.circuits.open.keys() == {(bench.topics.events, 0)}


async def test_what_another_recorder_read_before_kafka_deleted_it_was_not_missed(
    bench: Bench, consumer: Consumer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    monkeypatch.setattr(store.ledger, "miss", gate.before(store.ledger.miss))
    await store.circuits.open(Stop(topic=bench.topics.events, partition=0, at_offset=1, seen=100, bad=100))
    await consumer.watch_circuits()
    await bench.publish(*(event(at=n) for n in range(1, 6)), partition=0)
    await delete_before(bench, partition=0, offset=4)
    placing = asyncio.create_task(consumer.on_partitions_assigned([TopicPartition(bench.topics.events, 0)]))
    await gate.reached.wait()
    async with connected(bench.dsn) as connection, connected(bench.dsn) as other:
        async with connection.transaction():
            await connection.execute("UPDATE execledger.ledger SET next_offset = 3, applied = 3 WHERE partition = 0")
            gate.open.set()
            await eventually(lambda: is_waiting_for_a_lock(other))
        await placing
    assert consumer._metrics.missed._value.get() == 1
    (account,) = [row for row in await bench.ledger() if row.partition == 0]
    assert (account.next_offset, account.missed, account.unaccounted) == (4, 1, 0)
