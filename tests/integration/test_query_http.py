"""What the routes answer."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from execledger_query import views
from execledger_query.app import create_app
from execledger_recorder.duties.rollups import settle
from execledger_recorder.store import Store
from execledger_recorder.store.migrations import known
from execledger_runtime.listener import listening
from factories_query import NOON, Ledger, bearing, ledger, serving, settings_of, token

READER = bearing("rita", "acme", "reader")


@pytest.fixture
async def rows(database: str) -> AsyncIterator[Ledger]:
    async with ledger(database) as opened:
        yield opened


async def test_an_execution_has_the_shape_that_is_promised(rows: Ledger, client: httpx2.AsyncClient) -> None:
    execution = await rows.execution(
        external_id="run-1", owner_id="ann", labels={"venture": "v"}, tags=["a"], metadata={"deep": {"n": None}},
        cost_usd=Decimal("0.012500000"), total_tokens=10, token_limit=100, cost_limit_usd=Decimal("1.00"),
        budget_scope="tree",
    )  # fmt: skip
    shown = (await client.get("/v1/executions/run-1", headers=READER)).json()
    assert list(shown) == [name for name in views.EXECUTION_FIELDS if name not in views.PAYLOAD_FIELDS]
    assert shown["id"] == str(execution)
    assert shown["created_at"] == "2026-03-01T12:00:00.123Z"
    assert shown["usage"]["cost_usd"] == "0.0125"
    assert shown["budget"] == {
        "token_limit": 100,
        "cost_limit_usd": "1",
        "scope": "tree",
        "consumed_tokens": 10,
        "consumed_cost_usd": "0.0125",
    }
    assert (shown["tags"], shown["labels"], shown["metadata"]) == (["a"], {"venture": "v"}, {"deep": {"n": None}})
    listed = (await client.get("/v1/executions", headers=READER)).json()
    assert listed == {"items": [shown], "next_cursor": None}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "edcba"),
        ("status=failed", "ed"),
        ("status=FAILED&status=canceled", "edc"),
        ("status=failed,Cancelled", "edc"),
        ("status[]=failed&status[]=cancelled", "edc"),
        ("workflow_id=flow", "eb"),
        ("workflow_id=flow&status=failed", "e"),
        ("owner_id=bob", "db"),
        ("external_id=c", "c"),
        ("external_id=nothing", ""),
        ("started_after=2026-03-01T14:00:00Z", "edc"),
        ("started_before=2026-03-01T14:00:00Z", "ba"),
        ("started_after=2026-03-01T13:00:00%2B00:00&started_before=2026-03-01T15:00:00Z", "cb"),
        ("limit=2", "ed"),
    ],
)
async def test_a_list_is_narrowed_by_its_filters(
    rows: Ledger, client: httpx2.AsyncClient, query: str, found: str
) -> None:
    statuses = ("pending", "running", "cancelled", "failed", "failed")
    for hour, (name, status) in enumerate(zip("abcde", statuses, strict=True)):
        at = NOON.replace(microsecond=0) + timedelta(hours=hour)
        await rows.execution(
            external_id=name, status=status, created_at=at, started_at=at,
            owner_id="bob" if name in "bd" else "ann", workflow_id="flow" if name in "be" else None,
        )  # fmt: skip
    answer = await client.get(f"/v1/executions?{query}", headers=READER)
    assert "".join(item["external_id"] for item in answer.json()["items"]) == found


@pytest.mark.parametrize("query", ["", "status=running,failed"])
async def test_cursors_walk_every_row_once_while_others_arrive(
    rows: Ledger, client: httpx2.AsyncClient, query: str
) -> None:
    """Several share their time to the microsecond; newer and older ones are written while somebody walks."""
    there = {str(await rows.execution(created_at=NOON - timedelta(seconds=number // 4))) for number in range(23)}
    walked: list[str] = []
    cursor = ""
    while True:
        answer = (await client.get(f"/v1/executions?limit=4&{query}{cursor}", headers=READER)).json()
        walked += [item["id"] for item in answer["items"]]
        await rows.execution(created_at=NOON + timedelta(hours=len(walked)))
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert len(walked) == len(set(walked))
    assert set(walked) == there


async def test_steps_and_events_are_paged_in_their_order(rows: Ledger, client: httpx2.AsyncClient) -> None:
    execution = await rows.execution(external_id="run-1", attempt=2)
    for number in (3, 1, 2):
        for loop, attempt, try_number in ((None, 1, 1), (0, 1, 1), (0, 1, 2), (0, 2, 1)):
            said = {"iteration": loop, "attempt": attempt, "try_number": try_number, "first_event_at": NOON}
            await rows.step(execution, f"s{number}", **said)
    for attempt, second, sequence, rank in ((2, 0, None, 0), (1, 5, 2, 0), (1, 5, None, 9), (1, 5, 2, 1), (1, 0, 7, 0)):
        at = NOON + timedelta(seconds=second)
        await rows.event(execution, attempt=attempt, occurred_at=at, sequence=sequence, rank=rank)
    steps = await _walk(client, "/v1/executions/run-1/steps?limit=2")
    assert [(step["step_id"], step["iteration"], step["attempt"], step["try_number"]) for step in steps] == [
        (f"s{number}", *rest) for number in (1, 2, 3) for rest in ((None, 1, 1), (0, 1, 1), (0, 1, 2), (0, 2, 1))
    ]
    events = await _walk(client, "/v1/executions/run-1/events?limit=2")
    assert [(event["attempt"], event["sequence"]) for event in events] == [(2, None), (1, 7), (1, None), (1, 2), (1, 2)]
    assert list(steps[0]) == list(views.Step.model_fields)
    assert list(events[0]) == list(views.Event.model_fields)


@pytest.fixture
async def talkative(rows: Ledger) -> UUID:
    """Ann's failed execution: one event says its input, another the rest; and a tool call."""
    started, failed = UUID(int=1), UUID(int=2)
    execution = await rows.execution(
        external_id="ann-run", owner_id="ann", status="failed", error_message="boom", error_type="ValueError",
        input_event_id=started, output_event_id=failed, result_event_id=failed, error_event_id=failed,
    )  # fmt: skip
    await rows.event(execution, "execution.started", {"input": {"secret": 1}, "query": "q"}, event_id=started)
    ending = {
        "output": ["secret"],
        "result": "secret",
        "error": {"message": "boom", "type": "ValueError", "stack": "secret"},
    }
    await rows.event(execution, "execution.failed", ending, event_id=failed, rank=9)
    call = {"tool_name": "search", "input": "secret", "output": "secret", "error": "refused"}
    await rows.event(execution, "tool.called", call, rank=5)
    await rows.step(execution, input_event_id=started, error_event_id=failed, error_message="boom")
    return execution


