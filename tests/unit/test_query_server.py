"""The query service's connections: each part of a client has a time limit, and a new client finds a place."""

import asyncio
import json
import logging
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]  # what the loop itself uses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.types import Message, Receive, Scope, Send

from execledger_query.server import Limits, Server
from execledger_runtime.listener import listening

NEVER = 600.0
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n"
SIZE = 30_000_000  # more than the kernel keeps for a client that does not read


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Says how long the body was, or something large."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    size = 0
    more = True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"x" * SIZE if scope["path"] == "/large" else str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost:", GET + b"GET"])
async def test_a_head_has_a_time_limit_the_first_and_any_other(sent: bytes) -> None:
    async with serving(head=0.3) as port:
        assert await _read_to_the_end(port, sent) == sent.count(b"h\r\n\r\n")


@pytest.mark.parametrize("sent", [POST, POST + b"1234", GET + POST])
async def test_a_body_has_a_time_limit(sent: bytes) -> None:
    async with serving(body=0.3) as port:
        assert await _read_to_the_end(port, sent) == sent.count(b"GET")


async def test_an_idle_connection_is_closed() -> None:
    async with serving(idle=0.3) as port:
        assert await _read_to_the_end(port, GET + POST + b"12345") == 2


async def test_a_head_goes_with_its_body(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    send = _SelectorSocketTransport.write

    def noted(transport: _SelectorSocketTransport, data: bytes) -> None:
        written.append(bytes(data))
        send(transport, data)

    monkeypatch.setattr(_SelectorSocketTransport, "write", noted)
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(1) == b"0"
        writer.close()
    asked, answered = (data for data in written if data)
    assert asked == GET
    assert answered.endswith(b"\r\n\r\n0")


async def test_a_client_that_does_not_read_is_cut_off() -> None:
    async with serving(write=0.3) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(LARGE)
        await reader.readexactly(1)
        await asyncio.sleep(1.0)  # it has what the kernel holds, and then no more
        assert await _rest(reader) < SIZE
        writer.close()


async def test_a_client_that_closes_its_side_of_an_answer_that_it_does_not_read_is_cut_off_too() -> None:
    async with serving(write=0.3) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(LARGE.replace(b"Host", b"Connection: close\r\nHost"))
        await reader.readexactly(1)
        await asyncio.sleep(1.0)
        assert await _rest(reader) < SIZE
        writer.close()


async def test_a_client_that_reads_slowly_gets_all() -> None:
    async with serving(write=NEVER) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(LARGE.replace(b"Host", b"Connection: close\r\nHost"))
        assert await _rest(reader) >= SIZE
        writer.close()


async def test_silent_connections_keep_no_client_out() -> None:
    async with serving(connections=2) as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        assert b"200" in await asyncio.wait_for(reader.readline(), 10)
        for _, each in [*silent, (reader, writer)]:
            each.close()


async def test_requests_that_are_none_fill_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"nonsense\r\n\r\n")
        head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
        writer.close()
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head.lower()
    assert json.loads(body)["type"] == "urn:execledger:problem:bad-request"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@asynccontextmanager
async def serving(
    connections: int = 10, head: float = NEVER, body: float = NEVER, idle: float = NEVER, write: float = NEVER
) -> AsyncIterator[int]:
    """A server of `app` with these limits; its port."""
    with listening("127.0.0.1", 0, "EXECLEDGER_QUERY_PORT") as listener:
        server = Server(app, Limits(connections, head, body, idle, write), 1)
        serves = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await serves


async def _read_to_the_end(port: int, sent: bytes) -> int:
    """How many answers come before the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        return (await asyncio.wait_for(reader.read(), 10)).count(b"200 OK")
    finally:
        writer.close()


async def _rest(reader: asyncio.StreamReader) -> int:
    size = 0
    try:
        while part := await asyncio.wait_for(reader.read(65_536), 10):
            size += len(part)
    except ConnectionResetError:
        pass
    return size


async def _live(receive: Receive, send: Send) -> None:
    message: Message = {}
    while message.get("type") != "lifespan.shutdown":
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
