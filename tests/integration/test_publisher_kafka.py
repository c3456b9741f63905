"""The SDK against a real broker: order, a broker that goes away, a buffer that fills, what is too large."""

import asyncio
import json
import logging
import socket
import subprocess
import sys
import time
from contextlib import closing
from typing import Any

import pytest

from conftest import OwnBroker, Servers, Topics
from consuming import consumed
from execledger.stack import broker
from execledger_contracts.decoding import Decoded, decode
from execledger_publisher import Drop, DropReason, Publisher, PublishError, SyncPublisher
from running import cable

SOURCE = "urn:test:orchestrator"


async def test_events_arrive_decodable_and_in_order_within_their_key(servers: Servers, topics: Topics) -> None:
    async with Publisher(servers.bootstrap_servers, SOURCE, topic=topics.events) as publisher:
        await asyncio.gather(*(_work(publisher, f"run-{number}", steps=20) for number in range(30)))
    records = await consumed(servers.bootstrap_servers, topics.events)
    assert publisher.stats.sent == len(records) == 30 * (2 + 20 * 3)
    assert all(isinstance(decode(record.value, record.headers, record.timestamp), Decoded) for record in records)
    by_key: dict[bytes, list[Any]] = {}
    for record in records:
        by_key.setdefault(record.key, []).append(record)
    assert by_key.keys() == {f"run-{number}".encode() for number in range(30)}
    for of_one in by_key.values():
        assert len({record.partition for record in of_one}) == 1
        assert [json.loads(record.value)["sequence"] for record in of_one] == list(range(62))


async def test_a_key_lies_in_the_partition_where_other_clients_put_it(servers: Servers, topics: Topics) -> None:
    from aiokafka import AIOKafkaProducer

    async with Publisher(servers.bootstrap_servers, SOURCE, topic=topics.events) as publisher:
        for number in range(20):
            publisher.execution(external_id=f"run-{number}").create()
    async with AIOKafkaProducer(bootstrap_servers=servers.bootstrap_servers) as producer:
        for number in range(20):
            await producer.send_and_wait(topics.events, b"{}", f"run-{number}".encode())
    places: dict[bytes, set[int]] = {}
    for record in await consumed(servers.bootstrap_servers, topics.events):
        places.setdefault(record.key, set()).add(record.partition)
    assert len(places) == 20
    assert all(len(partitions) == 1 for partitions in places.values())


async def test_a_synchronous_program_publishes_the_same(servers: Servers, topics: Topics) -> None:
    def program() -> int:
        with SyncPublisher(servers.bootstrap_servers, SOURCE, topic=topics.events, compression="gzip") as publisher:
            for number in range(5):
                with publisher.execution(workflow="w", external_id=f"run-{number}") as execution:
                    for page, step in execution.loop("translate", ["a", "b"]):
                        with step:
                            step.tool_called("dictionary", input=page)
            assert publisher.flush() == 0
        return publisher.stats.sent

    sent = await asyncio.to_thread(program)
    assert sent == len(await consumed(servers.bootstrap_servers, topics.events)) == 5 * (2 + 2 * 3)


async def test_what_was_published_before_the_start_is_delivered_too(servers: Servers, topics: Topics) -> None:
    publisher = Publisher(servers.bootstrap_servers, SOURCE, topic=topics.events)
    publisher.execution(external_id="early").create()
    await publisher.start()
    assert await publisher.close() == 0
    assert [record.key for record in await consumed(servers.bootstrap_servers, topics.events)] == [b"early"]


async def test_an_event_that_the_broker_refuses_is_dropped_alone(servers: Servers, topics: Topics) -> None:
    """Its neighbours in the same batch arrive, in order, and nothing else is lost."""
    drops: list[Drop] = []
    async with Publisher(
        servers.bootstrap_servers,
        SOURCE,
        topic=topics.events,
        max_event_bytes=3_000_000,
        on_drop=drops.append,
    ) as publisher:
        execution = publisher.execution(external_id="run", workflow="w").start()
        for number in range(300):
            execution.progress(number % 100)
        # Every field stays below what is cut; together they exceed what the topic takes.
        execution.event("agent.thinking", {f"field{number}": "x" * 60_000 for number in range(30)})
        for number in range(300):
            execution.progress(number % 100)
        execution.complete()
    values = [json.loads(record.value) for record in await consumed(servers.bootstrap_servers, topics.events)]
    assert [value["sequence"] for value in values] == [*range(301), *range(302, 603)]
    assert [(drop.reason, drop.type) for drop in drops] == [(DropReason.REFUSED, "agent.thinking")]


