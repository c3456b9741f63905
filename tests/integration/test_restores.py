"""Postgres brought back to an earlier time, with a real copy of its files, under a recorder that runs or does not."""

import asyncio
from dataclasses import replace

from recorder_bench import Bench, many
from running import Service, eventually
from vault import Vault


async def test_a_recorder_that_runs_while_postgres_is_restored_goes_back_and_records_again(
    bench: Bench, vault: Vault, other_database: str
) -> None:
    """Though no record comes that would show it."""
    bench.dsn = vault.dsn
    events = many(20)
    await bench.publish(*events[::2], (b"garbage", [], b"key"))
    async with bench.recorder() as service:
        await bench.until_recorded()
        await asyncio.to_thread(vault.keep)
        await bench.publish(*events, (b"more garbage", [], b"key"))
        await bench.until_recorded()
        before = [replace(row, end_offset=None, lag=None) for row in await bench.ledger()]
        await asyncio.to_thread(vault.put_back)
        assert sum(row.next_offset for row in await bench.ledger()) < sum(row.next_offset for row in before)
        await bench.until_recorded()
        await eventually(lambda: is_well(service))
        assert await service.stop() == 0
    assert [replace(row, end_offset=None, lag=None) for row in await bench.ledger()] == before
    await bench.assert_every_record_is_accounted_for()
    assert await bench.recorded() == await bench.undisturbed(other_database)


async def test_a_recorder_that_runs_while_postgres_is_restored_to_before_its_first_account_records_all_again(
    bench: Bench, vault: Vault, other_database: str
) -> None:
    bench.dsn = vault.dsn
    await asyncio.to_thread(vault.keep)
    await bench.publish(*many(5))
    async with bench.recorder() as service:
        await bench.until_recorded()
        await asyncio.to_thread(vault.put_back)
        assert await bench.ledger() == []
        await bench.until_recorded()
        assert await service.stop() == 0
    await bench.assert_every_record_is_accounted_for()
    assert await bench.recorded() == await bench.undisturbed(other_database)


async def is_well(service: Service) -> bool:
    metrics = await service.metrics()
    return await service.is_ready() and not metrics["execledger_unaccounted_records"] + metrics["execledger_paused"]


async def test_a_recorder_that_was_stopped_while_postgres_was_restored_records_again(
    bench: Bench, vault: Vault, other_database: str
) -> None:
    bench.dsn = vault.dsn
    events = many(20)
    await bench.publish(*events[::2])
    async with bench.recorder() as service:
        await bench.until_recorded()
        await asyncio.to_thread(vault.keep)
        await bench.publish(*events)
        await bench.until_recorded()
        assert await service.stop() == 0
    ahead = await bench.committed_offsets()
    await asyncio.to_thread(vault.put_back)
    assert all(row.next_offset < ahead[row.partition] for row in await bench.ledger())
    async with bench.recorder():
        await bench.publish(*events[1::2])
        await bench.until_recorded()
    await bench.assert_every_record_is_accounted_for()
    assert await bench.recorded() == await bench.undisturbed(other_database)
