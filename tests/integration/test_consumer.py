"""The recorder as a process, on a real Kafka and a real Postgres."""

import asyncio
import json
import secrets
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiokafka.admin import NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidTimestampError

from command_line import Said, execledger
from conftest import OwnBroker
from consuming import consumed
from execledger.stack import broker
from execledger_contracts.samples import INVALID, LENIENT, VALID
from factories_recorder import OUTCOMES, assert_balanced, event, history
from recorder_bench import Bench, Sent, connected, delete_before, many, producing, publish
from running import Service, cable, eventually


def samples() -> list[Sent]:
    """Each golden sample and each breach of a rule, as they are sent."""
    records = [sample.record() for sample in (*VALID, *LENIENT, *INVALID)]
    return [(value, [(name, said or b"") for name, said in headers], None) for value, headers in records]


async def test_mixed_traffic_is_recorded_or_dead_lettered_and_all_of_it_accounted_for(bench: Bench) -> None:
    largest = event("execution.completed", {"output": "x" * (1_048_588 - 500)}, subject="large")
    strange = [
        (b"\xff\x00 garbage", [("h", b"\xff\xfe"), ("h", b"twice"), ("nul\0", b"")], b"\xff key"),
        (None, [("reason", b"compacted")], b"run-1"),
        (json.dumps(event(at=3, subject="headers")).encode(), [("traceparent", b"\xff"), ("ce\xe4", b"")], None),
    ]
    await bench.publish(*history())
    async with bench.recorder(batch_size=50) as service:
        assert (await service.get("/healthz")).text == "alive\n"
        assert (await service.get("/metrics")).status_code == 200
        await bench.publish(*samples(), largest, *strange)
        for partition in range(3):
            await publish_transactions(bench, partition)
        await bench.publish(*history(subject="again")[:4])
        await bench.until_recorded()
        await bench.assert_every_record_is_accounted_for()
        ledger = await bench.ledger()
        assert all(row.gaps >= 4 for row in ledger)
        await assert_copies_of_dead_letters(bench)

        async def shown() -> bool:
            metrics = await service.metrics()
            return counted(metrics) == {name: sum(getattr(row, name) for row in ledger) for name in OUTCOMES}

        await eventually(shown)
        assert (await service.metrics())["execledger_unaccounted_records"] == 0
        await eventually(lambda: lags_are_none(service))

        async def is_told() -> bool:
            return await bench.committed_offsets() == {row.partition: row.end_offset for row in await bench.ledger()}

        await eventually(is_told)
        assert await service.stop() == 0
    assert max(line["records"] for line in service.said("batch_recorded")) <= 50


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_what_a_producer_compresses_is_read_whatever_with(bench: Bench, codec: str) -> None:
    async with producing(bench.servers, compression_type=codec) as producer:
        await publish(producer, bench.topics.events, [*history(), (b"garbage", [], b"key")])
    async with bench.recorder():
        await bench.until_recorded()
    await bench.assert_every_record_is_accounted_for()


async def publish_transactions(bench: Bench, partition: int) -> None:
    """Two that are committed around one that is aborted: three markers, and records that nobody may read."""
    async with producing(bench.servers, transactional_id=f"t-{secrets.token_hex(4)}") as producer:
        for number in range(3):
            await producer.begin_transaction()
            run = f"transaction-{partition}-{number}"
            await publish(producer, bench.topics.events, [event(at=n, subject=run) for n in range(3)], partition)
            await (producer.abort_transaction() if number == 1 else producer.commit_transaction())


async def test_transactions_that_end_where_a_batch_ends_are_not_read_twice(bench: Bench) -> None:
    async with (
        bench.recorder(batch_size=2) as service,
        producing(bench.servers, transactional_id=f"t-{secrets.token_hex(4)}") as producer,
    ):
        for number in range(20):
            async with producer.transaction():
                await publish(producer, bench.topics.events, [event(at=number)], partition=0)
        await bench.until_recorded()
        assert service.said("batch_misplaced") == []
        assert await service.stop() == 0
    await bench.assert_every_record_is_accounted_for()
    (account,) = [row for row in await bench.ledger() if row.partition == 0]
    assert (account.next_offset, account.applied, account.gaps) == (39, 20, 19)