ROUTES = ("/v1/executions", *(f"/v1/executions/ann-run{part}" for part in ("", "/steps", "/events", "/explain")))


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    ("who", "status"),
    [
        (bearing("ann", "acme"), 200),
        (bearing("ann", "acme", "payloads"), 200),
        (bearing("rita", "acme", "reader", "payloads"), 200),
        (bearing("rita", "ops", "admin", "payloads"), 200),
        (bearing("rita", "acme", "reader"), 403),
        (bearing("rita", "acme", "service"), 403),
        (bearing("ann", "ops", "admin"), 403),
    ],
)
@pytest.mark.usefixtures("talkative")
async def test_payloads_are_shown_when_asked_for_to_whom_they_belong(
    client: httpx2.AsyncClient, path: str, who: dict[str, str], status: int
) -> None:
    plain = await client.get(path, headers=who)
    assert plain.status_code == 200
    assert "secret" not in plain.text
    whole = await client.get(f"{path}?include=payloads", headers=who)
    assert whole.status_code == status
    assert ("secret" in whole.text) == (status == 200)
    if status == 403:
        assert whole.json()["type"] == "urn:execledger:problem:forbidden"


@pytest.mark.usefixtures("talkative")
async def test_payloads_are_whole(client: httpx2.AsyncClient) -> None:
    who = bearing("ann", "acme")
    shown = (await client.get("/v1/executions/ann-run?include=payloads", headers=who)).json()
    assert (shown["input"], shown["output"], shown["result"]) == ({"secret": 1}, ["secret"], "secret")
    assert shown["error"] == {"message": "boom", "type": "ValueError", "stack": "secret"}
    step = (await client.get("/v1/executions/ann-run/steps?include=payloads", headers=who)).json()["items"][0]
    assert (step["input"], step["output"], step["error"]["stack"]) == ({"secret": 1}, None, "secret")
    events = (await client.get("/v1/executions/ann-run/events", headers=who)).json()["items"]
    assert [event["data"] for event in events] == [
        {"query": "q"},
        {"tool_name": "search", "error": "refused"},
        {"error": {"message": "boom", "type": "ValueError"}},
    ]


