"""What the tests of the running services share."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from conftest import Servers, Topics
from execledger import stack
from execledger_runtime.kafka.batches import tolerate
from factories_query import serving
from recorder_bench import Bench
from vault import Vault


@pytest.fixture
def bench(servers: Servers, topics: Topics, database: str, tmp_path: Path) -> Bench:
    """Surroundings of one recorder."""
    return Bench(servers, topics, database, tmp_path)


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


@pytest.fixture
async def client(database: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a query service over the database."""
    async with serving(database) as opened:
        yield opened


@pytest.fixture
def tolerant() -> None:
    """Let the tests, too, read records that the Kafka client by itself cannot."""
    tolerate()
