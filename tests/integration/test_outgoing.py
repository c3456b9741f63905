"""What the recorder as a process sends: commands and dead letters, at least once, whatever happens on the way."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from conftest import OwnBroker, Servers, Topics
from consuming import consumed
from execledger.stack import broker, kafka
from execledger.stack.settings import StackSettings
from execledger_contracts.events import IMPORT_SOURCE
from execledger_recorder.duties.relay import relay_forever
from execledger_recorder.rules.dead_letter import FACTS
from execledger_recorder.settings import Settings
from execledger_recorder.store import OutboxRow, Store, pack_headers
from execledger_runtime.kafka.signatures import sign
from factories_recorder import Row, assert_balanced, event
from running import Service, eventually, recorder

Sent = Row | bytes


@dataclass(frozen=True, slots=True)
class Bench:
    """The surroundings of recorders: servers, topics, a database."""

    servers: Servers
    topics: Topics
    dsn: str
    folder: Path

    @asynccontextmanager
    async def recorder(self, **settings: object) -> AsyncIterator[Service]:
        known = self.topics.settings(self.servers, self.dsn)
        async with recorder(self.folder, **{**known, **settings}) as service:
            yield service

    async def publish(self, *sent: Sent) -> None:
        await self._publish([(item, ()) for item in sent])

    async def publish_signed(self, *sent: Row) -> None:
        """As Execledger itself does."""
        async with Store(self.dsn) as store:
            signing = await store.signing_keys.newest()
        await self._publish([(item, [sign(signing, b"run", json.dumps(item).encode())]) for item in sent])

    async def _publish(self, sent: Sequence[tuple[Sent, Sequence[tuple[str, bytes]]]]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.servers.bootstrap_servers)
        await producer.start()
        try:
            for item, headers in sent:
                value = item if isinstance(item, bytes) else json.dumps(item).encode()
                await producer.send(self.topics.events, value, key=b"run", partition=0, headers=headers)
        finally:
            await producer.stop()

    async def commands(self) -> list[Any]:
        """The commands on the control topic, as an orchestrator reads them."""
        records = await consumed(self.servers.bootstrap_servers, self.topics.control)
        return [json.loads(record.value) for record in records]

    async def types(self) -> list[str]:
        return [command["type"].removeprefix("execution.") for command in await self.commands()]

    async def until_types(self, *wanted: str) -> None:
        async def are_there() -> bool:
            return await self.types() == list(wanted)

        await eventually(are_there)

    async def value(self, query: str, *arguments: Any) -> Any:
        connection = await asyncpg.connect(self.dsn)
        try:
            return await connection.fetchval(query, *arguments)
        finally:
            await connection.close()

    async def until_recorded(self, records: int) -> None:
        """So many records, and what they called for is sent."""

        async def are_recorded() -> bool:
            return await self.position() == records and await self.is_outbox_empty()

        await eventually(are_recorded)

    async def is_outbox_empty(self) -> bool:
        return not await self.value("SELECT count(*) FROM execledger.outbox")

    async def letters(self) -> list[bytes]:
        return [record.value for record in await consumed(self.servers.bootstrap_servers, self.topics.dead_letter)]

    async def assert_balanced(self) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await assert_balanced(connection)
        finally:
            await connection.close()

    async def position(self) -> int:
        position: int | None = await self.value("SELECT sum(next_offset)::bigint FROM execledger.ledger")
        return position or 0

    @asynccontextmanager
    async def no_relay(self) -> AsyncIterator[asyncpg.Connection]:
        """Nobody may send while the block lasts, or until the connection is closed."""
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute("SELECT pg_advisory_lock(hashtext('execledger.relay'))")
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def without(self, topic: str) -> AsyncIterator[None]:
        """A topic is gone while the block lasts."""
        async with broker.admin(self.servers.bootstrap_servers) as client:
            await client.delete_topics([topic])
        yield
        settings = StackSettings(
            events_topic=self.topics.events,
            dead_letter_topic=self.topics.dead_letter,
            control_topic=self.topics.control,
        )
        wanted = broker.wanted_topics(settings)
        await broker.make_topics(self.servers.bootstrap_servers, [each for each in wanted if each.name == topic])


@pytest.fixture
def bench(servers: Servers, topics: Topics, database: str, tmp_path: Path) -> Bench:
    """Surroundings of recorders."""
    return Bench(servers, topics, database, tmp_path)


def started(tokens: int = 100, **said: Any) -> Row:
    return event("execution.started", {"budget": {"token_limit": tokens}}, **said)


def called(tokens: int, **said: Any) -> Row:
    return event("llm.called", {"prompt_tokens": tokens}, **said)


def passing() -> Sequence[Row]:
    return [started(), called(90, at=1), called(70, at=2)]


async def test_a_budget_that_is_passed_warns_halts_once_and_the_cancellation_is_put_down_to_it(bench: Bench) -> None:
    async with bench.recorder() as service:
        for number, said in enumerate(passing(), start=1):
            await bench.publish(said)
            await bench.until_recorded(number)
        await bench.publish(called(5, at=3), called(70, at=2), event("execution.cancelled", {"reason": "told"}, at=4))
        await bench.until_recorded(6)
        metrics = await service.metrics()
    warning, halt = await bench.commands()
    assert warning["data"]["limit"] == {"kind": "tokens", "scope": "execution", "value": 100, "consumed": 90}
    assert halt["data"]["limit"] == {"kind": "tokens", "scope": "execution", "value": 100, "consumed": 160}
    assert metrics['execledger_commands_total{type="execution.halt"}'] == 1
    assert await bench.value("SELECT killed_by_budget FROM execledger.executions")


async def test_reading_everything_again_sends_nothing_again(bench: Bench) -> None:
    """After a rebalance, and from the beginning by a group that Kafka does not know."""
    async with bench.recorder():
        await bench.publish(*passing(), event("execution.cancel_requested", {"requested_by": "ann"}, at=3))
        await bench.until_recorded(4)
        async with bench.recorder():
            await bench.publish(*passing())
            await bench.until_recorded(7)
    async with bench.recorder(consumer_group="another"):
        await bench.publish(*passing())
        await bench.until_recorded(10)
    assert sorted(await bench.types()) == ["cancel", "halt", "warning"]


async def test_what_was_committed_is_sent_by_the_next_recorder(bench: Bench) -> None:
    async with bench.no_relay(), bench.recorder() as service:
        await bench.publish(*passing(), event("execution.cancel_requested", at=3))

        async def is_committed() -> bool:
            return await bench.position() == 4

        await eventually(is_committed)
        service.kill()
    assert await bench.types() == []
    async with bench.recorder():
        await bench.until_recorded(4)
    assert set(await bench.types()) >= {"halt", "cancel"}


async def test_another_recorder_relays_when_the_one_that_did_stands_still(bench: Bench) -> None:
    async with bench.recorder(statement_timeout_ms=1000) as asleep:
        await bench.publish(event("execution.cancel_requested"))
        await bench.until_types("cancel")
        asleep.process.send_signal(signal.SIGSTOP)
        async with bench.recorder(statement_timeout_ms=1000):
            await bench.publish(event("execution.cancel_requested", at=1))

            async def are_both_sent() -> bool:  # what was sent as it fell asleep may be sent again
                return len({command["id"] for command in await bench.commands()}) == 2

            await eventually(are_both_sent)


async def test_another_recorder_relays_when_the_one_that_did_is_killed(bench: Bench) -> None:
    async with bench.recorder() as first:
        await bench.publish(b"bad")
        await bench.until_recorded(1)
        async with bench.recorder():
            first.kill()
            await bench.publish(*passing())
            await bench.until_recorded(4)
    assert "halt" in await bench.types()


async def test_imported_history_calls_for_nothing(bench: Bench) -> None:
    imported = [{**said, "source": f"{IMPORT_SOURCE}:runs"} for said in passing()]
    async with bench.recorder():
        await bench.publish_signed(*imported, event("execution.cancel_requested", at=3, source=IMPORT_SOURCE))
        await bench.until_recorded(4)
    assert await bench.types() == []


async def test_a_daily_limit_halts_within_ten_seconds_and_once(bench: Bench) -> None:
    await bench.value("INSERT INTO execledger.daily_limits VALUES ('default', 'ann', 100, NULL)")
    beginning = event("execution.started", {"owner": {"id": "ann"}})
    async with bench.recorder() as service:
        await bench.publish(beginning, called(101, at=1))
        await bench.until_types("halt")
        await bench.publish(called(5, at=2))
        await bench.until_recorded(3)

        async def is_summed() -> bool:
            return not await bench.value("SELECT count(*) FROM execledger.usage_marks")

        await eventually(is_summed)
        assert (await service.metrics())['execledger_commands_total{type="execution.halt"}'] == 1
    called_at = await bench.value(
        "SELECT min(recorded_at) FROM execledger.llm_calls JOIN execledger.execution_events"
        " USING (execution_id, event_id)"
    )
    assert await bench.value("SELECT noted_at FROM execledger.limit_commands") - called_at < timedelta(seconds=10)
    (halt,) = await bench.commands()
    assert halt["data"]["limit"] == {"kind": "tokens", "scope": "owner", "value": 100, "consumed": 101}


async def test_a_full_outbox_holds_up_recording_and_nothing_is_lost(bench: Bench) -> None:
    async with bench.no_relay() as held, bench.recorder(outbox_limit=3, batch_size=1) as service:
        await bench.publish(*[b"bad"] * 5, event())

        async def waits() -> bool:
            metrics = await service.metrics()
            return metrics["execledger_paused"] == 1 and metrics["execledger_outbox_messages"] == 3

        await eventually(waits)
        assert await bench.position() == 3
        assert "EXECLEDGER_OUTBOX_LIMIT" in service.said("waiting")[-1]["error"]
        await held.close()
        await bench.until_recorded(6)

        async def goes_on() -> bool:
            return (await service.metrics())["execledger_paused"] == 0

        await eventually(goes_on)
    assert await bench.letters() == [b"bad"] * 5
    await bench.assert_balanced()


async def test_a_topic_that_is_gone_holds_up_no_other_and_loses_nothing(bench: Bench) -> None:
    async with bench.recorder() as service:
        async with bench.without(bench.topics.dead_letter):
            await bench.publish(b"bad", *passing(), b"worse")

            async def says_so() -> bool:
                return any(said.get("topic") == bench.topics.dead_letter for said in service.said("outbox_waits"))

            await eventually(says_so)
            assert "halt" in await bench.types()
            assert await bench.position() == 5
            metrics = await service.metrics()
            assert metrics["execledger_outbox_messages"] == 2
            assert metrics["execledger_outbox_oldest_seconds"] > 1
        await eventually(bench.is_outbox_empty)
    assert set(await bench.letters()) == {b"bad", b"worse"}


def _limited(most: int, left: int) -> Any:
    return pytest.param(left, marks=pytest.mark.message_limits(dead_letter=most), id=str(most))


@pytest.mark.parametrize("left", [_limited(2000, 0), _limited(100_000, 16_384), _limited(300_000, 262_144)])
async def test_what_a_topic_is_too_small_for_is_cut_till_it_fits_and_alone(bench: Bench, left: int) -> None:
    """Small ones go out whole, though many of them together are too large, too; so does one that is nothing at all."""
    topic, facts = bench.topics.dead_letter, [(f"execledger-{name}", b"said") for name in FACTS]
    forged = [("execledger-offset", b"x" * 400_000), ("execledger-note", b"x" * 400_000)]
    rows = [
        *(OutboxRow(topic, b"run", b"%d" % n * 200, pack_headers(facts)) for n in range(30)),
        OutboxRow(topic, b"k" * 5000, b"large" * 100_000, pack_headers([*forged, *facts])),
        OutboxRow(topic, None, None, pack_headers(facts)),
    ]
    async with Store(bench.dsn) as store, store.batch() as tx:
        await tx.append_outbox(rows)
    async with bench.recorder():
        await eventually(bench.is_outbox_empty)
    records = await consumed(bench.servers.bootstrap_servers, topic)
    [cut] = [record for record in records if "execledger-cut" in dict(record.headers)]
    assert cut.value == (b"large" * 100_000)[:left]
    assert cut.headers[:-1] == tuple(facts)
    assert cut.headers[-1][1].startswith(b"500000 bytes")
    others = [(record.key, record.value, record.headers) for record in records if record is not cut]
    assert sorted(others, key=str) == sorted([(*row[1:3], tuple(facts)) for row in rows if row != rows[30]], key=str)


async def relayed(bench: Bench, *values: bytes) -> list[bytes]:
    """What arrives of commands of one key that wait."""
    async with Store(bench.dsn) as store, store.batch() as tx:
        await tx.append_outbox([OutboxRow(bench.topics.control, b"run", value, "[]") for value in values])
    async with bench.recorder():
        await eventually(bench.is_outbox_empty)
    return [record.value for record in await consumed(bench.servers.bootstrap_servers, bench.topics.control)]


@pytest.mark.message_limits(control=300_000)
async def test_one_that_takes_two_tries_is_not_overtaken_by_those_of_its_key(bench: Bench) -> None:
    """The first is too large for the topic: it goes out cut, in a second try."""
    values = await relayed(bench, b"1" * 900_000, b"2", b"3", b"4")
    assert [value[:1] for value in values] == [b"1", b"2", b"3", b"4"]


@pytest.mark.message_limits(control=300_000)
async def test_many_of_one_key_are_sent_together_each_once_and_in_order(bench: Bench) -> None:
    """As the halts of a large tree are, for which those of other trees wait; one of them is too large for the topic."""
    sizes = {700: 900_000}
    values = await relayed(bench, *(b"%d" % n + b" " * sizes.get(n, 600) for n in range(1, 1201)))
    assert [int(value) for value in values] == list(range(1, 1201))


async def test_one_over_which_the_broker_closes_the_connection_is_cut_and_holds_up_no_other(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No broker says "too large" of a request that is larger than its socket takes."""
    monkeypatch.setattr(kafka, "SETTINGS", f"{kafka.SETTINGS}socket.request.max.bytes=300000\n")
    own = await asyncio.to_thread(OwnBroker, tmp_path / "data")
    await asyncio.to_thread(own.start)
    try:
        settings = Settings(kafka_bootstrap_servers=own.address, postgres_dsn=database)
        topic = settings.dead_letter_topic
        await broker.make_topics(own.address, [broker.Topic(topic, 1, 2_000_000)])
        facts = [(f"execledger-{name}", b"said") for name in FACTS]
        rows = [OutboxRow(topic, b"key", b"x" * size, pack_headers(facts)) for size in (900_000, 10, 900_000, 20)]
        async with Store(database) as store:
            async with store.batch() as tx:
                await tx.append_outbox(rows)
            relaying = asyncio.create_task(relay_forever(store, settings))
            try:
                await eventually(partial(is_empty, store), 60)
            finally:
                relaying.cancel()
        sizes = sorted(len(record.value) for record in await consumed(own.address, topic))
        assert sizes == [10, 20, 262_144, 262_144]
    finally:
        await asyncio.to_thread(own.stop)


async def is_empty(store: Store) -> bool:
    return (await store.outbox.state())[0] == 0
