"""A client that costs little: one request after the other on connections that stay open."""

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

_LARGEST = 2**24


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking one address again and again: seconds of each request, of the first apart."""

    first: float
    seconds: tuple[float, ...]
    lasted: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.seconds) / self.lasted

    def percentile(self, share: float) -> float:
        """The seconds that so many did not exceed."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


async def ask(url: str, token: str | None, seconds: float, connections: int = 1) -> Asked:
    """Ask for so long, over so many connections at once; the first request of each is not among what is counted."""
    firsts: list[float] = []
    counted: list[float] = []
    begun = time.perf_counter()
    await asyncio.gather(*(_ask(url, token, begun + seconds, firsts, counted) for _ in range(connections)))
    return Asked(firsts[0], tuple(counted or firsts), time.perf_counter() - begun - firsts[0])


async def _ask(url: str, token: str | None, until: float, firsts: list[float], counted: list[float]) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=_LARGEST)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer}\r\n".encode()
    try:
        while time.perf_counter() < until or not firsts:
            seconds = await _answered(reader, writer, request)
            (counted if firsts else firsts).append(seconds)
    finally:
        writer.close()


async def _answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> float:
    begun = time.perf_counter()
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, _, rest = head.partition(b"content-length:")
    body = await reader.readexactly(int(rest.partition(b"\r\n")[0]))
    if b" 200 " not in head[:20]:
        raise RuntimeError(f"{request.splitlines()[0]!r}: {head[:20]!r} {body[:300]!r}")
    return time.perf_counter() - begun