def counted(metrics: dict[str, float]) -> dict[str, float]:
    """Records by outcome."""
    counts = dict.fromkeys(OUTCOMES, 0.0)
    for name, value in metrics.items():
        if name.startswith("execledger_records_total{"):
            outcome = name.split('outcome="')[1].split('"')[0]
            counts[outcome] += value
    return counts


async def lags_are_none(service: Service) -> bool:
    lags = {name: value for name, value in (await service.metrics()).items() if "consumer_lag" in name}
    return len(lags) == 6 and not any(lags.values())


async def assert_copies_of_dead_letters(bench: Bench) -> None:
    """One for each, with key, value and headers as they came, and the facts."""
    async with connected(bench.dsn) as connection:
        letters = await connection.fetch('SELECT * FROM execledger.dead_letters ORDER BY partition, "offset"')
    assert len(letters) > 30

    async def copies() -> list[Any]:
        found = await consumed(bench.servers.bootstrap_servers, bench.topics.dead_letter)
        return found if len(found) >= len(letters) else []

    copied = {place(copy): copy for copy in await eventually(copies)}
    originals = {(record.partition, record.offset): record for record in await bench.visible()}
    assert copied.keys() == {(letter["partition"], letter["offset"]) for letter in letters}
    for letter in letters:
        at = (letter["partition"], letter["offset"])
        copy, original = copied[at], originals[at]
        assert (letter["key"], letter["value"]) == (original.key, original.value)
        assert (copy.key, copy.value) == (original.key, original.value)
        kept = [(name.replace("\0", "\ufffd"), value) for name, value in original.headers]
        assert list(copy.headers[: len(kept)]) == kept
        facts = dict(copy.headers[len(kept) :])
        assert facts["execledger-reason"].decode() == letter["reason"]
        assert facts["execledger-detail"].decode() == letter["detail"]
        assert facts["execledger-topic"].decode() == bench.topics.events


def place(copy: Any) -> tuple[int, int]:
    facts = dict(copy.headers)
    return int(facts["execledger-partition"]), int(facts["execledger-offset"])


async def test_a_recorder_that_is_killed_under_load_loses_and_doubles_nothing(
    bench: Bench, other_database: str
) -> None:
    """Each next one is of another group, so that nothing but the ledger says where to read on."""
    events = many(120)
    publishing = asyncio.create_task(bench.publish(*events))
    for share in (0.1, 0.3):
        async with bench.recorder(batch_size=20, consumer_group=f"{bench.topics.group}-{share}") as service:
            goal = share * len(events)

            async def is_reached(goal: float = goal) -> bool:
                return sum(row.next_offset for row in await bench.ledger()) > goal

            await eventually(is_reached)
            service.kill()
    await publishing
    assert sum(row.next_offset for row in await bench.ledger()) < len(events)
    async with bench.recorder() as service:
        await bench.until_recorded()
        assert (await service.metrics())["execledger_unaccounted_records"] == 0
    await bench.assert_every_record_is_accounted_for()
    assert await bench.recorded() == await bench.undisturbed(other_database)


async def test_two_recorders_share_the_partitions_of_one_execution_s_events(bench: Bench, other_database: str) -> None:
    """Bad keys: the events of every execution lie on all partitions."""
    events = many(20)
    for partition in range(3):
        await bench.publish(*events[partition::3], partition=partition)
    async with bench.recorder(batch_size=30) as one, bench.recorder(batch_size=30) as other:
        for partition in range(3):
            await bench.publish(*events[partition::3], partition=partition)
        await bench.until_recorded()
        assert await one.stop() == await other.stop() == 0
        said = one.log.read_text() + other.log.read_text()
        assert "deadlock" not in said
        assert one.said("batch_recorded")
        assert other.said("batch_recorded")
    await bench.assert_every_record_is_accounted_for()
    assert await bench.recorded() == await bench.undisturbed(other_database)
    ledger = await bench.ledger()
    assert sum(row.duplicate for row in ledger) == len(events)


