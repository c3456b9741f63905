"""A partition of which nearly everything is bad is stopped, and goes on, on a real Kafka and a real Postgres."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

import asyncpg
import httpx2
import pytest
from prometheus_client import CollectorRegistry

from command_line import Said, execledger
from execledger_recorder.intake.circuits import Circuits
from execledger_recorder.metrics import Metrics
from execledger_recorder.recording import Trust
from execledger_recorder.rules.circuit import Circuit
from execledger_recorder.rules.partition import TopicPartition
from execledger_recorder.settings import Settings
from execledger_recorder.store import Store
from execledger_runtime.kafka.bindings import Bindings
from factories_recorder import event
from recorder_bench import Bench, Sent, connected, delete_before
from running import Service, eventually

QUICK: dict[str, Any] = {"ready": False, "circuit_probe_seconds": 0.3}
NEVER: dict[str, Any] = {"ready": False, "circuit_probe_seconds": 3600}


def bad(count: int) -> list[Sent]:
    """A tombstone and records that nobody can read, of the source that sends good ones."""
    broken = b'{"source": "urn:test:orchestrator", \xff %d'
    return [(None, [], b"key"), *((broken % n, [], b"key") for n in range(count - 1))]


def good(count: int, subject: str) -> list[dict[str, object]]:
    return [event(at=n, subject=subject) for n in range(count)]


async def circuits(bench: Bench) -> Sequence[Circuit]:
    async with Store(bench.dsn) as store:
        return await store.circuits.read([bench.topics.events])


async def is_stopped(service: Service, partition: int = 0) -> bool:
    """Whether metrics, readiness and log say so."""
    if not await names_stopped(service, f"partition {partition} is stopped"):
        return False
    return await shown(service, partition) == 1 and (await service.get("/readyz")).status_code == 503


async def names_stopped(service: Service, which: str = "is stopped at offset") -> bool:
    """Whether it is up, and says that a partition of its own is stopped."""
    with suppress(httpx2.TransportError):
        return which in (await service.get("/readyz")).text
    return False


async def is_let_go(service: Service, partition: int = 0) -> bool:
    return await service.is_ready() and not await shown(service, partition)


async def shown(service: Service, partition: int) -> float | None:
    """The metric of a partition of the one topic that is read."""
    metrics = (await service.metrics()).items()
    begins = f'execledger_circuit_open{{partition="{partition}",'
    return next((value for name, value in metrics if name.startswith(begins)), None)


async def position(bench: Bench, partition: int) -> int:
    return next((row.next_offset for row in await bench.ledger() if row.partition == partition), -1)


async def letters(bench: Bench) -> int:
    return sum(row.dead_lettered for row in await bench.ledger())


async def until_at(bench: Bench, partition: int, offset: int) -> None:
    async def is_there() -> bool:
        return await position(bench, partition) >= offset

    await eventually(is_there)


async def held_at(bench: Bench, partition: int = 0) -> int:
    """Where a stopped partition stands, once what lies before the stop is recorded: the stop is shown first."""
    (stopped,) = [circuit for circuit in await circuits(bench) if circuit.partition == partition]
    await until_at(bench, partition, stopped.at_offset)
    assert await position(bench, partition) == stopped.at_offset
    return stopped.at_offset


async def until_forgotten(bench: Bench) -> None:
    async def is_forgotten() -> bool:
        return not await circuits(bench)

    await eventually(is_forgotten)


async def accept(bench: Bench, *arguments: str) -> Said:
    return await execledger(
        "dead-letters",
        "accept",
        *arguments,
        postgres_dsn=bench.dsn,
        kafka_bootstrap_servers=bench.servers.bootstrap_servers,
        events_topic=bench.topics.events,
    )


async def test_a_partition_of_bad_records_stops_and_the_others_go_on(bench: Bench) -> None:
    await bench.publish(*good(20, "before"), *bad(300), partition=0)
    await bench.publish(*good(5, "other"), *bad(50), partition=1)
    async with bench.recorder(**NEVER) as service:
        await eventually(lambda: is_stopped(service))
        assert service.said("circuit_opened")
        await bench.publish(*good(5, "still"), partition=1)
        await bench.publish(*good(3, "behind"), partition=0)
        await until_at(bench, 1, 60)
        offset = await held_at(bench)
        assert 20 <= offset < 120
        assert await letters(bench) == 50 + offset - 20
        assert await service.stop() == 0
    assert [(circuit.partition, circuit.drain_until) for circuit in await circuits(bench)] == [(0, None)]
    assert sum(row.unaccounted for row in await bench.ledger()) == 0


async def test_a_stopped_partition_is_still_stopped_after_a_restart_until_it_is_accepted(
    bench: Bench,
    other_database: str,
) -> None:
    await bench.publish(*bad(250), *good(3, "among"), partition=0)
    async with bench.recorder(**NEVER) as service:
        await eventually(lambda: is_stopped(service))
        before = await held_at(bench)
        service.kill()
    async with bench.recorder(**NEVER) as service:
        await eventually(lambda: names_stopped(service))
        await bench.publish(*good(4, "elsewhere"), partition=1)
        await until_at(bench, 1, 4)
        assert await position(bench, 0) == before
        said = await accept(bench, "0")
        assert (said.status, said.err) == (0, "")
        assert f"offsets {before} to 252 are accepted" in said.out
        await bench.until_recorded()
        await eventually(lambda: is_let_go(service))
        assert (await accept(bench, "0")).status == 1
        await until_forgotten(bench)
    await bench.assert_every_record_is_accounted_for()
    assert await bench.recorded() == await bench.undisturbed(other_database)


async def test_a_partition_is_accepted_while_the_recorder_is_stopped_and_stops_again_behind_that(
    bench: Bench,
) -> None:
    await bench.publish(*bad(250), partition=0)
    async with bench.recorder(**NEVER) as service:
        await eventually(lambda: is_stopped(service))
        assert await service.stop() == 0
    said = await accept(bench, "0", "--topic", bench.topics.events)
    assert said.status == 0
    await bench.publish(*bad(250), partition=0)
    async with bench.recorder(batch_size=1000, **NEVER) as service:
        await eventually(lambda: is_stopped(service))
        assert 250 <= await held_at(bench) < 350
    assert sum(row.unaccounted for row in await bench.ledger()) == 0


async def test_dead_letters_that_are_sent_once_more_stop_nothing(bench: Bench) -> None:
    again = [("execledger-redriven-from", b"events/0/7")]
    await bench.publish(*((value, again, key) for value, _, key in bad(300)), *good(3, "behind"), partition=0)
    async with bench.recorder(**NEVER):
        await until_at(bench, 0, 303)
    assert await circuits(bench) == []
    assert await letters(bench) == 300


async def test_nor_do_they_let_a_partition_go_on(bench: Bench) -> None:
    """A hundred that pass by now, behind what a producer still gets wrong."""
    await bench.publish(*bad(300), partition=0)
    async with bench.recorder(**QUICK) as service:
        await eventually(lambda: is_stopped(service))
        again = [("execledger-redriven-from", b"events/0/7")]
        await bench.publish(*((json.dumps(each).encode(), again, b"key") for each in good(100, "again")), partition=0)
        await asyncio.sleep(1)  # a few looks ahead
        assert await is_stopped(service)
        assert service.said("circuit_closed") == []


async def test_what_is_not_stopped_cannot_be_accepted(bench: Bench) -> None:
    said = await accept(bench, "2")
    assert (said.status, said.out) == (1, "")
    assert said.err == (
        f"execledger: partition 2 of {bench.topics.events} is not stopped: there is nothing to accept; "
        "`execledger doctor` names those that are\n"
    )


async def test_what_kafka_does_not_have_cannot_be_accepted(bench: Bench) -> None:
    async with connected(bench.dsn) as connection:
        await connection.execute(
            "INSERT INTO execledger.circuit_breakers (topic, partition, at_offset, seen, bad)"
            " VALUES ($1, 7, 2, 100, 100), ('gone', 0, 2, 100, 100)",
            bench.topics.events,
        )
    for arguments in (["7"], ["0", "--topic", "gone"]):
        said = await accept(bench, *arguments)
        assert (said.status, said.out) == (1, "")
        assert said.err.startswith(f"execledger: Kafka has no partition {arguments[0]} of ")


async def test_a_producer_that_was_mended_lets_the_partition_go_on(
    bench: Bench,
    other_database: str,
) -> None:
    await bench.publish(*bad(400), partition=0)
    async with bench.recorder(**QUICK) as service:
        await eventually(lambda: is_stopped(service))
        await bench.publish(*good(49, "mended"), partition=0)
        await asyncio.sleep(1.5)  # several looks, which must not be enough
        assert await is_stopped(service)
        await bench.publish(event(at=49, subject="mended"), partition=0)
        await bench.until_recorded()
        await eventually(lambda: is_let_go(service))
        assert len(service.said("circuit_opened")) == len(service.said("circuit_closed")) == 1
        await until_forgotten(bench)
    await bench.assert_every_record_is_accounted_for()
    assert await letters(bench) == 400
    assert await bench.recorded() == await bench.undisturbed(other_database)


async def test_a_new_version_that_reads_what_is_held_back_goes_on(bench: Bench) -> None:
    """Here, one that takes larger records: every second is good to it, the source is not, and what came last is bad."""
    large = event("execution.completed", {"output": "x" * 20_000})
    await bench.publish(*good(10, "before"), partition=0)
    for n, broken in enumerate(bad(101)[1:]):  # a tombstone has no source
        await bench.publish({**large, "id": f"{n}"}, broken, partition=0)
    await bench.publish(*bad(100), partition=0)
    async with bench.recorder(max_record_bytes=16_384, batch_size=1000, batch_wait_ms=2000, **QUICK) as service:
        await eventually(lambda: is_stopped(service))
        assert await service.stop() == 0
    offset = await held_at(bench)
    assert offset < 210 - 100
    async with bench.recorder(**QUICK) as service:
        await bench.until_recorded()
        await until_forgotten(bench)
    await bench.assert_every_record_is_accounted_for()
    assert await letters(bench) == offset - 10 + (210 - offset) // 2 + 100


async def test_a_stopped_partition_stays_so_in_another_recorder_s_hands(bench: Bench) -> None:
    for partition in range(3):
        await bench.publish(*bad(150), partition=partition)
    async with bench.recorder(**NEVER) as first:
        for partition in range(3):
            await eventually(partial(is_stopped, first, partition))
        before = [await held_at(bench, partition) for partition in range(3)]
        async with bench.recorder(**NEVER) as second:
            await eventually(lambda: names_stopped(second))
            assert await second.stop() == 0
        await eventually(lambda: is_stopped(first, 2))
        assert [await position(bench, partition) for partition in range(3)] == before
        for partition in range(3):
            assert (await accept(bench, str(partition))).status == 0
        await bench.until_recorded()
    await bench.assert_every_record_is_accounted_for()


@pytest.mark.parametrize("cut", ["kill", "stop"])
async def test_what_is_drained_is_drained_to_its_end_by_the_next_recorder(bench: Bench, cut: str) -> None:
    await bench.publish(*bad(600), partition=0)
    async with bench.recorder(**NEVER) as service:
        await eventually(lambda: is_stopped(service))
        assert (await accept(bench, "0")).status == 0
        service.kill() if cut == "kill" else await service.stop()
    async with bench.recorder(batch_size=50, **NEVER) as service:
        await bench.until_recorded()
        assert not service.said("circuit_opened")
    await bench.assert_every_record_is_accounted_for()


async def test_the_recorder_s_own_account_may_do_all_of_it(bench: Bench) -> None:
    async with connected(bench.dsn) as connection:
        granted = await connection.fetchval(
            "SELECT has_table_privilege('execledger_recorder', 'execledger.circuit_breakers', 'SELECT')"
            " AND has_table_privilege('execledger_recorder', 'execledger.circuit_breakers', 'INSERT, UPDATE')"
            " AND has_table_privilege('execledger_recorder', 'execledger.circuit_breakers', 'DELETE')"
        )
    assert granted


async def test_what_kafka_deletes_of_a_stopped_partition_is_missed_when_it_goes_on(bench: Bench) -> None:
    await bench.publish(*bad(300), partition=0)
    async with bench.recorder(batch_size=50, **NEVER) as service:
        await eventually(lambda: is_stopped(service))
        offset = await held_at(bench)
        await delete_before(bench, partition=0, offset=280)
        assert (await accept(bench, "0")).status == 0
        await bench.until_recorded()
        await until_forgotten(bench)
    (account,) = [row for row in await bench.ledger() if row.partition == 0]
    assert (account.missed, account.dead_lettered, account.unaccounted) == (280 - offset, offset + 20, 0)


async def test_what_a_stop_keeps_from_being_recorded_is_neither_passed_over_nor_taken_for_nothing(bench: Bench) -> None:
    """A late word of the partition's last owner stops it while a batch of it is on its way already."""
    async with bench.recorder(circuit_probe_seconds=3600) as service, connected(bench.dsn) as connection:
        await bench.publish(*good(1, "first"), partition=0)
        await until_at(bench, 0, 1)
        async with connection.transaction():
            await connection.execute("SELECT FROM execledger.ledger FOR UPDATE")
            await bench.publish(*good(1, "in hand"), partition=0)
            await eventually(partial(waits_for_a_lock, connection))
            await bench.publish(*good(3, "on its way"), partition=0)
            await asyncio.sleep(0.5)  # the test holds, and shows nothing, when the batch has not come by then
            async with connected(bench.dsn) as other:
                await other.execute(
                    "INSERT INTO execledger.circuit_breakers (topic, partition, at_offset, seen, bad)"
                    " VALUES ($1, 0, 2, 100, 100)",
                    bench.topics.events,
                )
            await eventually(lambda: is_stopped(service))
        await until_at(bench, 0, 2)
        looked_at = await connection.fetchval("SELECT now()")
        await eventually(partial(is_observed, connection, bench.topics.events, looked_at))
        ends = await connection.fetchrow(
            "SELECT end_offset, oldest_unrecorded_at FROM execledger.ledger_ends WHERE topic = $1 AND partition = 0",
            bench.topics.events,
        )
        assert ends is not None
        assert ends["end_offset"] == 5
        assert ends["oldest_unrecorded_at"] is not None  # or the watchdog would end what is held back
        await connection.execute("UPDATE execledger.circuit_breakers SET drain_until = 5")
        await bench.until_recorded()
        assert not service.said("batch_misplaced")
    await bench.assert_every_record_is_accounted_for()


