"""Our services as processes: start them, ask them, stop them; and a network that can be cut."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from execledger.stack.processes import choose_port

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Service:
    """A running service, with where it answers and what it logs."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path

    async def get(self, path: str, **said: Any) -> httpx2.Response:
        """Ask it."""
        # Without `verify` each of these clients reads the certificates of the world: 25 ms of a core, at each look.
        async with httpx2.AsyncClient(base_url=self.address, timeout=10, verify=False) as client:
            return await client.get(path, **said)

    async def is_ready(self) -> bool:
        """Whether it says so; a process that has ended never will."""
        assert self.process.poll() is None, f"ended with {self.process.returncode}"
        with suppress(httpx2.TransportError):
            return (await self.get("/readyz")).status_code == 200
        return False

    async def metrics(self) -> dict[str, float]:
        """Its metrics, by name and labels as they are written."""
        lines = (await self.get("/metrics")).text.splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    def said(self, event: str) -> list[dict[str, Any]]:
        """Its log lines of one kind."""
        lines = (line for line in self.log.read_text().splitlines() if line.startswith("{"))
        return [line for line in map(json.loads, lines) if line.get("event") == event]

    async def ended(self) -> int:
        """Its exit status, once it has ended by itself."""
        await eventually(lambda: _true(self.process.poll() is not None))
        return self.process.returncode

    async def stop(self) -> int:
        """End it as an operator does; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait()


async def eventually(ask: Callable[[], Awaitable[Answer]], seconds: float = 30) -> Answer:
    """The first answer that is true; a failure when none comes in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (answer := await ask()):
        assert asyncio.get_running_loop().time() < deadline, f"still {answer!r} after {seconds} s"
        await asyncio.sleep(0.05)
    return answer


@asynccontextmanager
async def recorder(folder: Path, *, ready: bool = True, **settings: object) -> AsyncIterator[Service]:
    """A recorder; its log is shown when the block fails."""
    async with _service("execledger_recorder", "EXECLEDGER_RECORDER_METRICS_PORT", folder, ready, settings) as service:
        yield service


@asynccontextmanager
async def query(
    folder: Path, *, ready: bool = True, port: int | None = None, **settings: object
) -> AsyncIterator[Service]:
    """A query service; its log is shown when the block fails."""
    async with _service("execledger_query", "EXECLEDGER_QUERY_PORT", folder, ready, settings, port) as service:
        yield service


@asynccontextmanager
async def _service(
    module: str, port_setting: str, folder: Path, ready: bool, settings: dict[str, object], port: int | None = None
) -> AsyncIterator[Service]:
    port = port or choose_port(None)
    log = folder / f"{module}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - our own program, and its start keeps nobody waiting
            [sys.executable, "-m", module],
            env=_environment({port_setting: port, **settings}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    service = Service(process, f"http://127.0.0.1:{port}", log)
    try:
        if ready:
            await eventually(service.is_ready)
        yield service
    except asyncio.CancelledError:  # whoever interrupts asks for no report
        raise
    except BaseException:
        print(f"--- {module}, exit status {process.poll()}:\n{log.read_text()[-8000:]}")  # noqa: T201 - for the report
        raise
    finally:
        service.kill()


def _environment(settings: dict[str, object]) -> dict[str, str]:
    """This process's, without what it says to our services, and with these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EXECLEDGER_")}
    prefixed = {name if name.startswith("EXECLEDGER_") else f"EXECLEDGER_{name.upper()}": name for name in settings}
    return {**kept, **{variable: str(settings[name]) for variable, name in prefixed.items()}}


@dataclass(slots=True)
class Cable:
    """An address of our own in front of a server, that can be cut and mended."""

    host: str
    port: int
    own_port: int
    lingers: float = 0.0  # seconds between the server's last word and the end of the stream
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.own_port}"

    async def mend(self) -> None:
        """Let them through."""
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self.own_port)

    async def cut(self) -> None:
        """Refuse who comes, and drop who is there."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._open:
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self.host, self.port)
        except OSError:  # nobody is there
            writer.close()
            return
        ends = {writer, far_writer}
        self._open |= ends
        await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer, self.lingers))
        self._open -= ends


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lingers: float = 0.0) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    await asyncio.sleep(lingers)
    writer.close()


@asynccontextmanager
async def cable(address: str) -> AsyncIterator[Cable]:
    """A cable to that server, cut for now."""
    host, _, port = address.rpartition(":")
    line = Cable(host, int(port), choose_port(None))
    try:
        yield line
    finally:
        await line.cut()


async def _true(value: bool) -> bool:
    return value


def peak_mib(service: Service) -> float:
    """The most memory that the process ever held."""
    with suppress(FileNotFoundError):
        for line in Path(f"/proc/{service.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return float("nan")