@pytest.mark.parametrize(
    "break_it",
    [
        "ALTER TABLE execledger.execution_events DROP COLUMN digest",
        "CREATE FUNCTION oops() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'oops'; END $$;"
        "CREATE TRIGGER oops BEFORE INSERT ON execledger.ledger EXECUTE FUNCTION oops()",
    ],
    ids=["in a batch", "in finding its place"],
)
async def test_a_bug_ends_the_process_and_moves_nothing(bench: Bench, break_it: str) -> None:
    async with connected(bench.dsn) as connection:
        await connection.execute(break_it)
    await bench.publish(*history())
    async with bench.recorder(ready=False) as service:
        assert await service.ended() == 1
        assert service.said("recorder_failed")
    assert {row.next_offset for row in await bench.ledger()} <= {0}
    assert set((await bench.committed_offsets()).values()) <= {-1, 0}


async def test_a_recorder_waits_for_postgres_and_says_which(bench: Bench) -> None:
    parts = urlsplit(bench.dsn)
    async with cable(f"{parts.hostname}:{parts.port}") as line:
        dsn = bench.dsn.replace(f":{parts.port}/", f":{line.own_port}/")
        async with bench.recorder(ready=False, postgres_dsn=dsn) as service:
            await eventually(lambda: waits(service, f"Postgres at {line.address}"))
            assert await is_paused(service)
            await line.mend()
            await eventually(service.is_ready)
            await bench.publish(*history())
            await bench.until_recorded()
            await line.cut()
            await eventually(lambda: is_unready(service))  # though nothing is to be recorded
            assert await is_paused(service)
            await bench.publish(*history(subject="while away"))
            await eventually(lambda: has_said(service, "waiting"))
            await line.mend()
            await bench.until_recorded()
            await eventually(service.is_ready)
            assert not await is_paused(service)
            assert await service.stop() == 0
    await bench.assert_every_record_is_accounted_for()
    password = urlsplit(bench.dsn).password
    assert password
    assert password not in service.log.read_text()


async def test_a_recorder_waits_for_kafka_and_says_which(bench: Bench) -> None:
    await bench.publish(*history())
    async with (
        cable(bench.servers.bootstrap_servers.split(",")[0]) as line,
        bench.recorder(ready=False, kafka_bootstrap_servers=line.address) as service,
    ):
        await eventually(lambda: waits(service, f"Kafka at {line.address}"))
        await line.mend()
        await bench.until_recorded()
        await eventually(service.is_ready)
        assert await service.stop() == 0
    await bench.assert_every_record_is_accounted_for()


async def waits(service: Service, for_what: str) -> bool:
    """Whether it lives, is not ready, and says why, to who asks and in its log."""
    if not service.said("waiting_for"):
        return False
    answer = await service.get("/readyz")
    assert answer.status_code == 503
    assert for_what in answer.text
    assert (await service.get("/healthz")).status_code == 200
    return str(service.said("waiting_for")[0]["what"]).startswith(for_what)


async def has_said(service: Service, event: str) -> bool:
    return bool(service.said(event))


async def is_unready(service: Service) -> bool:
    return not await service.is_ready()


async def is_paused(service: Service) -> bool:
    return (await service.metrics())["execledger_paused"] > 0


async def test_a_recorder_that_may_wait_forever_still_obeys(bench: Bench) -> None:
    async with bench.recorder(ready=False, postgres_dsn="postgresql://u:p@127.0.0.1:1/x") as service:
        await eventually(lambda: waits(service, "Postgres at 127.0.0.1:1/x"))
        assert await service.stop() == 0


async def test_a_partition_that_is_added_to_the_topic_is_read_too(bench: Bench) -> None:
    async with bench.recorder() as service:
        await bench.publish(event())
        await bench.until_recorded()
        async with broker.admin(bench.servers.bootstrap_servers) as client:
            await client.create_partitions({bench.topics.events: NewPartitions(4)})
        await bench.publish(event(at=1), partition=3)

        async def is_recorded() -> bool:
            return {row.partition: row.next_offset for row in await bench.ledger()}.get(3) == 1

        await eventually(is_recorded)
        assert await service.stop() == 0
    assert sum(row.applied for row in await bench.ledger()) == 2


