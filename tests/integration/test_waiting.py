"""Who waits for an execution to end gets it when it has, and keeps nobody from anything meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from execledger_query.execution import endings
from factories_query import SECRET, bearing, ledger, serving
from factories_recorder import Desk, Topic, desk, event
from running import eventually, query

RITA = bearing("rita", "default", "reader")
WAITING = "/v1/executions/run-1?wait=terminal"


@pytest.fixture
async def recorder(database: str) -> AsyncIterator[Desk]:
    async with desk(database) as opened:
        await opened.record(Topic().add(event()))
        yield opened


async def test_who_waits_gets_the_execution_when_it_has_ended(recorder: Desk, client: httpx2.AsyncClient) -> None:
    waiting = asyncio.create_task(client.get(f"{WAITING}&timeout=30", headers=RITA))
    await asyncio.sleep(0.6)
    assert not waiting.done()
    ended = Topic("more").add(event("execution.completed", at=1))
    await recorder.record(ended)
    before = time.monotonic()
    answer = await waiting
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert time.monotonic() - before < 5
    again = await client.get(f"{WAITING}&timeout=30", headers=RITA)
    assert again.json() == answer.json()


@pytest.mark.usefixtures("recorder")
async def test_when_the_time_is_over_it_is_shown_as_it_is(client: httpx2.AsyncClient) -> None:
    before = time.monotonic()
    answer = await client.get(f"{WAITING}&timeout=0.4", headers=RITA)
    assert (answer.status_code, answer.json()["status"]) == (200, "running")
    assert time.monotonic() - before >= 0.4
    for wrong in ("timeout=61", "timeout=-1", "timeout=nan", "known_at=2026-03-01T12:00:00Z"):
        refused = await client.get(f"{WAITING}&{wrong}", headers=RITA)
        assert refused.status_code == 400, wrong
    assert (await client.get("/v1/executions/run-1?wait=for-me", headers=RITA)).status_code == 400
    assert (await client.get("/v1/executions/nothing?wait=terminal", headers=RITA)).status_code == 404
    hidden = await client.get(WAITING, headers=bearing("rita", "umbra", "reader"))
    assert hidden.status_code == 404


@pytest.mark.usefixtures("recorder")
async def test_many_who_wait_keep_nobody_from_an_answer(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "_MOST_OF_ONE", 30)
    async with serving(database, query_pool_size=2, query_subject_requests=2) as client:
        waiting = [asyncio.create_task(client.get(f"{WAITING}&timeout=20", headers=RITA)) for _ in range(30)]
        present = client._transport.app.state.endings._present  # type: ignore[attr-defined]
        await eventually(lambda: _true(present.total() == 30))
        answer = await client.get("/v1/executions/run-1", headers=RITA)
        assert answer.status_code == 200
        refused = await client.get(WAITING, headers=RITA)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        async with ledger(database) as rows:
            await rows.connection.execute("UPDATE execledger.executions SET status = 'completed', ended_at = now()")
        answers = await asyncio.gather(*waiting)
        assert {each.json()["status"] for each in answers} == {"completed"}


@pytest.mark.usefixtures("recorder")
async def test_who_waits_is_answered_when_the_service_stops(database: str, tmp_path: Path) -> None:
    started = query(tmp_path, postgres_dsn=database, jwt_secret=SECRET)
    async with started as service, httpx2.AsyncClient(base_url=service.address, timeout=60) as client:
        waiting = asyncio.create_task(client.get(f"{WAITING}&timeout=60", headers=RITA))
        await asyncio.sleep(1)
        before = time.monotonic()
        assert await service.stop() == 0
        assert (await waiting).json()["status"] == "running"
        assert time.monotonic() - before < 5


async def _true(is_so: bool) -> bool:
    return is_so
