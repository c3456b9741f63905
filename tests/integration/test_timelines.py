"""How an execution went, and who belongs to it: over HTTP, of what a real recorder has recorded."""

import io
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from rich.console import Console

from command_line import execledger
from execledger import explained
from execledger.finding import found
from execledger.timeline import draw, read
from execledger_query.caller import EVERYTHING, Caller, Role
from execledger_query.execution import log, routes
from execledger_query.execution.explanations import explanation_of
from execledger_query.sql import statement
from execledger_query.store import Options, Store
from factories_query import bearing, ledger
from factories_recorder import Desk, Row, Topic, desk, event, history

RITA, PAULA = bearing("rita", "default", "reader"), bearing("paula", "default", "reader", "payloads")
ANN = bearing("ann", "default")


def step(type_: str, at: float, step_id: str, error: Any = None, **said: Any) -> Row:
    data: dict[str, Any] = {"error": error, "input": said.pop("input", None), "step": {"id": step_id, **said}}
    return event(f"step.{type_}", data, at=at, subject="looped")


def looped() -> list[Row]:
    """A loop whose second item fails, in a phase; and a step that nobody ended."""
    item: dict[str, Any] = {"parent_id": "phase", "total_items": 3, "name": "Item"}
    error = {"message": "no such page", "type": "HTTPError", "stack": "at fetch"}
    start = {"parent_execution_id": "boss", "root_execution_id": "boss", "owner": {"id": "ann"}}
    return [
        event("execution.created", start, subject="looped"),
        event("execution.started", at=1, subject="looped"),
        step("started", 2, "phase"),
        step("started", 3, "item", iteration=1, **item),
        step("completed", 4, "item", iteration=1, **item),
        step("started", 6, "item", iteration=2, input={"page": 2}, **item),
        step("failed", 7, "item", error, iteration=2, **item),
        step("failed", 8, "phase", {"message": "an item failed"}),
        step("started", 9, "left open"),
        event("execution.failed", at=10, subject="looped"),
    ]


@pytest.fixture
async def recorder(database: str) -> AsyncIterator[Desk]:
    async with desk(database) as opened:
        family = [
            event(data={"workflow": {"id": "wf"}, "owner": {"id": "ann"}}, subject="boss"),
            event(data={"parent_execution_id": "looped", "root_execution_id": "boss"}, at=20, subject="second"),
            event(data={"parent_execution_id": "looped", "owner": {"id": "ann"}}, at=15, subject="first"),
            event("llm.called", {"total_tokens": 3, "prompt_tokens": 3, "cost_usd": "0.5"}, at=21, subject="second"),
        ]
        await opened.record(Topic().add(*history(), *looped(), *family))
        yield opened


@pytest.mark.usefixtures("recorder")
async def test_a_timeline_tells_how_it_went_and_where_it_failed(client: httpx2.AsyncClient) -> None:
    told = (await client.get("/v1/executions/looped/timeline?include=payloads", headers=PAULA)).json()
    shown = (await client.get("/v1/executions/looped?include=payloads", headers=PAULA)).json()
    assert told["execution"] == shown
    assert told["attempts"] == [
        {
            "attempt": 1,
            "status": "failed",
            "started_at": "2026-03-01T12:00:01.123Z",
            "ended_at": "2026-03-01T12:00:10.123Z",
        }
    ]
    lies = ("step_id", "iteration", "depth", "offset_ms", "gap_before_ms", "unexpected_end")
    assert [tuple(each[name] for name in lies) for each in told["steps"]] == [
        ("phase", None, 0, 1000, 1000, False),
        ("item", 1, 1, 2000, 0, False),
        ("item", 2, 1, 5000, 0, False),
        ("left open", None, 0, 8000, 1000, True),
    ]
    listed = (await client.get("/v1/executions/looped/steps?include=payloads", headers=PAULA)).json()["items"]
    assert [{name: each[name] for name in listed[0]} for each in told["steps"]] == listed
    assert told["failing"] == {
        "step_id": "item",
        "name": "Item",
        "iteration": 2,
        "total_items": 3,
        "attempt": 1,
        "try_number": 1,
        "input": {"page": 2},
        "error": {"message": "no such page", "type": "HTTPError", "stack": "at fetch"},
    }
    assert [(each["step_id"], each["iteration"], each["duration_ms"]) for each in told["slowest"]] == [
        ("phase", None, 6000),
        ("item", 1, 1000),
        ("item", 2, 1000),
    ]
    assert [(gap["from"], gap["to"], gap["ms"]) for gap in told["gaps"]] == [
        ("2026-03-01T12:00:01.123Z", "2026-03-01T12:00:02.123Z", 1000),
        ("2026-03-01T12:00:08.123Z", "2026-03-01T12:00:09.123Z", 1000),
    ]
    assert (told["parent"]["external_id"], told["parent"]["workflow"]["id"]) == ("boss", "wf")
    assert told["root"] == told["parent"]
    assert [(child["external_id"], child["status"]) for child in told["children"]] == [
        ("first", "running"),
        ("second", "running"),
    ]
    assert told["has_more_children"] is False