async def test_what_kafka_deleted_before_it_was_read_is_missed_and_said(bench: Bench) -> None:
    await bench.publish(*(event(at=n) for n in range(6)), partition=0)
    await bench.publish(*(event(at=n) for n in range(10, 14)), partition=1)
    await delete_before(bench, partition=1, offset=3)
    async with bench.recorder(consumer_group=f"{bench.topics.group}-before") as service:
        await bench.until_recorded()
        assert await service.stop() == 0
    await bench.publish(*(event(at=n) for n in range(20, 30)), partition=0)
    await delete_before(bench, partition=0, offset=9)
    async with bench.recorder() as service:
        await bench.until_recorded()
        assert (await service.metrics())["execledger_missed_records_total"] == 3
        assert service.said("records_missed")
    accounts = {row.partition: (row.first_offset, row.next_offset, row.missed) for row in await bench.ledger()}
    assert accounts == {0: (0, 16, 3), 1: (3, 4, 0), 2: (0, 0, 0)}
    async with connected(bench.dsn) as connection:
        await assert_balanced(connection)


async def test_what_kafka_deletes_between_two_fetches_of_a_running_recorder_is_missed(bench: Bench) -> None:
    """One fetch brings a third of the records; the rest is deleted, up to the last five, while Postgres is away."""
    parts = urlsplit(bench.dsn)
    large = "x" * 900_000
    async with cable(f"{parts.hostname}:{parts.port}") as line:
        await line.mend()
        dsn = bench.dsn.replace(f":{parts.port}/", f":{line.own_port}/")
        async with bench.recorder(postgres_dsn=dsn, batch_size=3) as service:
            await bench.publish(event(at=0), partition=0)
            await bench.until_recorded()
            await line.cut()
            await bench.publish(
                *(event("execution.completed", {"output": large}, at=n) for n in range(1, 30)), partition=0
            )
            await eventually(lambda: is_paused(service))
            await delete_before(bench, partition=0, offset=25)
            await line.mend()
            await bench.until_recorded()
            await eventually(lambda: lags_are_none(service))
            missed = (await service.metrics())["execledger_missed_records_total"]
            assert service.said("records_missed")
            assert await service.stop() == 0
    async with connected(bench.dsn) as connection:
        await assert_balanced(connection)
        found = {row["offset"] for row in await connection.fetch(_RECORDED)}
    assert found >= {0, *range(25, 30)}
    (account,) = [row for row in await bench.ledger() if row.partition == 0]
    assert (account.next_offset, account.gaps, account.unaccounted) == (30, 0, 0)
    assert missed == account.missed == 30 - len(found) > 0


_RECORDED = 'SELECT "offset" FROM execledger.execution_events UNION SELECT "offset" FROM execledger.duplicates'


async def test_a_ledger_that_was_restored_is_read_on_from(bench: Bench, other_database: str) -> None:
    """Kafka's offsets are ahead of the database that a backup brought back."""
    await bench.publish(*many(3))
    async with bench.recorder() as service:
        await bench.until_recorded()
        assert await service.stop() == 0
    assert sum((await bench.committed_offsets()).values()) > 0
    bench.dsn = other_database
    async with bench.recorder() as service:
        await bench.until_recorded()
    await bench.assert_every_record_is_accounted_for()


async def test_a_ledger_that_does_not_balance_is_shown(bench: Bench) -> None:
    await bench.publish(event(), partition=0)
    async with bench.recorder() as service:
        await bench.until_recorded()
        async with connected(bench.dsn) as connection:
            await connection.execute("UPDATE execledger.ledger SET applied = 1 - applied WHERE partition < 2")

        async def shown() -> bool:
            return (await service.metrics())["execledger_unaccounted_records"] == 2

        await eventually(shown)


async def test_timestamps_beyond_the_calendar_stop_nobody(bench: Bench) -> None:
    """Producers set them; this topic takes whatever they set, as topics did by default before Kafka 4."""
    async with broker.admin(bench.servers.bootstrap_servers) as client:
        any_time = {"message.timestamp.after.max.ms": str(2**63 - 1)}
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, bench.topics.events, configs=any_time)])
    async with producing(bench.servers) as producer:
        for value in (json.dumps(event()).encode(), b"garbage"):

            async def taken(value: bytes = value) -> bool:
                try:
                    await producer.send_and_wait(bench.topics.events, value, timestamp_ms=2**62, partition=0)
                except InvalidTimestampError:  # the broker confirms a setting a moment before it applies it
                    return False
                return True

            await eventually(taken)
    async with bench.recorder():
        await bench.until_recorded()
    await bench.assert_every_record_is_accounted_for()