async def test_events_are_shown_whatever_their_error_is_and_whatever_their_numbers(
    rows: Ledger, client: httpx2.AsyncClient
) -> None:
    execution = await rows.execution(external_id="run-1")
    for number, data in enumerate(
        [
            {"error": ["secret"], "input": "secret"},
            {"error": {"stack": "secret"}},
            {"output": "secret"},
            {"error": {"message": "boom", "stack": "secret", "code": "secret"}, "stack": "secret", "secret": {}},
            {"error": "boom", "reason": {"secret": 1}, "duration_ms": ["secret"]},
            ["secret"],
            "secret",
        ]
    ):
        await rows.event(execution, "com.acme.run.failed", data, sequence=number)
    await rows.event(execution, "run.failed", sequence=9)
    fine = '{"id": "e", "source": "s", "data": {"duration_ms": 1e-20000, "cache_hits": 0.%s, "result": "secret"}}'
    await rows.connection.execute(
        "UPDATE execledger.execution_events SET raw = $1 WHERE sequence = 9", fine % ("3" * 20_000)
    )
    shown = [
        event["data"] for event in (await client.get("/v1/executions/run-1/events", headers=READER)).json()["items"]
    ]
    assert shown == [
        {},
        {"error": {}},
        {},
        {"error": {"message": "boom"}},
        {"error": "boom"},
        None,
        None,
        {"duration_ms": 0.0, "cache_hits": pytest.approx(1 / 3)},
    ]


@pytest.mark.parametrize("data", [{"secret": 1}, {"query": "secret"}, ["secret"], "secret", None])
async def test_all_that_an_unknown_type_says_is_a_payload(rows: Ledger, client: httpx2.AsyncClient, data: Any) -> None:
    execution = await rows.execution(external_id="run-1")
    await rows.event(execution, "agent.thinking", data)
    await rows.connection.execute(
        """UPDATE execledger.execution_events SET raw = '{"id": "e", "source": "s", "data_base64": "c2VjcmV0"}'
           WHERE json_typeof(raw -> 'data') = 'null'"""
    )
    path = "/v1/executions/run-1/events"
    assert [event["data"] for event in (await client.get(path, headers=READER)).json()["items"]] == [None]
    who = bearing("rita", "acme", "reader", "payloads")
    whole = (await client.get(f"{path}?include=payloads", headers=who)).json()["items"]
    assert [event["data"] for event in whole] == [data or "c2VjcmV0"]
    assert [event["data_encoding"] for event in whole] == [None if data else "base64"]


@pytest.mark.usefixtures("talkative")
async def test_a_reader_may_list_their_own_with_payloads(client: httpx2.AsyncClient) -> None:
    ann = bearing("ann", "acme", "reader")
    assert (await client.get("/v1/executions?include=payloads&owner_id=ann", headers=ann)).status_code == 200
    assert (await client.get("/v1/executions?include=payloads", headers=ann)).status_code == 403


