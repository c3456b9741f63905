"""The SDK and the control topic of a real broker: stopped in time, nothing missed, and nothing held up by it."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import NewPartitions

from conftest import OwnBroker, Servers, Topics
from consuming import consumed
from execledger.stack import broker
from execledger_contracts.control import Cancel, CancelData, Command, Halt, Limit, LimitData
from execledger_publisher import Execution, ExecutionStopped, Publisher, SyncPublisher, listening
from running import eventually

SOURCE = "urn:test:orchestrator"


def halt(subject: str = "run", **attributes: Any) -> Halt:
    limit = Limit(kind="cost_usd", scope="execution", value=Decimal("0.10"), consumed=Decimal("0.12"))
    return Halt(data=LimitData(reason="0.12 of 0.10 USD", limit=limit), **_attributes("halt", subject, attributes))


def cancel(subject: str = "run", **attributes: Any) -> Cancel:
    data = CancelData(reason="enough", requested_by="ann")
    return Cancel(data=data, **_attributes("cancel", subject, attributes))


def _attributes(kind: str, subject: str, said: dict[str, Any]) -> dict[str, Any]:
    time_ = datetime.now(UTC).isoformat()
    return {"specversion": "1.0", "id": f"{kind} of {subject} {said}", "subject": subject, "time": time_, **said}


async def test_a_halt_on_the_control_topic_stops_the_task_and_the_record_says_so(
    servers: Servers, topics: Topics
) -> None:
    async with _publisher(servers.bootstrap_servers, topics) as publisher:
        running = asyncio.create_task(_work(publisher))
        await eventually(lambda: _has_sent(publisher, 2))
        await _send(
            servers.bootstrap_servers,
            topics.control,
            halt("other"),
            halt(tenantid="other"),
            halt(attempt=2),
            b"{",
            None,
        )
        await _send(servers.bootstrap_servers, topics.control, halt(), halt())
        with pytest.raises(ExecutionStopped, match=r"0\.12 of 0.10 USD"):
            await running
    ending = (await _events(servers, topics))[-1]
    assert ending["type"] == "execution.cancelled"
    assert ending["data"] | {"duration_ms": 0} == {
        "reason": "0.12 of 0.10 USD",
        "cancelled_by": "execledger",
        "killed_by_budget": True,
        "duration_ms": 0,
    }
    assert [event["type"] for event in await _events(servers, topics)][-2] == "step.cancelled"


async def test_every_publisher_hears_every_command(servers: Servers, topics: Topics) -> None:
    async with (
        _publisher(servers.bootstrap_servers, topics) as first,
        _publisher(servers.bootstrap_servers, topics) as second,
    ):
        one, other = asyncio.create_task(_work(first, "one")), asyncio.create_task(_work(second, "other"))
        await eventually(lambda: _has_sent(first, 2))
        await eventually(lambda: _has_sent(second, 2))
        await _send(servers.bootstrap_servers, topics.control, cancel("one"), cancel("other"))
        ended = await asyncio.gather(one, other, return_exceptions=True)
    assert [str(error) for error in ended] == [f"execution {name} was stopped: enough" for name in ("one", "other")]


async def test_the_answer_to_the_first_event_is_heard_even_if_listening_takes_long_to_begin(
    servers: Servers, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is announced before the listener has its place: the command cannot fall behind it."""
    find = listening.Listener._find

    async def slowly(self: listening.Listener, consumer: Any) -> None:
        await asyncio.wait({answering}, timeout=2)  # it comes only if the events did not wait
        await find(self, consumer)

    monkeypatch.setattr(listening.Listener, "_find", slowly)
    answering = asyncio.create_task(_answer(servers, topics))
    async with _publisher(servers.bootstrap_servers, topics) as publisher:
        with pytest.raises(ExecutionStopped):
            await _work(publisher)
    await answering


