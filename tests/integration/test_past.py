"""An execution as it was: by what was recorded by a moment, and by what had happened by one."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx2
import pytest

from command_line import execledger
from execledger_query.execution import routes
from execledger_recorder.duties.reprice import Wanted, reprice
from execledger_recorder.rules import pricing
from factories_query import bearing
from factories_recorder import Desk, Topic, batches, chance, desk, event, history

RITA, PAULA = bearing("rita", "default", "reader"), bearing("paula", "default", "reader", "payloads")
RUNS = ("run-1", "run-2", "run-3", "run-4")


@pytest.fixture
async def recorder(database: str) -> AsyncIterator[Desk]:
    async with desk(database) as opened:
        yield opened


async def shown(client: httpx2.AsyncClient, run: str, part: str = "", **asked: str) -> Any:
    """An answer, without what is not known of the past."""
    answer = await client.get(f"/v1/executions/{run}{part}", params={"include": "payloads", **asked}, headers=PAULA)
    said = answer.json()
    if answer.status_code == 404:
        return None
    assert answer.status_code == 200, said
    if not part:
        said["budget"] |= {"consumed_tokens": None, "consumed_cost_usd": None}
    return said


async def moment(recorder: Desk) -> str:
    """Now, by the clock of the database, between two transactions; in milliseconds."""
    await asyncio.sleep(0.003)
    at: datetime = await recorder.value("SELECT clock_timestamp()")
    await asyncio.sleep(0.003)
    return at.isoformat(timespec="milliseconds")


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_was_shown_at_a_moment_can_be_shown_again(
    recorder: Desk, client: httpx2.AsyncClient, seed: int
) -> None:
    """Events arrive in any order, in batches; after each of these everything is looked at, and again at the end."""
    random = chance(seed)
    arriving = history()
    random.shuffle(arriving)
    looks = []
    for batch in batches(Topic().add(*arriving), random):
        await recorder.record(batch)
        at = await moment(recorder)
        looks.append((at, {(run, part): await shown(client, run, part) for run in RUNS for part in ("", "/explain")}))
    assert len(looks) > 2
    for at, looked in looks:
        for (run, part), before in looked.items():
            assert await shown(client, run, part, known_at=at) == before, (at, run, part)


async def test_what_had_happened_by_a_moment_is_what_its_events_alone_would_give(
    recorder: Desk, client: httpx2.AsyncClient
) -> None:
    arriving = history()
    await recorder.record(Topic().add(*arriving))
    for second in (0, 1, 8, 10, 15):
        earlier = [each for each in arriving if each["time"] <= f"2026-03-01T12:00:{second:02}.999"]
        await recorder.record(Topic(f"until-{second}").add(*({**each, "tenantid": f"t{second}"} for each in earlier)))
        for run in ("run-1", "run-4"):
            path = f"/v1/executions/{run}"
            then = await client.get(path, params={"as_of": f"2026-03-01T12:00:{second:02}.999Z"}, headers=RITA)
            alone = await client.get(path, headers=bearing("rita", f"t{second}", "reader"))
            assert then.status_code == alone.status_code
            assert _without_ids(then.json()) == _without_ids(alone.json()), (run, second)


def _without_ids(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name not in ("id", "tenant_id", "budget", "detail")}


async def test_a_price_that_was_computed_anew_is_shown_as_it_was_stored(
    recorder: Desk, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = {"provider": "openai", "model": "gpt-4o", "prompt_tokens": 1000, "completion_tokens": 10}
    unknown = {"model": "nobody knows it yet", "prompt_tokens": 5}
    calls = (event("llm.called", call), event("llm.called", unknown, at=1), event("llm.called", {"cost_usd": 1}, at=2))
    await recorder.record(Topic().add(*calls))
    looks = []
    for price in (7, 9):
        looks.append((await moment(recorder), await shown(client, "run-1")))
        monkeypatch.setattr(pricing, "price", lambda *_, price=price: price * 10**9)
        await reprice(recorder.store, Wanted())
    now = await moment(recorder)
    assert [look["usage"]["cost_usd"] for _, look in looks] == ["1.0026", "15"]
    assert (await shown(client, "run-1"))["usage"]["cost_usd"] == "19"
    for at, before in [*looks, (now, await shown(client, "run-1"))]:
        assert await shown(client, "run-1", known_at=at) == before


async def test_before_anything_was_known_there_was_nothing(
    recorder: Desk, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await recorder.record(Topic().add(*history()))
    for part in ("", "/explain"):
        for asked in ({"known_at": "2026-01-01T00:00:00Z"}, {"as_of": "2026-01-01T00:00:00Z"}):
            nothing = await client.get(f"/v1/executions/run-1{part}", params=asked, headers=RITA)
            assert (nothing.status_code, nothing.json()["detail"]) == (404, "there was no such execution yet")
        wrong = await client.get(f"/v1/executions/run-1{part}?known_at=yesterday&as_of=2026", headers=RITA)
        assert {each["parameter"] for each in wrong.json()["errors"]} == {"known_at", "as_of"}
        hidden = await client.get(
            f"/v1/executions/run-1{part}?as_of=2027-01-01T00:00:00Z", headers=bearing("x", "umbra", "reader")
        )
        assert hidden.status_code == 404
    monkeypatch.setattr(routes, "_MOST_EXPLAINED", 19)
    refused = await client.get("/v1/executions/run-1?as_of=2026-03-02T00:00:00Z", headers=RITA)
    assert (refused.status_code, refused.json()["type"]) == (504, "urn:execledger:problem:too-slow")


async def test_the_command_explains_what_was(recorder: Desk, client: httpx2.AsyncClient) -> None:
    await recorder.record(Topic().add(*history()))
    then = "2026-03-01T12:00:08.999Z"
    told = await execledger("explain", "run-1", "--as-of", then, "--json", postgres_dsn=recorder.dsn)
    assert json.loads(told.out) == await shown(client, "run-1", "/explain", as_of=then)
    never = await execledger("explain", "run-1", "--known-at", "2026-01-01T00:00:00Z", postgres_dsn=recorder.dsn)
    assert (never.status, never.err) == (1, "execledger: there was no execution 'run-1' yet\n")
    wrong = await execledger("explain", "run-1", "--as-of", "soon", postgres_dsn=recorder.dsn)
    assert (wrong.status, "--as-of" in wrong.err) == (2, True)