async def test_a_record_from_before_the_calendar_may_wait(bench: Bench) -> None:
    await bench.publish(event(), partition=0)
    async with bench.recorder() as service, connected(bench.dsn) as connection:
        await bench.until_recorded()
        async with connection.transaction():
            await connection.execute("SELECT FROM execledger.ledger FOR UPDATE")
            async with producing(bench.servers) as producer:
                value = json.dumps(event(at=1)).encode()
                await producer.send_and_wait(bench.topics.events, value, timestamp_ms=-(10**17), partition=0)
            await eventually(lambda: lags(service))
        await bench.until_recorded()
        assert await service.stop() == 0


async def lags(service: Service) -> bool:
    """By more than any clock: it is seen that the oldest record that waits is very old."""
    lags = [at for name, at in (await service.metrics()).items() if name.startswith("execledger_consumer_lag_seconds{")]
    return max(lags, default=0) > 10**9


async def test_a_ledger_beyond_the_end_of_the_topic_passes_over_nothing(bench: Bench) -> None:
    """The topic was made anew, or the database belongs to another Kafka: an operator has to say."""
    await bench.publish(event(), partition=0)
    async with bench.recorder() as service:
        await bench.until_recorded()
        assert await service.stop() == 0
    async with connected(bench.dsn) as connection:
        await connection.execute("UPDATE execledger.ledger SET next_offset = 100, gaps = 99 WHERE partition = 0")
    await bench.publish(event(at=1), partition=0)
    async with bench.recorder(ready=False) as service:  # it is ready for a moment only, before it looks
        await eventually(lambda: says(service, "was the topic made anew"))
        assert await service.stop() == 0
    assert [row.next_offset for row in await bench.ledger() if row.partition == 0] == [100]
    async with connected(bench.dsn) as connection:
        assert await connection.fetchval("SELECT count(*) FROM execledger.execution_events") == 1


async def test_a_late_event_behind_one_that_was_damaged_in_the_log_waits_until_that_is_mended(bench: Bench) -> None:
    """The record cannot be folded, and the event that came is not to blame."""
    await bench.publish(event(), event("execution.progressed", at=2), partition=0)
    damage = "UPDATE execledger.execution_events SET raw = '1' WHERE rank = 1 RETURNING event_id"
    mend = "UPDATE execledger.execution_events SET raw = $1 WHERE rank = 1"
    async with bench.recorder() as service, connected(bench.dsn) as connection:
        await bench.until_recorded()
        raw = await connection.fetchval("SELECT raw FROM execledger.execution_events WHERE rank = 1")
        damaged = await connection.fetchval(damage)
        await bench.publish(event("execution.progressed", at=1), partition=0)
        await eventually(lambda: says(service, f"event {damaged} of execution"))
        assert (await service.metrics())["execledger_paused"] == 1
        await connection.execute(mend, raw)
        await bench.until_recorded()
        assert await connection.fetchval("SELECT version FROM execledger.executions") == 3
        assert await service.stop() == 0


async def says(service: Service, words: str) -> bool:
    """Whether a log line about its place or its waiting holds these words."""
    return any(words in str(line) for name in ("place_unknown", "waiting") for line in service.said(name))


@pytest.mark.message_limits(dead_letter=300_000)
async def test_a_copy_that_the_dead_letter_topic_refuses_is_cut_and_the_table_keeps_the_whole(bench: Bench) -> None:
    await bench.publish((b"x" * 900_000, [], b"large"), (b"y", [], b"small"), partition=0)
    async with bench.recorder():
        await bench.until_recorded()
        await eventually(lambda: is_outbox_empty(bench))
    copies = await consumed(bench.servers.bootstrap_servers, bench.topics.dead_letter)
    sizes = {copy.key: len(copy.value) for copy in copies}
    assert sizes == {b"large": 262_144, b"small": 1}
    (large,) = [copy for copy in copies if copy.key == b"large"]
    assert dict(large.headers)["execledger-cut"].startswith(b"900000 bytes")
    async with connected(bench.dsn) as connection:
        assert await connection.fetchval("SELECT max(length(value)) FROM execledger.dead_letters") == 900_000


