"""Partitions are recorded side by side, within one bound of bytes; the group is told how far they are by a clock."""

import asyncio
import json
from functools import partial

from prometheus_client import CollectorRegistry

from execledger_recorder.intake.consumer import Consumer
from execledger_recorder.metrics import Metrics
from execledger_recorder.settings import Settings
from execledger_recorder.store import Store
from factories_recorder import event, history
from recorded_topic import producing
from recorder_bench import Bench, connected, many
from running import eventually


async def positions(bench: Bench) -> dict[int, int]:
    return {row.partition: row.next_offset for row in await bench.ledger()}


async def test_the_group_hears_of_a_burst_though_nothing_comes_behind_it(bench: Bench) -> None:
    async with bench.recorder():
        await bench.publish(*history())
        await bench.until_recorded()

        async def is_told() -> bool:
            return await bench.committed_offsets() == await positions(bench)

        await eventually(is_told, seconds=10)


async def test_the_group_hears_that_nothing_waits_behind_a_transaction(bench: Bench) -> None:
    """The broker counts the marker that ends it."""
    async with bench.recorder():
        async with producing(bench.servers, transactional_id=bench.topics.group) as producer:
            for partition in range(3):
                async with producer.transaction():
                    value = json.dumps(event(at=partition)).encode()
                    await producer.send(bench.topics.events, value, partition=partition)

        async def is_told() -> bool:
            return await bench.committed_offsets() == dict.fromkeys(range(3), 2)

        await eventually(is_told, seconds=10)
        assert await positions(bench) == dict.fromkeys(range(3), 1)
    await bench.assert_every_record_is_accounted_for()


async def test_a_partition_that_waits_in_postgres_holds_up_no_other(bench: Bench) -> None:
    async with bench.recorder() as service, connected(bench.dsn) as connection:
        await bench.publish(event(subject="a"), partition=0)
        await bench.publish(event(subject="b"), partition=1)
        await bench.until_recorded()
        async with connection.transaction():
            await connection.execute("SELECT FROM execledger.ledger WHERE partition = 0 FOR UPDATE")
            await bench.publish(event(at=1, subject="a"), event(at=2, subject="a"), partition=0)
            await bench.publish(event(at=1, subject="b"), partition=1)
            await eventually(lambda: is_at(bench, 1, 2))
            assert (await positions(bench))[0] == 1
        await eventually(lambda: is_at(bench, 0, 3))
        assert {line["partition"] for line in service.said("batch_recorded")} == {0, 1}
    await bench.assert_every_record_is_accounted_for()


async def is_at(bench: Bench, partition: int, offset: int) -> bool:
    return (await positions(bench)).get(partition) == offset


async def test_executions_that_all_lanes_touch_are_as_if_one_had_recorded_them(
    bench: Bench, other_database: str
) -> None:
    events = many(40)
    async with bench.recorder(batch_size=50) as service:
        async with asyncio.TaskGroup() as publishing:
            for partition in range(3):
                publishing.create_task(bench.publish(*events[partition::3], partition=partition))
        await bench.until_recorded()
        assert (await service.metrics())["execledger_unaccounted_records"] == 0
        async with connected(bench.dsn) as connection:
            query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            assert await connection.fetchval(query) == 0
    await bench.assert_every_record_is_accounted_for()
    assert await bench.recorded() == await bench.undisturbed(other_database)


async def test_no_more_is_fetched_while_too_many_bytes_wait(bench: Bench) -> None:
    limit, size, batch_size = 100_000, 10_000, 5
    settings = Settings(
        **bench.topics.settings(bench.servers, bench.dsn) | {"max_bytes_in_flight": limit, "batch_size": batch_size}
    )
    async with Store(bench.dsn) as store, connected(bench.dsn) as connection:
        consumer = Consumer(store, Metrics(CollectorRegistry()), settings, on_bug=lambda: None)
        await consumer.start()
        try:
            for partition in range(3):
                await bench.publish(event(), partition=partition)
                await eventually(partial(is_at, bench, partition, 1))
            async with connection.transaction():
                await connection.execute("SELECT FROM execledger.ledger FOR UPDATE")
                for partition in range(3):
                    large = (event("agent.said", {"text": "x" * size, "n": n}) for n in range(40))
                    await bench.publish(*large, partition=partition)
                await eventually(lambda: are_waiting(consumer, limit))
                await asyncio.sleep(0.5)  # for more to come, if it may
                assert waiting(consumer) < limit + batch_size * (size + 1000)
            for partition in range(3):
                await eventually(partial(is_at, bench, partition, 41))
        finally:
            await consumer.drain()
            await consumer.client.stop()
    await bench.assert_every_record_is_accounted_for()


def waiting(consumer: Consumer) -> int:
    return sum(lane.size for lane in consumer._lanes.values())


async def are_waiting(consumer: Consumer, bytes_: int) -> bool:
    return waiting(consumer) >= bytes_


async def test_a_bound_that_a_single_record_exceeds_stops_nothing(bench: Bench) -> None:
    await bench.publish(*history())
    async with bench.recorder(max_bytes_in_flight=1, batch_size=4):
        await bench.until_recorded()
    await bench.assert_every_record_is_accounted_for()