async def test_a_partition_that_another_recorder_reads_by_now_is_shown_no_more(bench: Bench) -> None:
    registry = CollectorRegistry()
    async with Store(bench.dsn) as store:
        breakers = Circuits(store, Trust(store, Bindings()), Metrics(registry), Settings.model_validate(bench.settings))
        await breakers.refresh({TopicPartition("events", 0), TopicPartition("events", 1)})
        await breakers.refresh({TopicPartition("events", 1)})
    families = [family for family in registry.collect() if family.name == "execledger_circuit_open"]
    assert [sample.labels["partition"] for family in families for sample in family.samples] == ["1"]


async def waits_for_a_lock(connection: asyncpg.Connection) -> bool:
    return bool(
        await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    )


async def is_observed(connection: asyncpg.Connection, topic: str, since: datetime) -> bool:
    return bool(
        await connection.fetchval(
            "SELECT observed_at > $2 FROM execledger.ledger_ends WHERE topic = $1 AND partition = 0", topic, since
        )
    )


async def test_a_producer_that_is_bad_stops_nobody_who_shares_its_partition(bench: Bench) -> None:
    """Garbage that names no source, and events of another that come before and behind it."""
    garbage: list[Sent] = [(b"x" * 900, [], b"key")] * 300
    await bench.publish(*good(5, "before"), *garbage, *good(5, "behind"), partition=0)
    async with bench.recorder(**NEVER) as service:
        await bench.until_recorded()
        assert await circuits(bench) == []
        [line] = service.said("source_is_bad")
        assert (line["source"], line["partition"]) == (None, 0)
    [row] = [row for row in await bench.ledger() if row.partition == 0]
    assert (row.applied, row.dead_lettered) == (10, 300)


