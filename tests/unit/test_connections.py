"""A gate lets connections in: silent ones make room, and what has run out is waited for and said seldom."""

import asyncio
import errno
import resource
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import structlog
from structlog.testing import capture_logs

from execledger_runtime import connections
from execledger_runtime.connections import Connection, Gate, Worth
from execledger_runtime.listener import listening


class Echo(Connection):
    """Sends back what it gets; `worth` is as it is told."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._worth = Worth.SILENT
        self._is_dropped = False
        self._transport: asyncio.Transport | None = None

    @property
    def worth(self) -> Worth:
        return self._worth

    def drop(self) -> None:
        self._is_dropped = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        if self._is_dropped:
            self.drop()

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._worth = Worth.BUSY if data == b"b" else Worth.IDLE
        self._transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gate.lost(self)


class Exhausted:
    """A listener of a process that has no file descriptor left, until it is told."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.is_exhausted = True
        self.asked = 0
        self.thrice = asyncio.Event()

    def accept(self) -> tuple[socket.socket, object]:
        self.asked += 1
        if self.asked == 3:
            self.thrice.set()
        if self.is_exhausted:
            raise OSError(errno.EMFILE, "Too many open files")
        return self._listener.accept()

    def fileno(self) -> int:
        return self._listener.fileno()

    def setblocking(self, flag: bool) -> None:
        self._listener.setblocking(flag)


@pytest.fixture
async def listener() -> AsyncIterator[socket.socket]:
    """A socket to connect to."""
    with listening("127.0.0.1", 0, "EXECLEDGER_PORT") as held:
        yield held


@pytest.fixture(autouse=True)
def own_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logs as they are by default: a command that other tests of this process ran may have left a level of its own."""
    shape = structlog.get_config()
    structlog.reset_defaults()
    monkeypatch.setattr(connections, "log", structlog.get_logger())
    yield
    structlog.configure(**shape)


@contextmanager
def opened(gate: Gate) -> Iterator[None]:
    """A gate that is open, and leaves nothing in the loop when the block fails."""
    gate.open(Echo)
    try:
        yield
    finally:
        gate.close()
        gate.drop_all()


async def test_one_on_which_nothing_was_asked_makes_room_before_one_that_is_idle(listener: socket.socket) -> None:
    gate = Gate(listener, most=3)
    with opened(gate):
        first, second = await _open(listener, b"i"), await _open(listener, b"i")
        silent, _ = await _open(listener)
        another = await _open(listener, b"i")
        assert await _is_closed(silent)
        for reader, writer in (first, second, another):
            assert await _said(reader, writer, b"i") == b"i"
        last = await _open(listener, b"i")
        assert await _is_closed(first[0])
        assert await _said(*last, b"i") == b"i"


async def test_who_comes_while_all_are_busy_waits_until_one_goes(listener: socket.socket) -> None:
    gate = Gate(listener, most=2)
    with opened(gate), capture_logs() as lines:
        busy = [await _open(listener, b"b") for _ in range(2)]
        reader, writer = await _open(listener)
        writer.write(b"i")
        for held, _ in busy:
            assert not held.at_eof()
        await asyncio.sleep(0.05)
        assert lines == [{"event": "connections_full", "connections": 2, "log_level": "warning"}]
        busy[0][1].close()
        assert await asyncio.wait_for(reader.read(1), 10) == b"i"


async def test_without_file_descriptors_nobody_is_asked_for_again_and_again_and_one_line_is_said(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_PAUSE_SECONDS", 0.05)
    exhausted = Exhausted(listener)
    gate = Gate(exhausted, most=2)  # type: ignore[arg-type]  # what a gate needs of a socket
    with capture_logs() as lines, opened(gate):
        reader, writer = await _open(listener)
        writer.write(b"i")
        await asyncio.wait_for(exhausted.thrice.wait(), 10)
        assert exhausted.asked == 3
        exhausted.is_exhausted = False
        assert await asyncio.wait_for(reader.read(1), 10) == b"i"
    assert [line["event"] for line in lines] == ["out_of_file_descriptors"]


async def test_a_rush_comes_in_at_once_and_what_goes_on_has_its_turn_second_by_second(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(listener, most=100, a_second=3)
    now = 0.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    with opened(gate):
        clients = [socket.create_connection(listener.getsockname()) for _ in range(17)]
        for connection in clients:
            connection.send(b"i")
        counts = []
        for _ in range(3):
            for _ in range(20):
                await asyncio.sleep(0)
            counts.append(sum(map(_has_answer, clients)))
            now += 1.0
        assert counts == [12, 15, 17]
        for connection in clients:
            connection.close()


def test_a_service_may_open_as_many_files_as_the_system_lets_it() -> None:
    program = (
        "import resource; from execledger_runtime.process import raise_descriptor_limit; raise_descriptor_limit();"
        "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    limits = (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    done = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-c", program],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limits),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(limits[1])] * 2


def _has_answer(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b"i"
    except BlockingIOError:
        return False


async def _open(listener: socket.socket, says: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    if says:
        assert await _said(reader, writer, says) == says
    return reader, writer


async def _said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, says: bytes) -> bytes:
    writer.write(says)
    return await asyncio.wait_for(reader.read(1), 10)


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(), 10) == b""
    except ConnectionResetError:
        return True
