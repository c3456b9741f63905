"""A thousand streams on one process: what they take, and how soon all of them see a change.

Measured beside other busy processes on two cores: 47 KB a stream; half of them see a change after 0.3 s, all after
0.44 s.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from factories_query import SECRET, bearing
from factories_recorder import Topic, desk, event
from running import query

STREAMS = 1000
SUBJECTS = 10
MB = 1_048_576


@asynccontextmanager
async def followed(port: int, path: str, headers: dict[str, str]) -> AsyncIterator[asyncio.StreamReader]:
    """A stream over a bare connection, read up to where it begins."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"GET {path} HTTP/1.1\r\nHost: h\r\n{head}\r\n".encode())
        await reader.readuntil(b"retry: 2000")
        yield reader
    finally:
        writer.close()


async def test_a_thousand_streams_see_a_change_and_fit_into_the_process(database: str, tmp_path: Path) -> None:
    topic = Topic()
    settings: dict[str, Any] = {
        "postgres_dsn": database,
        "jwt_secret": SECRET,
        "query_subject_requests_per_second": 1e6,
    }
    async with desk(database) as office, query(tmp_path, **settings) as service:
        await office.record(topic.add(event(), event(subject="run-2")))
        port, process = int(service.address.rpartition(":")[2]), psutil.Process(service.process.pid)
        before, leave = process.memory_info().rss, asyncio.Event()
        seen: list[float] = []
        opening, ready, all_seen = asyncio.Semaphore(2 * SUBJECTS), asyncio.Semaphore(0), asyncio.Event()

        async def follow(number: int) -> None:
            path = "/v1/stream?limit=0" if number % 2 else "/v1/executions/run-1/stream"
            headers = bearing(f"subject-{number % SUBJECTS}", "default", "reader")
            async with AsyncExitStack() as stack:
                async with opening:
                    reader = await stack.enter_async_context(followed(port, path, headers))
                ready.release()
                await reader.readuntil(b"execution.progressed" if number % 2 == 0 else b'"version":2')
                seen.append(time.perf_counter())
                if len(seen) == STREAMS:
                    all_seen.set()
                await leave.wait()

        streams = [asyncio.create_task(follow(number)) for number in range(STREAMS)]
        async with asyncio.timeout(120):
            for _ in range(STREAMS):
                await ready.acquire()
            await asyncio.sleep(1)
            began = time.perf_counter()
            await office.record(topic.add(event("execution.progressed", {"message": "on"}, at=1)))
            await all_seen.wait()
        took = sorted(at - began for at in seen)
        grown = (process.memory_info().rss - before) / MB
        connections = await office.value(_CONNECTIONS)
        leave.set()
        await asyncio.gather(*streams)
        print(f"{grown:.0f} MB more, the half see it after {took[STREAMS // 2]:.2f} s, all after {took[-1]:.2f} s")  # noqa: T201
        assert grown < 150
        assert took[-1] < 5
        assert connections <= 15


_CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'execledger-query' AND datname = current_database()
"""