async def is_outbox_empty(bench: Bench) -> bool:
    async with connected(bench.dsn) as connection:
        return not await connection.fetchval("SELECT EXISTS (SELECT FROM execledger.outbox)")


async def test_a_broker_that_goes_away_is_shown_within_ten_seconds_and_said_once(
    bench: Bench, own_broker: OwnBroker
) -> None:
    """By its address; of what the client says of it, a line a minute is enough."""
    made = [
        broker.Topic(name, 1, 1_048_588)
        for name in (bench.topics.events, bench.topics.dead_letter, bench.topics.control)
    ]
    await broker.make_topics(own_broker.address, made)
    async with bench.recorder(kafka_bootstrap_servers=own_broker.address) as service:
        await eventually(lambda: has_partitions(service))
        before = await service.metrics()
        await asyncio.to_thread(own_broker.stop)
        await eventually(lambda: is_unready(service), seconds=10)
        assert f"Kafka at {own_broker.address}" in (await service.get("/readyz")).text
        metrics = await service.metrics()
        assert metrics["execledger_paused"] == 1
        assert metrics["execledger_retries_total"] > before["execledger_retries_total"]
        await asyncio.sleep(8)
        await asyncio.to_thread(own_broker.start)
        await eventually(service.is_ready, seconds=60)
        assert (await service.metrics())["execledger_paused"] == 0
        assert await service.stop() == 0
    assert len(service.said("kafka_client_complains")) == 1
    waits = [line["error"] for line in service.said("background_waits")]
    assert len(waits) <= 4, waits
    assert any(own_broker.address in line for line in waits)
    assert len(service.log.read_text().splitlines()) < 25


async def has_partitions(service: Service) -> bool:
    return any(name.startswith("execledger_consumer_lag_records{") for name in await service.metrics())


async def test_a_record_that_ends_every_recorder_is_passed_by_hand(bench: Bench) -> None:
    """What nobody thought of, here as an error of Postgres that nobody knows."""
    async with connected(bench.dsn) as connection:
        await connection.execute(
            "CREATE FUNCTION end_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'strange'; END $$;"
            " CREATE TRIGGER end_it BEFORE INSERT ON execledger.execution_events"
            ' FOR EACH ROW WHEN (NEW."offset" = 2 AND NEW.partition = 0) EXECUTE FUNCTION end_it()'
        )
    await bench.publish(*(event(at=at) for at in range(4)), partition=0)
    async with bench.recorder(ready=False) as service:
        assert await service.ended() == 1
    place = (bench.topics.events, "0")
    assert (await _ledger(bench, "skip", *place, "2", "--reason", " ")).status == 2
    assert "there is no account" in (await _ledger(bench, "skip", "elsewhere", "0", "2", "--reason", "no")).err
    said = await _ledger(bench, "skip", *place, "2", "--reason", "it ends the recorder")
    assert (said.status, said.out) == (0, f"{place[0]}/0/2: will be skipped; the account stands at 0\n")
    async with bench.recorder() as service:
        await bench.until_recorded()
        [line] = service.said("record_skipped")
        assert (line["offset"], line["reason"]) == (2, "it ends the recorder")
    said = await _ledger(bench, "skip", *place, "2", "--reason", "again")
    assert (said.status, said.err.strip()) == (
        1,
        f"execledger: {place[0]}/0/2 is counted already: the account stands at 4",
    )
    said = await _ledger(bench, "skip", *place, "4", "--reason", "the next one")
    assert said.out == f"{place[0]}/0/4: skipped; the recorder goes on at 5\n"
    await bench.publish(event(at=5), event(at=6), partition=0)
    async with bench.recorder():
        await bench.until_recorded()
    [row] = [row for row in await bench.ledger() if row.partition == 0]
    assert (row.applied, row.skipped, row.next_offset, row.unaccounted) == (4, 2, 6, 0)
    audited = await _ledger(bench, "--audit", "--json")
    assert (audited.status, json.loads(audited.out)["differences"]) == (0, [])
    await bench.assert_every_record_is_accounted_for()


async def _ledger(bench: Bench, *arguments: str) -> Said:
    return await execledger(
        "ledger", *arguments, postgres_dsn=bench.dsn, kafka_bootstrap_servers=bench.servers.bootstrap_servers
    )
