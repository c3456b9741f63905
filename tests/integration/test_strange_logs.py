"""A topic that is deleted and made again under its name, or loses records, while a ledger knows the one before."""

import json
import signal
from contextlib import suppress

import httpx2
import pytest

from command_line import execledger
from conftest import Topics
from execledger.stack import broker
from factories_recorder import Row, event
from recorder_bench import Bench, connected, delete_before
from running import Service, eventually

MADE_ANEW = "was the topic made anew"


def events(count: int, subject: str) -> list[Row]:
    return [event(at=n, subject=subject) for n in range(count)]


async def make_anew(bench: Bench) -> None:
    """Delete the events topic, and make it again."""
    servers, topics = bench.servers.bootstrap_servers, bench.topics
    async with broker.admin(servers) as client:
        await client.delete_topics([topics.events])

    async def is_made() -> bool:
        if not await broker.existing_topics(servers, [topics.events]):
            await broker.make_topics(servers, [broker.Topic(topics.events, 3, 1_048_588)])
        return bool(await broker.existing_topics(servers, [topics.events]))

    await eventually(is_made)


async def refuses(service: Service) -> bool:
    """Whether it is not ready, and says why there and in its log."""
    with suppress(httpx2.TransportError):
        answer = await service.get("/readyz")
        return answer.status_code == 503 and MADE_ANEW in answer.text and MADE_ANEW in service.log.read_text()
    return False


async def recorded_offsets(bench: Bench) -> dict[int, int]:
    return {row.partition: row.next_offset for row in await bench.ledger()}


async def test_a_longer_topic_of_the_same_name_is_not_taken_for_the_one_before(bench: Bench) -> None:
    await bench.publish(*events(5, "before"), partition=0)
    async with bench.recorder() as service:
        await bench.until_recorded()
        assert await service.stop() == 0
    await make_anew(bench)
    await bench.publish(*events(9, "anew"), partition=0)
    async with bench.recorder(ready=False) as service:
        await eventually(lambda: refuses(service))
        assert await service.stop() == 0
    assert (await recorded_offsets(bench))[0] == 5
    async with connected(bench.dsn) as connection:
        assert await connection.fetchval("SELECT count(*) FROM execledger.execution_events") == 5


async def test_a_partition_that_was_made_anew_hides_nothing_of_the_others(bench: Bench) -> None:
    await bench.publish(*events(5, "before"), partition=0)
    async with bench.recorder() as service:
        await bench.until_recorded()
        assert await service.stop() == 0
    await make_anew(bench)
    async with bench.recorder(ready=False) as service:
        await eventually(lambda: refuses(service))

        async def shows_the_others() -> bool:
            text = (await service.get("/metrics")).text
            shown = [
                f'execledger_consumer_lag_records{{partition="{n}",topic="{bench.topics.events}"}}' in text
                for n in range(3)
            ]
            return shown == [False, True, True]

        await eventually(shows_the_others)
        await bench.publish(*events(2, "another"), partition=1)

        async def is_recorded() -> bool:
            return (await recorded_offsets(bench)).get(1) == 2

        await eventually(is_recorded)
        assert await service.stop() == 0


@pytest.mark.parametrize("frozen", [False, True], ids=["sees-it-go", "sees-only-the-new-one"])
async def test_a_topic_that_is_made_anew_under_a_running_recorder_is_noticed(bench: Bench, frozen: bool) -> None:
    await bench.publish(*events(50, "before"), partition=0)
    async with bench.recorder() as service:
        await bench.until_recorded()
        if frozen:
            service.process.send_signal(signal.SIGSTOP)
        await make_anew(bench)
        await bench.publish(*events(9, "anew"), partition=0)
        service.process.send_signal(signal.SIGCONT)
        await eventually(lambda: refuses(service), seconds=90)
        assert await service.stop() == 0
    assert (await recorded_offsets(bench))[0] == 50


async def test_another_topic_name_lets_it_go_on_and_the_audit_keeps_both(bench: Bench) -> None:
    await bench.publish(*events(5, "before"), partition=0)
    async with bench.recorder() as service:
        await bench.until_recorded()
        assert await service.stop() == 0
    old, bench.topics = bench.topics, Topics(bench.topics.control, bench.topics.dead_letter, "none", "another")
    await bench.publish(*events(7, "anew"), partition=0)
    async with bench.recorder(control_topic=old.events) as service:

        async def is_recorded() -> bool:
            return await recorded_offsets(bench) == {0: 7}

        await eventually(is_recorded)
        assert await service.is_ready()
    settings = {"postgres_dsn": bench.dsn, "kafka_bootstrap_servers": bench.servers.bootstrap_servers}
    audited = await execledger("ledger", "--audit", "--json", **settings)
    document = json.loads(audited.out)
    assert (audited.status, document["differences"]) == (0, [])
    assert {row["topic"] for row in document["partitions"]} == {old.events, bench.topics.events}


async def test_a_last_record_that_retention_deleted_raises_no_alarm(bench: Bench) -> None:
    await bench.publish(*events(5, "before"), partition=0)
    async with bench.recorder() as service:
        await bench.until_recorded()
        assert await service.stop() == 0
    await delete_before(bench, partition=0, offset=5)
    await bench.publish(*events(5, "behind"), partition=0)
    async with bench.recorder() as service:
        await bench.until_recorded()
        assert await service.is_ready()
        assert await service.stop() == 0
    async with bench.recorder() as service:  # and the last record is known again
        await bench.publish(event(at=9, subject="behind"), partition=0)
        await bench.until_recorded()
        assert await service.is_ready()
    assert {row.missed for row in await bench.ledger()} == {0}
