"""The slow requests of one are not an outage for all, and what a client no longer waits for is not worked at."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice

import httpx2
import pytest

from execledger_query.app import create_app
from execledger_query.server import Limits, Server
from execledger_runtime.listener import listening
from factories_query import Ledger, bearing, ledger, serving, settings_of
from running import eventually

ANN = bearing("ann", "acme")
OTHER = bearing("rita", "acme", "service")
_RUNNING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%FROM execledger.steps%' AND state = 'active'
        AND pid <> pg_backend_pid()
"""


@pytest.fixture
async def rows(database: str) -> AsyncIterator[Ledger]:
    async with ledger(database) as opened:
        yield opened


async def test_slow_requests_of_one_keep_nobody_else_from_an_answer(database: str, rows: Ledger) -> None:
    shares: dict[str, float] = {"query_pool_size": 3, "query_subject_requests": 2, "query_pool_timeout_seconds": 0.3}
    await rows.ends()
    async with serving(database, **shares) as client:
        async with rows.connection.transaction():
            await rows.connection.execute("LOCK execledger.executions")
            slow = [asyncio.create_task(client.get("/v1/executions", headers=ANN)) for _ in range(12)]
            refused = [await each for each in islice(asyncio.as_completed(slow), 10)]
            other, ready = await client.get("/v1/ledger", headers=OTHER), await client.get("/readyz")
        assert sorted([(await each).status_code for each in slow]) == [200] * 2 + [429] * 10
    assert (other.status_code, other.headers["execledger-lag-seconds"], ready.status_code) == (200, "0", 200)
    for answer in refused:
        assert (answer.status_code, answer.json()["type"]) == (429, "urn:execledger:problem:too-many-requests")
        assert answer.headers["retry-after"] == "1"


async def test_readiness_and_freshness_need_no_connection_of_requests(database: str, rows: Ledger) -> None:
    await rows.ends()
    async with serving(database, query_pool_size=1, query_pool_timeout_seconds=0.3) as client:
        async with rows.connection.transaction():
            await rows.connection.execute("LOCK execledger.executions")
            slow = asyncio.create_task(client.get("/v1/executions", headers=ANN))
            await asyncio.sleep(0.1)
            busy = await client.get("/v1/ledger", headers=OTHER)
            assert (busy.status_code, busy.headers["execledger-lag-seconds"]) == (503, "0")
            assert "EXECLEDGER_QUERY_POOL_SIZE" in busy.json()["detail"]
            assert (await client.get("/readyz")).status_code == 200
        assert (await slow).status_code == 200


async def test_a_subject_that_asks_too_often_is_told_when_to_ask_again(database: str) -> None:
    async with serving(database, query_subject_requests_per_second=0.5) as client:
        assert (await client.get("/v1/executions", headers=ANN)).status_code == 200
        refused = await client.get("/v1/executions", headers=ANN)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
        assert (await client.get("/v1/ledger", headers=OTHER)).status_code == 200


async def test_the_statement_of_a_client_that_has_gone_is_cancelled(database: str, rows: Ledger) -> None:
    await rows.execution(owner_id="ann", external_id="run-1")
    async with _served(database) as address, ledger(database) as locking, locking.connection.transaction():
        await locking.connection.execute("LOCK execledger.steps")
        _, writer = await asyncio.open_connection(*address)
        request = f"GET /v1/executions/run-1/steps HTTP/1.1\r\nHost: h\r\nAuthorization: {ANN['Authorization']}\r\n\r\n"
        writer.write(request.encode())
        await eventually(lambda: rows.connection.fetchval(_RUNNING))
        writer.close()
        await eventually(lambda: _none(rows))
        async with httpx2.AsyncClient(base_url=f"http://{address[0]}:{address[1]}") as client:
            assert (await client.get("/v1/ledger", headers=OTHER)).status_code == 200


async def _none(rows: Ledger) -> bool:
    return bool(await rows.connection.fetchval(_RUNNING) == 0)


@asynccontextmanager
async def _served(dsn: str) -> AsyncIterator[tuple[str, int]]:
    """The service on a socket, with one connection to the database and time enough; its address."""
    settings = settings_of(dsn, query_pool_size=1, query_statement_timeout_seconds=600)
    with listening("127.0.0.1", 0, "EXECLEDGER_QUERY_PORT") as listener:
        server = Server(create_app(settings), Limits(10, 60, 60, 60, 60), 1)
        serves = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[:2]
        finally:
            server.should_exit = True
            await serves
