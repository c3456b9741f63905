"""Batches are decoded in turns with other work."""

import asyncio

import pytest

from execledger_contracts.cleaning import Limits
from execledger_recorder.recording import read, read_in_turns
from factories_recorder import event, record_of


@pytest.mark.parametrize(("records", "characters", "turns"), [(10, 0, 1), (500, 300, 8), (20, 100_000, 20)])
async def test_other_work_goes_on_while_a_batch_is_decoded_however_large_its_records(
    records: int, characters: int, turns: int
) -> None:
    batch = [record_of(event(data={"query": "x" * characters}), offset) for offset in range(records)]
    reading = asyncio.create_task(read_in_turns(batch, Limits()))
    seen = 0
    while not reading.done():
        await asyncio.sleep(0)
        seen += 1
    assert seen >= turns
    assert await reading == read(batch, Limits())


async def test_nor_does_a_single_record_of_many_parts_hold_it_up() -> None:
    batch = [record_of(event(data={"input": [[0.5]] * 500_000}))]
    reading = asyncio.create_task(read_in_turns(batch, Limits(record_bytes=2**24)))
    seen = 0
    while not reading.done():
        await asyncio.sleep(0.001)
        seen += 1
    assert seen > 10