@pytest.mark.usefixtures("recorder")
async def test_a_timeline_has_all_attempts_and_of_no_relatives_none(client: httpx2.AsyncClient) -> None:
    told = (await client.get("/v1/executions/run-1/timeline", headers=RITA)).json()
    assert [(each["attempt"], each["status"]) for each in told["attempts"]] == [(1, "failed"), (2, "completed")]
    assert [each["attempt"] for each in told["steps"]] == [1, 1, 2]
    assert (told["failing"], told["parent"], told["children"]) == (None, None, [])
    assert told["root"]["external_id"] == "run-1"
    assert not {"input", "output", "result"} & told["execution"].keys()


@pytest.mark.usefixtures("recorder")
async def test_without_the_right_to_payloads_the_failing_step_says_its_error_alone(client: httpx2.AsyncClient) -> None:
    told = (await client.get("/v1/executions/looped/timeline", headers=RITA)).json()
    assert (told["failing"]["input"], told["failing"]["error"]["stack"]) == (None, None)
    assert told["failing"]["error"]["message"] == "no such page"
    assert (await client.get("/v1/executions/looped/timeline?include=payloads", headers=RITA)).status_code == 403


@pytest.mark.usefixtures("recorder")
async def test_an_owner_sees_only_its_own_relatives(client: httpx2.AsyncClient) -> None:
    told = (await client.get("/v1/executions/looped/timeline", headers=ANN)).json()
    assert [child["external_id"] for child in told["children"]] == ["first"]
    assert (await client.get("/v1/executions/second/timeline", headers=ANN)).status_code == 404
    tree = (await client.get("/v1/executions/looped/tree", headers=ANN)).json()
    assert [each["external_id"] for each in tree["executions"]] == ["boss", "looped"]


@pytest.mark.usefixtures("recorder")
async def test_a_timeline_of_very_many_steps_is_refused_with_what_to_do(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "_MOST_STEPS", 2)
    refused = await client.get("/v1/executions/looped/timeline", headers=RITA)
    assert (refused.status_code, refused.json()["type"]) == (504, "urn:execledger:problem:too-slow")
    assert "as=columns" in refused.json()["detail"]


