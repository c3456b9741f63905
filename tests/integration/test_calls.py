"""What an execution called, over HTTP: of what a real recorder has recorded."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from factories_query import bearing
from factories_recorder import Desk, Topic, desk, event

RITA, PAULA = bearing("rita", "default", "reader"), bearing("paula", "default", "reader", "payloads")
CALLS: list[dict[str, Any]] = [
    {"provider": "p", "model": "m", "prompt_tokens": 10, "cached_tokens": 4, "cost_usd": "0.5", "step_id": "draft"},
    {"provider": "openai", "model": "gpt-4o", "prompt_tokens": 1000, "completion_tokens": 10, "agent_id": "writer"},
    {"model": "nobody-knows-it", "error": "refused", "cache_hit": False, "duration_ms": 7},
]


@pytest.fixture
async def recorder(database: str) -> AsyncIterator[Desk]:
    async with desk(database) as opened:
        said = {"tool_name": "search", "success": False, "error": "none", "input": {"q": 1}, "output": [None, "x"]}
        tools = [event("tool.called", {**said, "duration_ms": n}, at=10 + n) for n in range(5)]
        await opened.record(Topic().add(event(), *(event("llm.called", c, at=n) for n, c in enumerate(CALLS)), *tools))
        yield opened


@pytest.mark.usefixtures("recorder")
async def test_model_calls_show_what_was_said_and_where_their_cost_is_from(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/v1/executions/run-1/llm-calls", headers=RITA)).json()
    first, priced, unknown = page["items"]
    assert page["next_cursor"] is None
    said = {name: value for name, value in first.items() if value is not None}
    assert {name: said[name] for name in CALLS[0]} == CALLS[0]
    assert (first["occurred_at"], first["attempt"], first["cost_source"]) == ("2026-03-01T12:00:00.123Z", 1, "reported")
    assert first["price_version"] is None
    assert priced["cost_source"] == "computed"
    assert Decimal(priced["cost_usd"]) > 0
    assert priced["price_version"].startswith("genai-prices ")
    assert (unknown["cost_usd"], unknown["cost_source"], unknown["error"]) == (None, None, "refused")
    usage = (await client.get("/v1/executions/run-1", headers=RITA)).json()["usage"]
    assert Decimal(usage["cost_usd"]) == Decimal("0.5") + Decimal(priced["cost_usd"])


@pytest.mark.usefixtures("recorder")
async def test_tool_calls_come_page_by_page_and_with_payloads_only_when_asked(client: httpx2.AsyncClient) -> None:
    found, cursor = [], ""
    while True:
        page = (await client.get(f"/v1/executions/run-1/tool-calls?limit=2{cursor}", headers=RITA)).json()
        found += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [call["duration_ms"] for call in found] == [0, 1, 2, 3, 4]
    assert {(c["tool_name"], c["success"], c["input"], c["output"]) for c in found} == {("search", False, None, None)}
    whole = (await client.get("/v1/executions/run-1/tool-calls?include=payloads", headers=PAULA)).json()["items"]
    assert [(call["input"], call["output"]) for call in whole] == [({"q": 1}, [None, "x"])] * 5
    refused = await client.get("/v1/executions/run-1/tool-calls?include=payloads", headers=RITA)
    assert refused.status_code == 403


@pytest.mark.usefixtures("recorder")
async def test_a_cursor_goes_on_in_its_own_list_alone(client: httpx2.AsyncClient) -> None:
    cursor = (await client.get("/v1/executions/run-1/tool-calls?limit=2", headers=RITA)).json()["next_cursor"]
    for path in ("/v1/executions/run-1/llm-calls", "/v1/executions/run-1/events"):
        answer = await client.get(f"{path}?cursor={cursor}", headers=RITA)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:execledger:problem:invalid-cursor")
    wrong = await client.get("/v1/executions/run-1/llm-calls?limit=0&of=me", headers=RITA)
    assert {fault["parameter"] for fault in wrong.json()["errors"]} == {"limit", "of"}
