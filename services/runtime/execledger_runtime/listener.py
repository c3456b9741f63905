"""The HTTP port of a service: its socket, and a small server for health and metrics."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Final, NamedTuple

from execledger_runtime.settings import Fault, SettingsError

_BACKLOG: Final = 2048
_LONGEST_HEAD: Final = 16_384
_SECONDS: Final = 10.0  # for all of an exchange: a slow client keeps nothing from anybody


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
async def answering(listener: socket.socket, paths: Mapping[str, Callable[[], Answer]]) -> AsyncIterator[None]:
    """Answer GET and HEAD there while the block lasts, one request for each connection."""
    server = await asyncio.start_server(partial(_exchange, paths), sock=listener, limit=_LONGEST_HEAD)
    try:
        yield
    finally:
        server.close()


async def _exchange(
    paths: Mapping[str, Callable[[], Answer]], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        async with asyncio.timeout(_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(respond(head, paths))
            writer.close()
            await writer.wait_closed()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        writer.transport.abort()


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
