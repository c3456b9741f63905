"""The HTTP port of a service: its socket, and a small server for health and metrics."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final, NamedTuple, cast

from execledger_runtime.connections import Connection, Gate, Worth
from execledger_runtime.settings import Fault, SettingsError

_BACKLOG: Final = 2048
_LONGEST_HEAD: Final = 16_384
_END_OF_HEAD: Final = b"\r\n\r\n"
# At 0.2 ms each: who opens them without end takes a tenth of a core, and a rush of 1,500 keeps who asks for health
# waiting for 0.3 s. With 50 a second that was more than 10 s.
_CONNECTIONS_A_SECOND: Final = 500
_REST: Final = 19


class PortTakenError(SettingsError):
    """The address to listen on is not to be had."""


class Answer(NamedTuple):
    """What a path says."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    media_type: str = "text/plain; charset=utf-8"


def listening(host: str, port: int, variable: str) -> socket.socket:
    """A socket that listens there. Raises PortTakenError, which names the variable that says where."""
    # The protocol is named, else asyncio leaves Nagle's algorithm on: every answer then took 44 ms longer.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        reason = f"cannot listen on {host} port {port}: {error.strerror or error}"
        raise PortTakenError(Fault(variable, reason)) from None
    return listener


@asynccontextmanager
async def answering(
    listener: socket.socket, paths: Mapping[str, Callable[[], Answer]], *, most: int, seconds: float
) -> AsyncIterator[None]:
    """Answer GET and HEAD there while the block lasts, one request for each connection.

    There are `most` connections at once, the oldest goes first; each has so many seconds for all of its exchange.
    """
    gate = Gate(listener, most, _CONNECTIONS_A_SECOND)
    gate.open(lambda held_by: _Exchange(held_by, paths, seconds))
    try:
        yield
    finally:
        gate.close()
        gate.drop_all()


class Kept:
    """An answer that takes time to make: however many ask for it, that is a twentieth of the time at most."""

    def __init__(self, make: Callable[[], Answer], clock: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._clock = clock
        self._stays_until = float("-inf")

    def __call__(self) -> Answer:
        began = self._clock()
        if began >= self._stays_until:
            self._answer = self._make()
            ended = self._clock()
            self._stays_until = ended + _REST * (ended - began)
        return self._answer


class _Exchange(Connection):
    """One request and its answer. A slow client keeps nothing from anybody."""

    def __init__(self, gate: Gate, paths: Mapping[str, Callable[[], Answer]], seconds: float) -> None:
        self._gate = gate
        self._paths = paths
        self._transport: asyncio.Transport | None = None
        self._is_dropped = False
        self._head = b""
        self._end = asyncio.get_running_loop().call_later(seconds, self.drop)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._is_dropped:
            self.drop()

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return  # it is answered
        self._head += data
        if _END_OF_HEAD in self._head:
            self._transport.write(respond(self._head, self._paths))
            self._transport.close()
        elif len(self._head) > _LONGEST_HEAD:
            self.drop()

    def connection_lost(self, _error: Exception | None) -> None:
        self._end.cancel()
        self._gate.lost(self)

    @property
    def worth(self) -> Worth:
        return Worth.SILENT  # all alike: the oldest has had the most time

    def drop(self) -> None:
        self._is_dropped = True
        if self._transport is not None:
            self._transport.abort()


def respond(head: bytes, paths: Mapping[str, Callable[[], Answer]]) -> bytes:
    """The response to a request with that head."""
    method, _, rest = head.partition(b" ")
    target, _, _ = rest.partition(b" ")
    answer = _answer(method, target.partition(b"?")[0].decode("latin-1"), paths)
    fields = {
        "Content-Type": answer.media_type,
        "Content-Length": str(len(answer.body)),
        "Connection": "close",
    }
    if answer.status is HTTPStatus.METHOD_NOT_ALLOWED:
        fields["Allow"] = "GET, HEAD"
    lines = [f"{name}: {said}" for name, said in fields.items()]
    status = f"HTTP/1.1 {answer.status.value} {answer.status.phrase}"
    response = "\r\n".join([status, *lines, "", ""]).encode("latin-1")
    return response if method == b"HEAD" else response + answer.body


def _answer(method: bytes, path: str, paths: Mapping[str, Callable[[], Answer]]) -> Answer:
    if path not in paths:
        return _refusal(HTTPStatus.NOT_FOUND)
    if method not in (b"GET", b"HEAD"):
        return _refusal(HTTPStatus.METHOD_NOT_ALLOWED)
    return paths[path]()


def _refusal(status: HTTPStatus) -> Answer:
    return Answer(f"{status.phrase}\n".encode(), status)