@pytest.mark.usefixtures("recorder")
async def test_a_tree_comes_page_by_page_by_start_with_figures(client: httpx2.AsyncClient) -> None:
    found, cursor = [], ""
    while True:
        page = (await client.get(f"/v1/executions/looped/tree?limit=1{cursor}", headers=RITA)).json()
        assert page["root"]["external_id"] == "boss"
        found += page["executions"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [(each["external_id"], each["parent_execution_id"]) for each in found] == [
        ("boss", None),
        ("looped", "boss"),
        ("second", "looped"),
    ]
    assert (found[2]["total_tokens"], found[2]["cost_usd"], found[2]["ended_at"]) == (3, "0.5", None)
    alone = (await client.get("/v1/executions/run-1/tree", headers=RITA)).json()
    assert [each["external_id"] for each in alone["executions"]] == ["run-1"]


async def test_show_draws_steps_in_each_other_calls_children_and_stacks_in_80_columns(recorder: Desk) -> None:
    said = event("tool.called", {"step_id": "item", "tool_name": "search"}, at=6.5, subject="looped")
    ended = event("execution.failed", {"error": {"message": "gave up", "stack": "at boss"}}, at=11, subject="looped")
    topic = Topic("more")
    await recorder.record(topic.add(said, ended, event(data={"query": "find it"}, at=12, subject="looped")))
    drawn = await drawn_of(recorder, "looped")
    for line in (
        r"  id +[0-9a-f-]{36}",
        r"  query +find it",
        r"  parent +boss",
        r"  phase +failed +\+1.0 s +6.0 s +━+",
        r"    Item \(item\) item 1 of 3  1 tool.* completed .*",
        r"    Item \(item\) item 2 of 3 +failed .*",
        r"  left open +failed +\+8.0 s .*",
        r"children",
        r"  first +running.*",
        r". at fetch .*",
        r". at boss .*",
    ):
        assert re.search(f"^{line} *$", drawn, re.MULTILINE), (line, drawn)
    assert drawn.index("failed at Item (item) item 2 of 3, attempt 1") < drawn.index("at fetch")


async def test_what_is_shown_and_explained_fits_80_columns(recorder: Desk) -> None:
    long = {"id": "a-rather-long-step-id-of-some-orchestrator-or-other", "name": "A step with a rather long name " * 3}
    deep = [
        event("step.started", {"step": {"id": f"s{n}", "parent_id": f"s{n - 1}"}}, at=n, subject="deep")
        for n in range(40)
    ]
    started = event(data={"query": "word " * 99, "workflow": {"name": "w" * 90}}, subject="deep")
    child = event(data={"parent_execution_id": "deep", "workflow": {"name": "w" * 90}}, subject="child-" * 20)
    await recorder.record(
        Topic("more").add(started, *deep, event("step.failed", {"step": long}, subject="deep"), child)
    )
    for run in ("deep", "run-1"):
        for text in (await drawn_of(recorder, run), await explained_of(recorder, run)):
            assert max(map(len, text.splitlines())) <= 80, text
    assert "deciding event" in " ".join((await explained_of(recorder, "run-1")).split())


async def drawn_of(recorder: Desk, name: str) -> str:
    out = io.StringIO()
    async with found(recorder.dsn, name, None, "show") as (reader, row):
        draw(await read(reader, row), Console(file=out, width=80, highlight=False))
    return out.getvalue()


async def explained_of(recorder: Desk, name: str) -> str:
    out = io.StringIO()
    async with found(recorder.dsn, name, None, "explain") as (reader, row):
        told = explanation_of(await log.read(reader, row, with_payloads=True))
    explained.draw(name, told, Console(file=out, width=80, highlight=False))
    return out.getvalue()


async def test_an_execution_is_found_by_what_it_alone_begins_with(recorder: Desk) -> None:
    internal = str(await recorder.value("SELECT id FROM execledger.executions WHERE external_id = 'looped'"))
    for prefix in ("looped", "loop", internal, internal[:35], internal.upper()[:35]):
        for command in ("show", "explain"):
            told = await execledger(command, prefix, postgres_dsn=recorder.dsn)
            assert (told.status, "looped" in told.out) == (0, True), (command, prefix, told.err)
    several = await execledger("show", "run-", postgres_dsn=recorder.dsn)
    said = "execledger: several executions begin with 'run-': run-1, run-2, run-3, run-4\n"
    assert (several.status, several.err) == (1, said)
    whole = await execledger("show", "run-1", postgres_dsn=recorder.dsn)
    assert whole.status == 0
    for missing in ("", "oop", "loop%"):
        told = await execledger("show", missing, postgres_dsn=recorder.dsn)
        assert (told.status, told.err) == (1, f"execledger: there is no execution {missing!r}\n")


async def test_children_are_read_from_their_index(database: str) -> None:
    async with ledger(database) as rows:
        await rows.execution(parent_execution_id="boss")
    for who in (EVERYTHING, Caller("x", "acme", frozenset({Role.READER})), Caller("x", "acme")):
        async with Store.open(Options(database)) as store, store.reading(who) as reader:
            await reader._rows("SET LOCAL enable_seqscan = off")  # one row is read the quickest by reading all
            plan = await reader._rows(f"EXPLAIN {statement('children')}", 9, "acme", "boss")
            said = "\n".join(row["QUERY PLAN"] for row in plan)
            assert re.search("Index Cond: .*parent_execution_id", said), said
            assert "->  Sort" not in said