@pytest.mark.usefixtures("talkative")
async def test_only_the_fields_asked_for_are_shown(client: httpx2.AsyncClient) -> None:
    who = bearing("ann", "acme")
    listed = await client.get("/v1/executions?fields=status,external_id", headers=who)
    assert listed.json()["items"] == [{"external_id": "ann-run", "status": "failed"}]
    assert (await client.get("/v1/executions?fields=input", headers=who)).status_code == 400
    whole = await client.get("/v1/executions?fields=input&include=payloads", headers=who)
    assert whole.json()["items"] == [{"input": {"secret": 1}}]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("status=purple", "status"),
        ("status=skipped", "status"),
        ("started_after=yesterday", "started_after"),
        ("started_before=2026-03-01T12:00:00", "started_before"),
        ("started_after=0001-01-01T00:00:00%2B14:00", "started_after"),
        ("workflow=flow", "workflow"),
        ("include=everything", "include"),
        ("fields=password", "fields"),
        ("fields=output", "fields"),
        ("external_id=", "external_id"),
        ("external_id=" + "x" * 256, "external_id"),
        ("workflow_id=%00", "workflow_id"),
    ],
)
async def test_a_parameter_that_is_not_as_it_should_be_is_named(
    client: httpx2.AsyncClient, query: str, parameter: str
) -> None:
    answer = await client.get(f"/v1/executions?{query}", headers=READER)
    assert _problem(answer) == (400, "invalid-parameter")
    assert [fault["parameter"] for fault in answer.json()["errors"]] == [parameter]


async def test_unknown_parameters_are_refused_on_every_route(rows: Ledger, client: httpx2.AsyncClient) -> None:
    await rows.execution(external_id="run-1")
    executions = [f"executions{path}" for path in ("", "/run-1", "/run-1/steps", "/run-1/events", "/run-1/explain")]
    for path in (*executions, "ledger", "dead-letters", "dead-letters/1"):
        answer = await client.get(f"/v1/{path}?wrong=1", headers=bearing("op", "default", "service"))
        assert _problem(answer) == (400, "invalid-parameter")


@pytest.mark.parametrize("name", ["x" * 256, "%00"])
async def test_an_id_that_cannot_be_one_is_refused(client: httpx2.AsyncClient, name: str) -> None:
    assert _problem(await client.get(f"/v1/executions/{name}", headers=READER)) == (400, "invalid-parameter")


async def test_a_cursor_of_another_list_is_refused(rows: Ledger, client: httpx2.AsyncClient) -> None:
    for number in range(2):
        execution = await rows.execution(external_id=f"run-{number}")
        for _ in range(2):
            await rows.event(execution)
    cursor = (await client.get("/v1/executions?limit=1", headers=READER)).json()["next_cursor"]
    of_events = (await client.get("/v1/executions/run-0/events?limit=1", headers=READER)).json()["next_cursor"]
    for path in (
        f"/v1/executions?status=failed&cursor={cursor}",
        "/v1/executions?cursor=nonsense",
        f"/v1/executions?cursor={cursor[:-2]}",
        f"/v1/executions?cursor={of_events}",
        f"/v1/executions/run-1/events?cursor={of_events}",
        f"/v1/executions/run-0/steps?cursor={of_events}",
    ):
        assert _problem(await client.get(path, headers=READER)) == (400, "invalid-cursor"), path
    same = await client.get(f"/v1/executions?limit=200&fields=id&cursor={cursor}", headers=READER)
    assert same.status_code == 200


async def test_who_says_not_who_they_are_is_asked(client: httpx2.AsyncClient) -> None:
    for headers in ({}, {"Authorization": "Basic YTpi"}):
        answer = await client.get("/v1/executions?wrong=1", headers=headers)
        assert _problem(answer) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
    bad = await client.get("/v1/executions", headers={"Authorization": f"Bearer {token(secret='x' * 40)}"})
    assert _problem(bad) == (401, "unauthenticated")
    assert bad.headers["www-authenticate"].startswith('Bearer error="invalid_token"')


async def test_anonymous_reads_the_default_tenant(database: str, rows: Ledger) -> None:
    await rows.execution(tenant_id="default", external_id="open")
    await rows.execution(tenant_id="acme")
    async with serving(database, insecure_anonymous=True) as client:
        listed = await client.get("/v1/executions")
        assert [item["external_id"] for item in listed.json()["items"]] == ["open"]
        assert (await client.get("/v1/executions?include=payloads")).status_code == 403