async def test_commands_from_before_the_start_are_not_heard(servers: Servers, topics: Topics) -> None:
    await _send(servers.bootstrap_servers, topics.control, halt())
    async with _publisher(servers.bootstrap_servers, topics) as publisher:
        running = asyncio.create_task(_work(publisher))
        await eventually(lambda: _has_sent(publisher, 2))
        await _send(servers.bootstrap_servers, topics.control, cancel())
        with pytest.raises(ExecutionStopped, match="enough"):
            await running


async def test_a_thread_is_told(servers: Servers, topics: Topics) -> None:
    def work() -> None:
        with publisher, publisher.execution(external_id="run") as execution:
            _check_for_a_minute(execution)

    publisher = SyncPublisher(servers.bootstrap_servers, SOURCE, topic=topics.events, control_topic=topics.control)
    running = asyncio.create_task(asyncio.to_thread(work))
    await eventually(lambda: _has_sent(publisher, 1))
    await _send(servers.bootstrap_servers, topics.control, halt())
    with pytest.raises(ExecutionStopped):
        await running
    assert (await _events(servers, topics))[-1]["data"]["killed_by_budget"] is True


async def test_a_new_partition_of_the_control_topic_is_heard(servers: Servers, topics: Topics) -> None:
    async with _publisher(servers.bootstrap_servers, topics, metadata_max_age_ms=200) as publisher:
        running = asyncio.create_task(_work(publisher))
        await eventually(lambda: _has_sent(publisher, 2))
        async with broker.admin(servers.bootstrap_servers) as admin:
            [described] = await admin.describe_topics([topics.control])
            before = len(described["partitions"])
            await admin.create_partitions({topics.control: NewPartitions(total_count=before + 1)})
        await _send(servers.bootstrap_servers, topics.control, halt(), partition=before)
        with pytest.raises(ExecutionStopped):
            await running


async def test_a_control_topic_that_is_not_there_holds_nothing_up_and_is_heard_when_it_is(
    servers: Servers, topics: Topics, caplog: pytest.LogCaptureFixture
) -> None:
    later = f"{topics.control}-later"
    with caplog.at_level(logging.WARNING, "execledger_publisher"):
        async with _publisher(servers.bootstrap_servers, topics, control_topic=later) as publisher:
            running = asyncio.create_task(_work(publisher))
            await eventually(lambda: _has_sent(publisher, 2), seconds=4)
            await broker.make_topics(servers.bootstrap_servers, [broker.Topic(later, 1, 1_048_588)])
            await _send(servers.bootstrap_servers, later, halt())
            with pytest.raises(ExecutionStopped):
                await running
    said = [record.getMessage() for record in caplog.records if record.name == "execledger_publisher"]
    assert said[0].startswith(f"Cannot listen to {later}: LookupError: there is no topic {later}, or")
    assert said[1:] == [f"Cannot listen to {later}: over after {seconds} s" for seconds in said[1].split()[-2:-1]]


