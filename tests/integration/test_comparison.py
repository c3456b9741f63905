"""Two executions side by side, of what a real recorder has recorded."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from factories_query import bearing, serving
from factories_recorder import Row, Topic, desk, event

RITA, PAULA = bearing("rita", "default", "reader"), bearing("paula", "default", "reader", "payloads")
PATH = "/v1/executions/compare"


def told(run: str, took: float, cost: str, output: Any, *steps: str) -> list[Row]:
    def step(type_: str, at: float, step_id: str) -> Row:
        return event(f"step.{type_}", {"step": {"id": step_id}}, at=at, subject=run)

    parts = [part for n, name in enumerate(steps) for part in (step("started", n, name), step("completed", took, name))]
    usage = {"prompt_tokens": 3, "cost_usd": cost}
    end = event("execution.completed", {"output": output, "usage": usage}, at=took, subject=run)
    return [event(subject=run, data={"owner": {"id": run}}), *parts, end]


@pytest.fixture
async def client(database: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with desk(database) as recorder, serving(database) as opened:
        first = told("first", 5, "0.5", {"pages": [1, 2], "ok": True}, "plan", "draft")
        second = told("second", 9, "0.25", {"pages": [1, 2, 3], "ok": True}, "plan", "review")
        await recorder.record(Topic().add(*first, *second))
        yield opened


async def test_two_executions_stand_side_by_side(client: httpx2.AsyncClient) -> None:
    asked = {"a": "first", "b": "second", "include": "payloads"}
    both = (await client.get(PATH, params=asked, headers=PAULA)).json()
    for side in ("a", "b"):
        alone = await client.get(f"/v1/executions/{asked[side]}?include=payloads", headers=PAULA)
        assert both[side] == alone.json()
    assert both["status"] == {"a": "completed", "b": "completed"}
    assert both["duration_ms"] == {"a": 5000, "b": 9000, "difference": 4000}
    assert both["usage"]["cost_usd"] == {"a": "0.5", "b": "0.25", "difference": "-0.25"}
    assert both["usage"]["prompt_tokens"] == {"a": 3, "b": 3, "difference": 0}
    assert [(each["step_id"], each["duration_ms"]) for each in both["steps"]] == [
        ("plan", {"a": 5000, "b": 9000, "difference": 4000}),
        ("draft", {"a": 4000, "b": None, "difference": None}),
        ("review", {"a": None, "b": 8000, "difference": None}),
    ]
    assert both["steps"][2]["b"] == {"status": "completed", "try_number": 1, "offset_ms": 1000, "duration_ms": 8000}
    assert both["output"] == [{"op": "add", "path": "/pages/2", "value": 3}]


async def test_who_sees_one_of_them_alone_compares_nothing(client: httpx2.AsyncClient) -> None:
    hidden = await client.get(PATH, params={"a": "first", "b": "second"}, headers=bearing("first", "default"))
    assert (hidden.status_code, hidden.json()["type"]) == (404, "urn:execledger:problem:not-found")
    refused = await client.get(PATH, params={"a": "first", "b": "second", "include": "payloads"}, headers=RITA)
    assert refused.status_code == 403
    plain = (await client.get(PATH, params={"a": "first", "b": "second"}, headers=RITA)).json()
    assert plain["output"] is None
    assert "output" not in plain["a"]


async def test_both_have_to_be_named(client: httpx2.AsyncClient) -> None:
    wrong = await client.get(PATH, params={"b": "", "c": "x"}, headers=RITA)
    assert (wrong.status_code, {each["parameter"] for each in wrong.json()["errors"]}) == (400, {"a", "b", "c"})