async def test_anonymous_reading_is_not_for_pages_whose_name_leads_here(database: str) -> None:
    async with serving(database, insecure_anonymous=True) as client:
        for path in ("/v1/executions", "/metrics", "/healthz"):
            refused = await client.get(path, headers={"Host": "evil.test:8080"})
            assert _problem(refused) == (403, "forbidden")
            assert (await client.get(path, headers={"Host": "127.0.0.1:8080"})).status_code == 200
    async with serving(database) as client:
        assert (await client.get("/v1/executions", headers={**READER, "Host": "execledger.test"})).status_code == 200


async def test_an_answer_without_its_age_is_worth_more_than_none(
    database: str, rows: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rows.ends()

    async def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("execledger_query.store.Reader.lag", broken)
    with capture_logs() as lines:
        async with serving(database) as client:
            for _ in range(3):
                answer = await client.get("/v1/executions", headers=READER)
                assert (answer.status_code, answer.headers.get("execledger-lag-seconds")) == (200, None)
    assert [line["event"] for line in lines].count("freshness_failed") == 1


async def test_a_look_at_the_figures_that_fails_is_said_and_not_the_last(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    async def figures(*_: Any) -> Any:
        looks.append(1)
        if len(looks) < 3:
            raise ZeroDivisionError
        return [], [], {"oldest_seconds": None, "paused": 0}

    monkeypatch.setattr("execledger_query.store.Reader.figures", figures)
    with capture_logs() as lines:
        async with serving(database, metrics_interval_seconds=0.01) as client:
            await _figures(client, "execledger_executions_oldest_running_seconds")
    assert len(looks) >= 3
    assert [line["event"] for line in lines].count("figures_failed") == 1


async def test_what_is_not_served_is_said_in_the_same_shape(client: httpx2.AsyncClient) -> None:
    assert _problem(await client.get("/v2")) == (404, "not-found")
    assert _problem(await client.get("/v1/executions/", headers=READER)) == (404, "not-found")
    refused = await client.post("/v1/executions", headers=READER)
    assert _problem(refused) == (405, "method-not-allowed")
    assert refused.headers["allow"] == "GET"
    large = await client.request("GET", "/v1/executions", headers=READER, content=b"x" * 70_000)
    assert _problem(large) == (413, "too-large")


async def test_a_body_that_does_not_say_its_size_is_taken_no_further_than_any(client: httpx2.AsyncClient) -> None:
    taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(50):
            taken += 1
            yield b"x" * 10_000

    headers = {**bearing("sam", "acme", "service"), "Content-Type": "application/json"}
    large = await client.post("/v1/executions/run-1/cancel", headers=headers, content=pieces())
    assert _problem(large) == (413, "too-large")
    assert large.headers["connection"] == "close"
    assert taken == 7  # the seventh is the one too many


async def test_a_statement_that_takes_too_long_is_stopped(database: str, rows: Ledger) -> None:
    await rows.execution()
    async with serving(database, query_statement_timeout_seconds=0.3) as client, rows.connection.transaction():
        await rows.connection.execute("LOCK execledger.executions")
        answer = await client.get("/v1/executions", headers=READER)
        assert _problem(answer) == (504, "too-slow")


async def test_a_bug_is_not_shown_to_the_client(client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("execledger_query.store.executions.executions_statement", broken)
    answer = await client.get("/v1/executions", headers=READER)
    assert _problem(answer) == (500, "internal")
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text


async def test_every_answer_says_how_fresh_it_is(database: str, rows: Ledger) -> None:
    async def lag() -> float | None:
        async with serving(database) as client:
            answer = await client.get("/v1/executions", headers=READER)
            said = answer.headers.get("execledger-lag-seconds")
            return None if said is None else float(said)

    assert await lag() is None
    await rows.ends()
    assert await lag() == 0
    await rows.ends(waiting=timedelta(seconds=30), partition=1)
    assert await lag() == pytest.approx(30, abs=3)
    await rows.connection.execute("UPDATE execledger.ledger_ends SET observed_at = now() - interval '90 s'")
    assert await lag() == pytest.approx(90, abs=3)


async def test_a_topic_that_is_no_longer_read_makes_nothing_older(database: str, rows: Ledger) -> None:
    await rows.ends(topic="abandoned", observed=timedelta(days=9))
    await rows.ends(topic="mine")
    async with serving(database, events_topic="mine") as client:
        assert (await client.get("/v1/executions", headers=READER)).headers["execledger-lag-seconds"] == "0"


async def test_a_refusal_says_so_too(rows: Ledger, client: httpx2.AsyncClient) -> None:
    await rows.ends()
    for path, headers in (("/v1/executions", {}), ("/v1/executions/none", READER), ("/v1/nothing", {})):
        assert (await client.get(path, headers=headers)).headers["execledger-lag-seconds"] == "0"


async def test_metrics_are_computed_from_the_database(database: str, rows: Ledger) -> None:
    for number, (workflow, status, milliseconds) in enumerate(
        [
            ("big", "completed", 90),
            ("big", "completed", 130),
            ("big", "failed", 90_000_000),
            ("big", "running", None),
            ("small", "completed", 5),
            ("tiny", "cancelled", 0),
            (None, "completed", None),
        ]
    ):
        said = {"status": status, "killed_by_budget": status == "cancelled", "duration_ms": milliseconds}
        id_ = await rows.execution(external_id=str(number), workflow_id=workflow, cost_usd=Decimal("0.5"), **said)
        await rows.step(id_, status="failed" if status == "failed" else "completed")
    await rows.connection.execute(
        "INSERT INTO execledger.rollup_marks SELECT 'acme', 'hour', date_trunc('hour', $1::timestamptz, 'UTC')", NOON
    )
    async with Store(database) as store:
        await settle(store)
    async with serving(database, metrics_interval_seconds=0.1, metrics_top_workflows=1) as client:
        await client.get("/v1/executions", headers=READER)
        figures = await _figures(client, "execledger_executions")
    executions = {
        (labels["status"], labels["workflow"]): value for _, labels, value in figures["execledger_executions"]
    }
    assert {labels: count for labels, count in executions.items() if count} == {
        ("completed", "big"): 2,
        ("failed", "big"): 1,
        ("running", "big"): 1,
        ("completed", "other"): 1,
        ("cancelled", "other"): 1,
        ("completed", ""): 1,
    }
    assert ("running", "big") not in {
        (labels["status"], labels["workflow"]) for _, labels, _ in figures["execledger_executions_finished"]
    }
    durations = {
        (name.removeprefix("execledger_execution_duration_seconds_"), labels["workflow"], labels.get("le")): value
        for name, labels, value in figures["execledger_execution_duration_seconds"]
    }
    assert durations["bucket", "big", "0.1"] == 1
    assert durations["bucket", "big", "0.5"] == 2
    assert durations["bucket", "big", "86400.0"] == 2
    assert durations["bucket", "big", "+Inf"] == durations["count", "big", None] == 3
    assert durations["sum", "big", None] == pytest.approx(90_000.220)
    assert durations["count", "other", None] == 2
    assert ("count", "", None) not in durations
    killed = figures["execledger_executions_killed_by_budget"]
    assert {labels["workflow"]: value for _, labels, value in killed} == {"big": 0, "other": 1, "": 0}
    assert figures["execledger_executions_oldest_running_seconds"][0][2] > 0
    assert sum(value for _, _, value in figures["execledger_executions_cost_usd"]) == 3.5
    steps = {labels["status"]: value for _, labels, value in figures["execledger_steps"]}
    assert (steps["completed"], steps["failed"], steps["skipped"]) == (6, 1, 0)
    assert figures["execledger_executions_paused"][0][2] == 0
    assert figures["execledger_query_lag_seconds"][0][2] == -1
    assert figures["execledger_build_info"][0][1]["service"] == "query"
    routes = {labels["route"] for _, labels, _ in figures["execledger_query_http_request_seconds"]}
    assert "/v1/executions" in routes
    assert figures["execledger_query_pool_connections_limit"][0][2] == 10


@pytest.mark.parametrize(
    ("settings", "status"),
    [({}, 200), ({"query_host": "0.0.0.0"}, 404), ({"query_metrics_port": 0}, 404)],  # noqa: S104
)
async def test_metrics_are_on_the_port_of_the_api_on_loopback_only(
    database: str, settings: dict[str, Any], status: int
) -> None:
    async with serving(database, **settings) as client:
        assert (await client.get("/metrics")).status_code == status
        assert (await client.get("/healthz")).status_code == 200


async def test_metrics_have_a_port_of_their_own_when_one_is_named(database: str) -> None:
    settings = settings_of(database, query_metrics_port=0)
    with listening("127.0.0.1", 0, "EXECLEDGER_QUERY_METRICS_PORT") as listener:
        app = create_app(settings, listener)
        async with app.router.lifespan_context(app), httpx2.AsyncClient() as client:
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
            assert "execledger_query_pool_connections_limit 10.0" in (await client.get(f"{address}/metrics")).text
            assert (await client.get(f"{address}/v1/executions")).status_code == 404


async def test_tokens_of_any_audience_and_issuer_are_warned_of_at_the_start(database: str) -> None:
    for settings, claims in (({}, ["audience", "issuer"]), ({"jwt_audience": "a", "jwt_issuer": "i"}, [])):
        with capture_logs() as lines:
            async with serving(database, **settings):
                pass
        assert [line["claim"] for line in lines if line["event"] == "tokens_of_any"] == claims


async def test_the_service_is_ready_when_the_schema_is_current(client: httpx2.AsyncClient, rows: Ledger) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/readyz")).json() == {"status": "ready", "schema_version": len(known())}
    await rows.connection.execute("DELETE FROM execledger.migrations WHERE version >= 3")
    answer = await client.get("/readyz")
    assert _problem(answer) == (503, "unavailable")
    assert "execledger migrate" in answer.json()["detail"]


async def test_a_database_that_is_away_is_waited_for() -> None:
    away = "postgresql://reader:hunter2@127.0.0.1:1/nothing"
    async with serving(away) as client:
        for path in ("/v1/executions", "/readyz"):
            answer = await client.get(path, headers=READER)
            assert _problem(answer) == (503, "unavailable")
            assert answer.headers["retry-after"] == "5"
            assert answer.json()["detail"] == "the database of EXECLEDGER_POSTGRES_DSN does not answer"
        assert (await client.get("/healthz")).status_code == 200
        assert "execledger_query_database_up 0.0" in (await client.get("/metrics")).text


async def test_connections_that_are_cut_are_made_anew(rows: Ledger, client: httpx2.AsyncClient) -> None:
    await rows.execution()
    for _ in range(3):
        assert (await client.get("/v1/executions", headers=READER)).status_code == 200
        await rows.connection.execute(
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'execledger-query'"
        )
        assert (await client.get("/v1/executions", headers=READER)).status_code in (200, 503)


async def test_when_every_connection_is_busy_that_is_what_is_said(database: str, rows: Ledger) -> None:
    async with serving(database, query_pool_size=1, query_pool_timeout_seconds=0.2) as client:
        async with rows.connection.transaction():
            await rows.connection.execute("LOCK execledger.executions")
            first = asyncio.create_task(client.get("/v1/executions", headers=READER))
            await asyncio.sleep(0.1)
            busy = await client.get("/v1/executions", headers=READER)
            assert _problem(busy) == (503, "unavailable")
            assert "busy" in busy.json()["detail"]
        assert (await first).status_code in (200, 503)


async def _walk(client: httpx2.AsyncClient, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = (await client.get(path + cursor, headers=READER)).json()
        items += answer["items"]
        if answer["next_cursor"] is None:
            return items
        cursor = f"&cursor={answer['next_cursor']}"


async def _figures(client: httpx2.AsyncClient, wanted: str) -> dict[str, list[tuple[str, dict[str, str], float]]]:
    """The metrics once they hold `wanted`: they are read in the background."""
    for _ in range(50):
        text = (await client.get("/metrics")).text
        if f"\n{wanted}{{" in text or f"\n{wanted} " in text:
            break
        await asyncio.sleep(0.1)
    return {
        family.name: [(sample.name, dict(sample.labels), sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(text)
    }


def _problem(answer: httpx2.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["detail"]
    return answer.status_code, body["type"].removeprefix("urn:execledger:problem:")