async def test_a_listener_that_cannot_begin_holds_events_no_longer_than_its_bound(
    servers: Servers, topics: Topics, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def never(_self: listening.Listener, _consumer: Any) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(listening.Listener, "_find", never)
    monkeypatch.setattr(listening, "SECONDS_TO_PIN", 0.3)
    with caplog.at_level(logging.WARNING, "execledger_publisher"):
        async with _publisher(servers.bootstrap_servers, topics) as publisher:
            publisher.execution().create()
            assert await publisher.flush(10) == 0
    assert "commands may be missed" in caplog.text


async def test_nothing_is_missed_when_the_broker_goes_away_and_comes_back(own_broker: OwnBroker) -> None:
    names = Topics("events", "dead-letter", "control", "group")
    wanted = [broker.Topic(name, 2, 1_048_588) for name in (names.events, names.control)]
    await broker.make_topics(own_broker.address, wanted)
    async with _publisher(own_broker.address, names, close_timeout=60.0) as publisher:
        one, other = asyncio.create_task(_work(publisher, "one")), asyncio.create_task(_work(publisher, "other"))
        await eventually(lambda: _has_sent(publisher, 4))
        await _send(own_broker.address, names.control, cancel("one"))
        with pytest.raises(ExecutionStopped):
            await one
        await asyncio.to_thread(own_broker.stop)
        await asyncio.to_thread(own_broker.start)
        await _send(own_broker.address, names.control, cancel("other"))
        with pytest.raises(ExecutionStopped):
            await asyncio.wait_for(other, 60)
    assert publisher.stats.dropped == 0


async def test_a_new_connection_goes_on_where_the_last_one_was(
    servers: Servers, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that came while there was no connection is heard; the ones before it are not heard again."""
    read, heard, is_away = listening.Listener._read, list[bytes | None](), asyncio.Event()

    async def read_unless_away(self: listening.Listener, consumer: Any) -> None:
        if is_away.is_set():
            raise ConnectionError("away")
        await read(self, consumer)

    monkeypatch.setattr(listening.Listener, "_read", read_unless_away)
    listener = listening.Listener(topics.control, heard.append, {"bootstrap_servers": servers.bootstrap_servers})
    running = asyncio.create_task(listener.run())
    await listener.ready()
    await _send(servers.bootstrap_servers, topics.control, b"first")
    await eventually(lambda: _is(heard, [b"first"]))
    is_away.set()
    await asyncio.sleep(0.6)
    await _send(servers.bootstrap_servers, topics.control, b"second")
    is_away.clear()
    await _send(servers.bootstrap_servers, topics.control, b"third")
    await eventually(lambda: _is(sorted(heard, key=str), [b"first", b"second", b"third"]))
    running.cancel()
    await asyncio.wait([running])


async def test_closing_is_bounded_where_nobody_answers(topics: Topics) -> None:
    began = time.monotonic()
    async with _publisher("127.0.0.1:1", topics, close_timeout=0.2) as publisher:
        publisher.execution().create()
    assert publisher.stats.dropped == 1
    with SyncPublisher("127.0.0.1:1", SOURCE, control_topic="control", close_timeout=0.2) as sync_publisher:
        sync_publisher.execution().create()
    assert time.monotonic() - began < 5


@asynccontextmanager
async def _publisher(bootstrap_servers: str, topics: Topics, **options: Any) -> AsyncIterator[Publisher]:
    options = {"topic": topics.events, "control_topic": topics.control, **options}
    async with Publisher(bootstrap_servers, SOURCE, **options) as publisher:
        yield publisher


async def _work(publisher: Publisher, external_id: str = "run") -> None:
    async with publisher.execution(external_id=external_id) as execution, execution.step("think"):
        await asyncio.sleep(60)


def _check_for_a_minute(execution: Execution) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        execution.check()
        time.sleep(0.02)


async def _answer(servers: Servers, topics: Topics) -> None:
    """As the recorder might: a halt as soon as there is an event."""
    async with AIOKafkaConsumer(
        topics.events, bootstrap_servers=servers.bootstrap_servers, auto_offset_reset="earliest"
    ) as consumer:
        await consumer.getone()
    await _send(servers.bootstrap_servers, topics.control, halt())


async def _send(
    bootstrap_servers: str, topic: str, *commands: Command | bytes | None, partition: int | None = None
) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all") as producer:
        for command in commands:
            value = command.model_dump_json().encode() if isinstance(command, Command) else command
            await producer.send_and_wait(topic, value, key=b"run", partition=partition)


async def _events(servers: Servers, topics: Topics) -> list[dict[str, Any]]:
    records = await consumed(servers.bootstrap_servers, topics.events)
    return [json.loads(record.value) for record in records]


async def _has_sent(publisher: Publisher | SyncPublisher, events: int) -> bool:
    return publisher.stats.sent == events


async def _is(found: list[bytes | None], expected: list[bytes]) -> bool:
    return found == expected