async def test_a_stopped_partition_goes_on_when_another_source_is_good(bench: Bench) -> None:
    """Nothing was known of another when it stopped: the recorder had just begun."""
    await bench.publish(*([(b"x" * 900, [], b"key")] * 300), partition=0)
    async with bench.recorder(**QUICK) as service:
        await eventually(partial(is_stopped, service))
        await bench.publish(*good(1, "another"), partition=0)
        await bench.until_recorded()
    [row] = [row for row in await bench.ledger() if row.partition == 0]
    assert (row.applied, row.dead_lettered) == (1, 300)


async def test_a_source_that_is_heard_seldom_is_not_held_by_a_flood(bench: Bench) -> None:
    """One record in some hundreds, which is never among the newest: those that lie since the stop are looked at."""
    garbage: list[Sent] = [(b"x" * 900, [], b"key")] * 400
    await bench.publish(*garbage, partition=0)
    async with bench.recorder(**NEVER) as service:
        await eventually(partial(is_stopped, service))
    await bench.publish(*good(1, "seldom"), *garbage, *good(1, "again"), *garbage, partition=0)
    async with bench.recorder(**QUICK):
        await bench.until_recorded()
    [row] = [row for row in await bench.ledger() if row.partition == 0]
    assert (row.applied, row.dead_lettered) == (2, 1200)
