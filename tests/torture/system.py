"""The system under torture: its servers, its recorders, and how each of them is reached."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx2
from rich.console import Console

from execledger import stack
from execledger.stack import processes
from execledger.stack.state import DataDirectory
from running import Cable, Service, cable, eventually, recorder

Say = Callable[[str], None]


@dataclass(slots=True)
class Seat:
    """A place in the consumer group, and the recorder that sits there."""

    folder: Path
    settings: dict[str, Any]
    service: Service | None = None
    _running: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def fill(self) -> None:
        """Start a recorder; it may have to wait for its servers, and says so."""
        self.service = await self._running.enter_async_context(recorder(self.folder, ready=False, **self.settings))
        await eventually(self._lives)

    async def clear(self) -> None:
        """Kill who is there."""
        await self._running.aclose()
        self._running = AsyncExitStack()
        self.service = None

    async def _lives(self) -> bool:
        assert self.service is not None
        with suppress(httpx2.TransportError):
            return (await self.service.get("/healthz")).is_success
        return False

    @property
    def pid(self) -> int:
        """The recorder's process."""
        assert self.service is not None
        return self.service.process.pid


@dataclass(slots=True)
class System:
    """Kafka and Postgres of their own, two recorders; the first reaches Postgres over a cable that can be cut."""

    data: Path
    endpoints: stack.Endpoints
    line: Cable
    seats: list[Seat]

    def check(self) -> None:
        """No recorder ends by itself, whatever happens around it."""
        for seat in self.seats:
            assert seat.service is not None
            status = seat.service.process.poll()
            assert status is None, f"a recorder ended with {status}: {seat.service.log}"

    async def start_servers(self) -> None:
        """Start what does not run."""
        await asyncio.to_thread(stack.start, self.data, console=Console(quiet=True))

    @property
    def broker(self) -> int | None:
        """Kafka's process."""
        return _pid(f"-D{DataDirectory.at(self.data).marker}")

    @property
    def postmaster(self) -> int | None:
        """Postgres's first process."""
        return _pid(DataDirectory.at(self.data).marker)

    async def backends(self) -> list[int]:
        """The processes with which Postgres serves the recorders."""
        async with connected(self.endpoints.postgres_dsn) as connection:
            rows = await connection.fetch(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'execledger-recorder'"
            )
        return [row["pid"] for row in rows]


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection, once Postgres takes one: after a crash it recovers first."""
    while True:
        try:
            connection = await asyncpg.connect(dsn, timeout=10)
            break
        except (asyncpg.CannotConnectNowError, OSError, TimeoutError):
            await asyncio.sleep(0.2)
    try:
        yield connection
    finally:
        await connection.close()


def with_name(dsn: str, database: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{database}"))


def settings(endpoints: stack.Endpoints, dsn: str, group: str) -> dict[str, Any]:
    """Silence limits and budgets act by the clock: with them no two runs record the same."""
    return {
        "kafka_bootstrap_servers": endpoints.bootstrap_servers,
        "postgres_dsn": dsn,
        "consumer_group": group,
        "batch_size": 200,
        "statement_timeout_ms": 5000,
        "watchdog_interval_seconds": 86_400,
        "self_audit_interval_seconds": 2,
    }


@asynccontextmanager
async def system(data: Path, folder: Path) -> AsyncIterator[System]:
    """Everything up; everything down and deleted when the block is left."""
    async with AsyncExitStack() as cleanup:
        cleanup.push_async_callback(asyncio.to_thread, stack.delete, data)
        endpoints = await asyncio.to_thread(stack.up, data, console=Console(quiet=True))
        address = urlsplit(endpoints.postgres_dsn)
        line = await cleanup.enter_async_context(cable(f"{address.hostname}:{address.port}"))
        await line.mend()
        user = address.netloc.rpartition("@")[0]
        over_the_line = urlunsplit(address._replace(netloc=f"{user}@{line.address}"))
        seats = [Seat(folder, settings(endpoints, dsn, "tortured")) for dsn in (over_the_line, endpoints.postgres_dsn)]
        for seat in seats:
            cleanup.push_async_callback(seat.clear)
            await seat.fill()
        yield System(data, endpoints, line, seats)


def _pid(argument: str) -> int | None:
    process = processes.find(argument)
    return None if process is None else int(process.pid)


def send(pid: int | None, number: signal.Signals) -> None:
    """A signal to a process of ours, when it is still there."""
    if pid is not None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