async def test_a_full_buffer_drops_and_says_so(topics: Topics, caplog: pytest.LogCaptureFixture) -> None:
    drops: list[Drop] = []
    publisher = Publisher(_nobody(), SOURCE, topic=topics.events, max_events=5, on_drop=drops.append)
    with caplog.at_level(logging.WARNING, "execledger_publisher"):
        async with publisher:
            began = time.monotonic()
            execution = publisher.execution(external_id="run").start()
            for number in range(100):
                execution.progress(number)
            assert time.monotonic() - began < 0.5
            assert publisher.stats.dropped_by_reason == {DropReason.BUFFER_FULL: 96}
            assert await publisher.close(timeout=0.2) == 5
    assert publisher.stats.dropped_by_reason == {DropReason.BUFFER_FULL: 96, DropReason.NOT_DELIVERED: 5}
    assert len(drops) == 101
    said = [record.getMessage() for record in caplog.records if record.name == "execledger_publisher"]
    warnings = [line for line in said if "not published" in line]
    assert len(warnings) == 2
    assert "buffer_full 1" in warnings[0]
    assert "buffer_full 95" in warnings[1]
    assert "not_delivered 5" in warnings[1]


async def test_a_full_buffer_makes_nobody_wait_longer_than_the_bound(topics: Topics) -> None:
    async with Publisher(
        _nobody(), SOURCE, topic=topics.events, max_events=1, max_block_ms=100, close_timeout=0.1
    ) as publisher:
        began = time.monotonic()
        async with publisher.execution():
            pass
        assert 0.1 <= time.monotonic() - began < 0.4
    with SyncPublisher(
        _nobody(), SOURCE, topic=topics.events, max_events=1, max_block_ms=100, close_timeout=0.1
    ) as sync_publisher:
        began = time.monotonic()
        with sync_publisher.execution() as execution:
            execution.progress(1)
        assert 0.1 <= time.monotonic() - began < 0.4


async def test_a_strict_publisher_raises_for_what_was_not_delivered(topics: Topics) -> None:
    with pytest.raises(PublishError, match="1 events were not delivered"):
        async with Publisher(_nobody(), SOURCE, topic=topics.events, strict=True, close_timeout=0.1) as publisher:
            publisher.execution().create()


async def test_a_wrong_client_option_is_told_at_the_start() -> None:
    with pytest.raises(TypeError, match="no_such_option"):
        await Publisher("localhost:9092", SOURCE, no_such_option=1).start()
    with pytest.raises(TypeError, match="no_such_option"):
        SyncPublisher("localhost:9092", SOURCE, no_such_option=1).start()


async def test_a_broker_that_goes_away_and_comes_back_gets_every_event_in_order(own_broker: OwnBroker) -> None:
    topic = "events"
    await broker.make_topics(own_broker.address, [broker.Topic(topic, 2, 1_048_588)])
    async with Publisher(own_broker.address, SOURCE, topic=topic, close_timeout=60.0) as publisher:
        execution = publisher.execution(external_id="run").start()
        for number in range(300):
            execution.progress(number % 100)
            await asyncio.sleep(0.02)
            if number == 50:
                await asyncio.to_thread(own_broker.stop)
            if number == 150:
                assert publisher.stats.buffered > 50
                await asyncio.to_thread(own_broker.start)
        execution.complete()
    assert publisher.stats.dropped == 0
    records = await consumed(own_broker.address, topic)
    sequences = [json.loads(record.value)["sequence"] for record in records]
    assert list(dict.fromkeys(sequences)) == list(range(302))


async def test_a_publisher_that_starts_before_its_broker_delivers_when_it_is_there(
    servers: Servers, topics: Topics
) -> None:
    async with (
        cable(servers.bootstrap_servers) as line,
        Publisher(line.address, SOURCE, topic=topics.events, close_timeout=60.0) as publisher,
    ):
        publisher.execution(external_id="run").create()
        await asyncio.sleep(0.5)
        assert publisher.stats.last_error is not None
        await line.mend()
    assert len(await consumed(servers.bootstrap_servers, topics.events)) == 1


def test_the_sdk_is_imported_without_what_makes_that_long() -> None:
    """aiokafka doubles the time; it is imported when there is something to send."""
    program = "import sys, execledger_publisher; print({'aiokafka', 'langchain_core'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603 - our own program
    assert done.stdout == "set()\n"


async def _work(publisher: Publisher, external_id: str, steps: int) -> None:
    async with publisher.execution(workflow="w", external_id=external_id) as execution:
        for number in range(steps):
            async with execution.step(f"step-{number}") as step:
                step.llm_called(provider="openai", model="gpt-5", prompt_tokens=number)
                await asyncio.sleep(0)


def _nobody() -> str:
    """An address at which nobody answers."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
