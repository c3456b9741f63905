"""Postgres brought back to an earlier time, with a real copy of its files, under a recorder that runs or does not."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import Servers, Topics
from execledger import stack
from execledger.stack.state import DataDirectory
from recorder_bench import Bench, many
from running import Service, eventually


class Vault:
    """A Postgres of our own, whose files can be kept and put back."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.dsn = ""

    def start(self) -> None:
        self.dsn = stack.up(self._data).postgres_dsn

    def keep(self) -> None:
        """A backup of this moment."""
        stack.down(self._data)
        self._copy("data", "kept")
        self.start()

    def put_back(self) -> None:
        """All that was written since the backup is gone."""
        stack.down(self._data)
        shutil.rmtree(self._home / "data")
        self._copy("kept", "data")
        self.start()

    def _copy(self, source: str, target: str) -> None:
        subprocess.run(["cp", "-a", self._home / source, self._home / target], check=True)  # noqa: S603, S607

    @property
    def _home(self) -> Path:
        return Path(DataDirectory.at(self._data).state().postgres_home or self._data / "postgres")


@pytest.fixture
async def vault(
    servers: Servers, topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Vault]:
    """A Postgres with its own files, on the run's Kafka."""
    monkeypatch.delenv("EXECLEDGER_POSTGRES_DSN", raising=False)
    monkeypatch.setenv("EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS", servers.bootstrap_servers)
    monkeypatch.setenv("EXECLEDGER_EVENTS_TOPIC", topics.events)
    monkeypatch.setenv("EXECLEDGER_DEAD_LETTER_TOPIC", topics.dead_letter)
    monkeypatch.setenv("EXECLEDGER_CONTROL_TOPIC", topics.control)
    vault = Vault(tmp_path / "own")
    try:
        await asyncio.to_thread(vault.start)
        yield vault
    finally:
        await asyncio.to_thread(stack.delete, tmp_path / "own")


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
