"""A record that a producer made so that it seems to lie ahead of its place, sent to a real broker."""

import json

import pytest

from bombs import leaping, send_batch
from factories_recorder import event
from recorder_bench import Bench, producing

pytestmark = pytest.mark.usefixtures("tolerant")


async def test_a_record_that_leaps_ahead_hides_nothing_of_what_comes_behind_it(bench: Bench) -> None:
    good = json.dumps(event(at=1)).encode()
    async with producing(bench.servers, enable_idempotence=False) as producer:  # what is made by hand has no number
        await send_batch(producer, bench.topics.events, leaping(1500, [good]))
    await bench.publish(*[event(at=n) for n in range(2, 6)], partition=0)
    async with bench.recorder() as service:
        await bench.until_recorded()
        assert await service.stop() == 0
    await bench.assert_every_record_is_accounted_for()
    [account] = [row for row in await bench.ledger() if row.partition == 0]
    assert (account.next_offset, account.dead_lettered, account.gaps) == (6, 1, 0)
