"""Answers have a size: pages end early, lists leave out what is large, and what is too much is said to be."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from execledger_query.execution import routes
from factories_query import NOON, Ledger, bearing, ledger, serving

ANN = bearing("ann", "acme")
PAGE_BYTES = 65_536
LARGE = "ä" * 10_000  # 20,000 bytes: three have room


@pytest.fixture
async def rows(database: str) -> AsyncIterator[Ledger]:
    async with ledger(database) as opened:
        yield opened


@pytest.fixture
async def client(database: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(database, query_page_bytes=PAGE_BYTES) as opened:
        yield opened


@pytest.fixture
async def large(rows: Ledger) -> UUID:
    """Eight executions with large inputs; the first has as many large events, and as many large steps."""
    first = None
    for number in range(8):
        said = UUID(int=number + 1)
        at = NOON - timedelta(hours=number)
        execution = await rows.execution(
            owner_id="ann", created_at=at, input_event_id=said, external_id=f"run-{number}"
        )
        first = first or execution
        await rows.event(execution, "execution.started", {"input": LARGE}, event_id=said, occurred_at=at)
        event = await rows.event(first, "execution.progressed", {"message": LARGE, "input": LARGE})
        await rows.step(first, f"plain-{number}", metadata={"note": LARGE}, input_event_id=event)
    assert first is not None
    return first


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/v1/executions?include=payloads", 8),
        ("/v1/executions/run-0/steps?limit=200", 8),
        ("/v1/executions/run-0/steps?include=payloads", 8),
        ("/v1/executions/run-0/events?limit=200", 9),
        ("/v1/executions/run-0/events?include=payloads", 9),
    ],
)
async def test_a_page_ends_early_at_its_bytes_and_its_cursor_goes_on(
    client: httpx2.AsyncClient, path: str, count: int
) -> None:
    pages = await _pages(client, path)
    items = [item for page in pages for item in page.json()["items"]]
    assert len({str(item) for item in items}) == len(items) == count
    assert len(pages) >= 3
    assert max(len(page.content) for page in pages) <= PAGE_BYTES + 1000  # the cursor, and what is around the items


async def test_an_item_that_is_larger_than_a_page_is_a_page(rows: Ledger, client: httpx2.AsyncClient) -> None:
    execution = await rows.execution(owner_id="ann", external_id="run-1")
    for _ in range(2):
        await rows.event(execution, "execution.progressed", {"message": "x" * 2 * PAGE_BYTES})
    pages = await _pages(client, "/v1/executions/run-1/events")
    assert [len(page.json()["items"]) for page in pages] == [1, 1]


async def test_a_list_leaves_out_what_is_large_and_names_it(rows: Ledger, client: httpx2.AsyncClient) -> None:
    much: dict[str, Any] = {"query": LARGE, "metadata": {"note": "x" * 9000}, "labels": {"a": LARGE}}
    much["tags"] = ["x" * 200] * 50
    errors = {"status": "failed", "error_message": LARGE, "error_event_id": UUID(int=1), "error_type": "E"}
    await rows.execution(owner_id="ann", external_id="large", cancel_reason=LARGE, waiting_for=LARGE, **much, **errors)
    little = {"query": "q", "metadata": {"a": "x" * 4000}, "labels": {"a": "b"}, "tags": ["t"]}
    await rows.execution(owner_id="ann", external_id="small", created_at=NOON - timedelta(hours=1), **little)
    large, small = (await client.get("/v1/executions", headers=ANN)).json()["items"]
    names = ["query", "tags", "labels", "metadata", "error.message", "cancel_reason", "waiting_for"]
    assert large["omitted"] == names
    assert [large[name] for name in much] == [None] * 4
    assert large["error"] == {"message": None, "type": "E", "stack": None}
    assert ({name: small[name] for name in little}, small["omitted"]) == (little, [])
    whole = (await client.get("/v1/executions/large", headers=ANN)).json()
    assert ({name: whole[name] for name in much}, whole["error"]["message"], whole["omitted"]) == (much, LARGE, [])


async def test_payloads_that_are_not_asked_for_are_named(rows: Ledger, client: httpx2.AsyncClient) -> None:
    event = UUID(int=1)
    said: dict[str, Any] = {f"{name}_event_id": event for name in ("input", "result", "error")}
    execution = await rows.execution(owner_id="ann", external_id="run-1", status="failed", has_stack=True, **said)
    await rows.event(execution, data={"input": 1, "result": "r", "error": {"stack": "at 1"}}, event_id=event)
    for path in ("/v1/executions/run-1", "/v1/executions"):
        for asked, omitted in (("", ["input", "result", "error.stack"]), ("?include=payloads", [])):
            shown = (await client.get(path + asked, headers=ANN)).json()
            assert shown.get("items", [shown])[0]["omitted"] == omitted


@pytest.mark.usefixtures("large")
async def test_an_execution_whose_events_are_large_is_explained_by_the_command_alone(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await client.get("/v1/executions/run-0/explain", headers=ANN)).status_code == 200
    monkeypatch.setattr(routes, "_MOST_EXPLAINED_BYTES", 50_000)
    refused = await client.get("/v1/executions/run-0/explain", headers=ANN)
    assert (refused.status_code, refused.json()["type"]) == (504, "urn:execledger:problem:too-slow")
    assert "execledger explain" in refused.json()["detail"]


async def _pages(client: httpx2.AsyncClient, path: str) -> list[httpx2.Response]:
    pages = [await client.get(path, headers=ANN)]
    while cursor := pages[-1].json()["next_cursor"]:
        pages.append(await client.get(path + ("&" if "?" in path else "?") + f"cursor={cursor}", headers=ANN))
    return pages
