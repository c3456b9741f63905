"""The client of the API: pages and streams as iterators, waiting, problems as exceptions; in both forms alike."""

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_client import AsyncClient, Client, ProblemError, StreamEvent
from execledger_client.events import Place
from execledger_client.models import Execution, ExecutionField
from factories_query import token
from factories_recorder import Desk, Topic, desk, event, history
from streaming import served

TOKEN = token("rita", "default", "reader", "payloads")


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    """A recorder's inner part on a fresh database."""
    async with desk(database) as office:
        yield office


@pytest.fixture
async def address(office: Desk) -> AsyncIterator[str]:
    async with served(office.dsn, query_subject_requests_per_second=1e6) as client:
        yield str(client.base_url)


def test_both_clients_have_the_same_methods() -> None:
    def said(client: type) -> dict[str, list[str]]:
        methods = inspect.getmembers(client, inspect.isfunction)
        return {name: [*inspect.signature(method).parameters] for name, method in methods if not name.startswith("__")}

    assert said(Client) == said(AsyncClient)


async def test_the_client_reads_all_that_there_is_of_executions(office: Desk, address: str) -> None:
    await office.record(Topic().add(*history()))
    async with AsyncClient(address, TOKEN) as client:
        found = [each async for each in client.executions(limit=2)]
        assert [each.external_id for each in found] == ["run-4", "run-3", "run-2", "run-1"]
        some = client.executions(status=["cancelled", "timed_out"], started_after=datetime(2026, 1, 1, tzinfo=UTC))
        assert {each.external_id async for each in some} == {"run-2", "run-3"}
        one = await client.execution("run-1", payloads=True)
        assert (one.status, one.output, one.usage.cost_usd, one.labels) == (
            *("completed", {"a": 1}, Decimal("0.500000246")),
            {"graph_id": "g", "prd": "8", "venture_id": "v"},
        )
        assert "execution.created" in [each.type async for each in client.events(one.id)]
        assert {each.step_id async for each in client.steps("run-1")} == {"draft"}
        assert [each["tool_name"] async for each in client.items("/v1/executions/run-1/tool-calls")] == ["search"]
        assert (await client.explain("run-1")).fields["status"].type == "execution.succeeded"
        assert len((await client.timeline("run-1")).attempts) == 2
        assert (await client.get("/v1/executions", limit=1))["items"][0]["external_id"] == "run-4"


async def test_a_client_that_asks_for_some_fields_is_given_those(office: Desk, address: str) -> None:
    await office.record(Topic().add(*history()))
    fields: list[ExecutionField] = ["external_id", "status", "usage"]
    async with AsyncClient(address, TOKEN) as client:
        found = [each async for each in client.executions(fields=fields, limit=2)]
        assert [each.external_id for each in found] == ["run-4", "run-3", "run-2", "run-1"]
        assert {(each.status is None, each.usage is None, each.id) for each in found} == {(False, False, None)}
        assert [each async for each in client.executions(label={"prd": "8", "graph_id": "g"}, tag=["a,b"])] == []
        (first,) = [each async for each in client.executions(label={"prd": "8", "graph_id": "g"}, payloads=True)]
        assert (first.external_id, first.output) == ("run-1", {"a": 1})
        async for said in client.stream(fields=["external_id"], limit=1):
            assert said.execution is not None
            assert (said.execution.external_id, said.execution.status) == ("run-4", None)
            break


async def test_what_the_api_refuses_is_raised_with_what_it_says(office: Desk, address: str) -> None:
    async with AsyncClient(address, TOKEN) as client:
        with pytest.raises(ProblemError) as missing:
            await client.execution("no/such")
        assert (missing.value.name, missing.value.status) == ("not-found", 404)
        with pytest.raises(ProblemError) as wrong:
            _ = [each async for each in client.executions(status="odd", no=1)]  # type: ignore[call-overload]
        assert {error["parameter"] for error in wrong.value.errors} == {"status", "no"}
        with pytest.raises(ProblemError) as unknown:
            _ = [each async for each in client.stream_execution("nothing")]
        assert unknown.value.name == "not-found"
    async with AsyncClient(address, "nonsense") as stranger:
        with pytest.raises(ProblemError) as refused:
            _ = [each async for each in stranger.stream()]
        assert refused.value.name == "unauthenticated"


async def test_a_program_without_an_event_loop_waits_and_follows(office: Desk, address: str) -> None:
    topic = Topic()
    await office.record(topic.add(event()))

    follows = threading.Event()

    def follow() -> list[str]:
        seen = []
        with Client(address, TOKEN) as client:
            for each in client.stream_execution("run-1"):
                seen.append(each.kind)
                if each.kind == "execution":
                    follows.set()
        return seen

    def wait(seconds: float) -> str:
        with Client(address, TOKEN) as client:
            return client.wait("run-1", timeout=seconds).status

    with pytest.raises(TimeoutError):
        await asyncio.to_thread(wait, 0.2)
    following = asyncio.create_task(asyncio.to_thread(follow))
    waiting = asyncio.create_task(asyncio.to_thread(wait, 20))
    await asyncio.to_thread(follows.wait, 20)
    await office.record(topic.add(event("execution.failed", at=1)))
    assert await following == ["event", "execution", "event", "execution", "end"]
    assert await waiting == "failed"


async def test_a_stream_goes_on_over_another_connection(office: Desk) -> None:
    """The service is stopped and started while it is followed."""
    topic = Topic()
    seen: list[StreamEvent[Execution]] = []

    async def follow(client: AsyncClient) -> None:
        async for each in client.stream(limit=0):
            seen.append(each)
            if len(seen) == 3:
                return

    async with served(office.dsn) as first:
        address = str(first.base_url)
        client = AsyncClient(address, TOKEN)
        following = asyncio.create_task(follow(client))
        await asyncio.sleep(0.5)
        await office.record(topic.add(event(subject="run-1")))
        await asyncio.sleep(0.5)
    await office.record(topic.add(event(subject="run-2")))
    async with served(office.dsn, port=int(address.rstrip("/").rpartition(":")[2])):
        await office.record(topic.add(event(subject="run-3")))
        async with asyncio.timeout(20):
            await following
    await client.close()
    assert [each.execution.external_id for each in seen if each.execution] == ["run-1", "run-2", "run-3"]


TEXT = (
    ': hello\n\nretry: 100\n\nevent: reset\ndata: {"type":"a","reason":"é\u2028"}\nid: 1\n\n'
    ': \nid: 2\n\nevent: other\ndata: 1\n\nevent: dropped\ndata: {"type":"x:slow-client","reason":"b"}\n\n'
)


@given(st.lists(st.integers(1, 30), min_size=1), st.sampled_from(["\n", "\r\n"]))
def test_a_stream_is_read_alike_in_whatever_pieces_it_comes(sizes: list[int], end: str) -> None:
    place, text = Place(Execution, None), TEXT.replace("\n", end).encode()
    found: list[StreamEvent[Execution]] = []
    while text:
        for size in sizes:
            found += place.take(text[:size])
            text = text[size:]
    assert [(each.kind, each.id, each.reason) for each in found] == [("reset", "1", "é\u2028")]
    assert (place.last_event_id, place.retry_seconds) == ("2", 0.1)
