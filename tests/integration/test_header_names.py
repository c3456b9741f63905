"""Records with a header name that is not UTF-8, sent to a real broker as another client sends them."""

import json

import pytest

from command_line import execledger
from factories_recorder import event
from odd_headers import READ, send_crooked
from recorder_bench import Bench, connected, producing

pytestmark = pytest.mark.usefixtures("tolerant")


async def test_a_header_name_that_is_not_utf8_stops_nobody_and_its_record_s_content_decides(
    bench: Bench, other_database: str
) -> None:
    events = [json.dumps(event(at=n)).encode() for n in range(6)]
    await bench.publish(event(at=10), event(at=11), partition=0)
    async with producing(bench.servers, enable_idempotence=False) as producer:
        await send_crooked(producer, bench.topics.events, [*events, b"garbage", None, b"more"], {0, 3, 6, 7})
    await bench.publish(event(at=12), partition=0)
    async with bench.recorder() as service:
        await bench.until_recorded()
        assert await service.is_ready()
        await bench.publish(event(at=13), partition=0)
        await bench.until_recorded()
        assert await service.stop() == 0
    await bench.assert_every_record_is_accounted_for()
    (account,) = [row for row in await bench.ledger() if row.partition == 0]
    assert (account.next_offset, account.dead_lettered, account.gaps) == (13, 3, 0)
    assert await bench.recorded() == await bench.undisturbed(other_database)
    assert await odd_names(bench) == {8: True, 9: True, 10: False}


async def odd_names(bench: Bench) -> dict[int, bool]:
    """The offsets of the dead letters, each with whether it has the odd name."""
    async with connected(bench.dsn) as connection:
        rows = await connection.fetch('SELECT "offset", headers FROM execledger.dead_letters')
    return {row["offset"]: READ in [name for name, _ in json.loads(row["headers"])] for row in rows}


async def test_an_audit_reads_such_records_again_and_a_redrive_sends_them(bench: Bench) -> None:
    async with producing(bench.servers, enable_idempotence=False) as producer:
        await send_crooked(producer, bench.topics.events, [json.dumps(event()).encode(), b"garbage"], {0, 1})
    settings = {
        "postgres_dsn": bench.dsn,
        "kafka_bootstrap_servers": bench.servers.bootstrap_servers,
        "events_topic": bench.topics.events,
    }
    async with bench.recorder():
        await bench.until_recorded()
        said = await execledger("dead-letters", "redrive", "--all", **settings)
        assert (said.status, said.out) == (0, "1 sent, 0 refused\n"), said.err
        await bench.until_recorded()
    audited = await execledger("ledger", "--audit", "--json", **settings)
    assert (audited.status, json.loads(audited.out)["differences"]) == (0, [])
    assert sum(row.dead_lettered for row in await bench.ledger()) == 2
