"""Streams of the query service as a client reads them."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from execledger_query.app import create_app
from execledger_query.server import Limits, Server
from execledger_runtime.listener import listening
from factories_query import settings_of


@dataclass(frozen=True, slots=True)
class Sent:
    """One event of a stream."""

    kind: str
    id: str | None
    data: Any


@dataclass(slots=True)
class Reader:
    """Who reads a stream."""

    lines: AsyncIterator[str]
    retry: int | None = None
    comments: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    async def next(self, seconds: float = 20) -> Sent | None:
        """The next event; None at the end."""
        async with asyncio.timeout(seconds):
            return await self._next()

    async def some(self, most: int, seconds: float) -> AsyncIterator[Sent]:
        """So many events at most."""
        for _ in range(most):
            if (sent := await self.next(seconds)) is None:
                return
            yield sent

    async def many(self, count: int) -> list[Sent]:
        """So many events."""
        return [sent for _ in range(count) if (sent := await self.next())]

    async def rest(self) -> list[Sent]:
        """All events to the end."""
        found = []
        while sent := await self.next():
            found.append(sent)
        return found

    async def is_silent(self, seconds: float = 0.5) -> bool:
        """Whether nothing comes for so long. Reads no more afterwards."""
        try:
            await self.next(seconds)
        except TimeoutError:
            return True
        return False

    async def _next(self) -> Sent | None:
        kind, id_, data = "message", None, []
        async for line in self.lines:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match name:
                case "" if line:
                    self.comments.append(value)
                case "event":
                    kind = value
                case "data":
                    data.append(value)
                case "id":
                    id_ = value
                    self.ids.append(value)
                case "retry":
                    self.retry = int(value)
                case _ if data:
                    return Sent(kind, id_, json.loads("\n".join(data)))
        return None


@asynccontextmanager
async def reading(
    client: httpx2.AsyncClient, path: str, headers: Mapping[str, str], last: str | None = None
) -> AsyncIterator[Reader]:
    """Read a stream while the block lasts."""
    said = dict(headers) if last is None else {**headers, "Last-Event-ID": last}
    async with client.stream("GET", path, headers=said) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Reader(response.aiter_lines())


@asynccontextmanager
async def served(dsn: str, port: int = 0, **settings: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """The service on a socket, and a client without a token: what streams is not seen in one piece otherwise."""
    with listening("127.0.0.1", port, "EXECLEDGER_QUERY_PORT") as listener:
        app = create_app(settings_of(dsn, **settings))
        server = Server(app, Limits(3000, 60, 60, 60, 60), 1, lambda: app.state.hub.close())
        serves = asyncio.create_task(server.serve(sockets=[listener]))
        host, own_port = listener.getsockname()[:2]
        limits = httpx2.Limits(max_connections=None)
        try:
            async with httpx2.AsyncClient(base_url=f"http://{host}:{own_port}", limits=limits, timeout=30) as client:
                yield client
        finally:
            server.should_exit = True
            await serves
