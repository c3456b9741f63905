"""Batches that are small on the wire and swell when they are read, sent to a real broker."""

import json

import pytest

from bombs import bomb, send_batch
from command_line import execledger
from factories_recorder import event
from recorder_bench import Bench, connected, producing
from running import peak_mib

GIGABYTE = 1_000_000_000
MOST_MIB = 300  # 151 were measured, of which some 70 are what a recorder has without such records


pytestmark = pytest.mark.usefixtures("tolerant")


async def test_a_gigabyte_that_is_a_megabyte_on_the_wire_costs_neither_memory_nor_what_lies_beside_it(
    bench: Bench,
) -> None:
    events = [json.dumps(event(at=n)).encode() for n in range(6)]
    async with producing(bench.servers, enable_idempotence=False) as producer:
        await send_batch(producer, bench.topics.events, bomb("gzip", GIGABYTE, events[:3], events[3:4]))
        await bench.publish(event(at=10), partition=0)
        await send_batch(producer, bench.topics.events, bomb("zstd", GIGABYTE, events[4:]))
    for _ in range(2):  # the second looks again at what it recorded last
        async with bench.recorder() as service:
            await bench.until_recorded()
            assert peak_mib(service) < MOST_MIB
            assert await service.stop() == 0
    await bench.assert_every_record_is_accounted_for()
    [account] = [row for row in await bench.ledger() if row.partition == 0]
    assert (account.next_offset, account.dead_lettered, account.gaps) == (9, 3, 0)
    async with connected(bench.dsn) as connection:
        letters = await connection.fetch('SELECT id, "offset", reason, detail, cut FROM execledger.dead_letters')
    assert [(row["offset"], row["reason"], row["cut"]) for row in letters] == [
        (offset, "too_large", '{"value": {}}') for offset in (3, 4, 8)
    ]
    assert letters[0]["detail"].startswith("not read: its batch comes to more than 33554432 bytes")
    await what_can_be_done_with_it(bench, letters[0]["id"])


async def what_can_be_done_with_it(bench: Bench, letter: int) -> None:
    settings = {
        "postgres_dsn": bench.dsn,
        "kafka_bootstrap_servers": bench.servers.bootstrap_servers,
        "events_topic": bench.topics.events,
    }
    shown = await execledger("dead-letters", "show", str(letter), **settings)
    assert "value: not read" in shown.out
    refused = await execledger("dead-letters", "redrive", "--all", **settings)
    assert refused.out.startswith("0 sent, 3 refused")
    assert "its batch is too large" in refused.out + refused.err
    audited = await execledger("ledger", "--audit", "--json", **settings)
    assert (audited.status, json.loads(audited.out)["differences"]) == (0, [])
