"""Why a record is as it is: over HTTP and in the terminal, of what a real recorder has recorded."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx2
import pytest

from command_line import execledger
from execledger_query.caller import EVERYTHING
from execledger_query.execution import routes
from execledger_query.store import Options, Store
from factories_query import bearing
from factories_recorder import Desk, Row, Topic, desk, event, history

RUNS = ("run-1", "run-2", "run-3", "run-4")
ANN, RITA = bearing("ann", "default"), bearing("rita", "default", "reader", "payloads")


@pytest.fixture
async def recorder(database: str) -> AsyncIterator[Desk]:
    async with desk(database) as opened:
        await opened.record(Topic().add(*history()))
        yield opened


@pytest.mark.usefixtures("recorder")
async def test_each_field_shows_the_record_s_value_and_an_event_that_says_so(client: httpx2.AsyncClient) -> None:
    for run in RUNS:
        shown, explained = [
            (await client.get(f"/v1/executions/{run}{part}?include=payloads", headers=RITA)).json()
            for part in ("", "/explain")
        ]
        logged = (await client.get(f"/v1/executions/{run}/events", headers=RITA)).json()["items"]
        same = ("type", "occurred_at", "attempt", "sequence", "outcome")
        assert [{"event_id": e["event_id"], **{name: e[name] for name in same}} for e in explained["events"]] == [
            {"event_id": e["event_id"], **{name: e[name] for name in same}} for e in logged
        ]
        by_id = {event["event_id"]: event for event in explained["events"]}
        for name, decided in explained["fields"].items():
            whole, _, part = name.partition(".")
            assert decided["value"] == (shown[whole][part] if part else shown[whole]), name
            deciding = by_id[decided["event_id"]]
            assert (name in deciding["decides"], deciding["type"]) == (True, decided["type"])


@pytest.mark.usefixtures("recorder")
async def test_the_explanation_of_a_retried_execution(client: httpx2.AsyncClient) -> None:
    explained = (await client.get("/v1/executions/run-1/explain?include=payloads", headers=RITA)).json()
    assert list(explained) == ["fields", "events", "provisional"]
    assert explained["provisional"] is None
    started, finished = "task.started", "execution.succeeded"
    deciding = {name: (decided["type"], decided["value"]) for name, decided in explained["fields"].items()}
    expected = {
        "status": (finished, "completed"),
        "attempt": (started, 2),
        "created_at": ("execution.created", "2026-03-01T12:00:00.123Z"),
        "started_at": (started, "2026-03-01T12:00:10.123Z"),
        "ended_at": (finished, "2026-03-01T12:00:15.123Z"),
        "duration_ms": ("execution.completed", 4000),
        "output": (finished, {"a": 1}),
        "result": ("execution.completed", "text"),
        "agents_used": ("execution.completed", 4),
        "input": ("execution.created", {"q": 1}),
        "owner": (started, {"id": "bob", "email": None, "name": None}),
        "workflow": ("execution.created", {"id": "wf", "name": "Write", "version": "3"}),
        "tags": ("execution.created", ["a", "b"]),
        "labels": (started, {"prd": "8", "graph_id": "g", "venture_id": "v"}),
        "metadata": ("execution.failed", {"x": 1, "z": None}),
    }
    assert deciding == expected
    rules = {event["type"]: event["not_applied"] for event in explained["events"] if event["attempt"] == 1}
    assert rules == {
        "execution.created": None,
        "execution.started": None,  # of its labels one stands
        "step.started": "older attempt",
        "llm.called": None,  # figures of all attempts are summed
        "tool.called": None,
        "agent.thinking": "unknown type",
        "step.failed": "older attempt",
        "phase.started": "older attempt",
        "execution.progressed": "older attempt",
        "execution.failed": None,  # its metadata stand
        "execution.completed": "ordered after the deciding event",
        "execution.cancel_requested": "older attempt",
    }
    assert [(e["type"], e["not_applied"]) for e in explained["events"] if e["attempt"] == 2 and e["not_applied"]] == [
        ("step.failed", "ordered after the deciding event")
    ]


@pytest.mark.usefixtures("recorder")
async def test_without_the_right_to_payloads_their_values_are_left_out(client: httpx2.AsyncClient) -> None:
    rita = bearing("rita", "default", "reader")
    plain = (await client.get("/v1/executions/run-1/explain", headers=rita)).json()["fields"]
    assert (plain["input"]["value"], plain["output"]["value"], plain["result"]["value"]) == (None, None, None)
    assert plain["result"]["type"] == "execution.completed"
    refused = await client.get("/v1/executions/run-1/explain?include=payloads", headers=rita)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:execledger:problem:forbidden")
    own = (await client.get("/v1/executions/run-4/explain?include=payloads", headers=ANN)).json()
    assert own["fields"]["owner"]["value"]["name"] == "Ann B"


@pytest.mark.usefixtures("recorder")
async def test_one_is_found_by_either_id_and_by_those_who_may_see_it(client: httpx2.AsyncClient) -> None:
    internal = (await client.get("/v1/executions/run-4", headers=ANN)).json()["id"]
    by_either = [await client.get(f"/v1/executions/{name}/explain", headers=ANN) for name in ("run-4", internal)]
    assert by_either[0].json() == by_either[1].json()
    for who in (bearing("bob", "default"), bearing("rita", "elsewhere", "reader")):
        hidden = await client.get("/v1/executions/run-4/explain", headers=who)
        assert (hidden.status_code, hidden.json()["type"]) == (404, "urn:execledger:problem:not-found")


async def test_the_outcome_is_that_of_the_arrival_and_the_rest_is_how_it_stands_now(
    recorder: Desk, client: httpx2.AsyncClient
) -> None:
    """A `failed` arrives after the `completed` that it lies before: from then on it decides."""
    for sent in (event("execution.completed", at=9, subject="swap"), event("execution.failed", at=8, subject="swap")):
        await recorder.record(Topic("more").add(sent) if sent["type"].endswith("completed") else _next("more", sent))
    explained = (await client.get("/v1/executions/swap/explain", headers=RITA)).json()
    assert [(e["type"], e["outcome"], e["not_applied"]) for e in explained["events"]] == [
        ("execution.failed", "late", None),
        ("execution.completed", "applied", "ordered after the deciding event"),
    ]
    assert explained["fields"]["status"]["value"] == "failed"


async def test_a_provisional_ending_says_its_reason(recorder: Desk, client: httpx2.AsyncClient) -> None:
    said: dict[str, Any] = {"provisional": True, "reason": "silent for 60 s"}
    attributes: dict[str, Any] = {"source": "execledger:watchdog", "subject": "silent"}
    await recorder.record(
        Topic("more").add(event(subject="silent"), event("execution.timed_out", said, at=60, **attributes))
    )
    explained = (await client.get("/v1/executions/silent/explain", headers=RITA)).json()
    assert explained["provisional"] == {"reason": "silent for 60 s"}
    assert explained["events"][1]["decides"] == ["status", "ended_at"]
    said_so = await execledger("explain", "silent", postgres_dsn=recorder.dsn)
    assert "ended by us, provisionally: silent for 60 s" in said_so.out
    await recorder.record(_next("more", event("execution.progressed", at=61, subject="silent"), offset=2))
    explained = (await client.get("/v1/executions/silent/explain", headers=RITA)).json()
    assert explained["provisional"] is None
    assert explained["events"][1]["not_applied"] == "provisional and void"


async def test_an_execution_of_very_many_events_is_left_to_the_command(
    recorder: Desk, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "_MOST_EXPLAINED", 19)
    refused = await client.get("/v1/executions/run-1/explain", headers=RITA)
    assert (refused.status_code, refused.json()["type"]) == (504, "urn:execledger:problem:too-slow")
    assert "execledger explain" in refused.json()["detail"]
    assert (await execledger("explain", "run-1", postgres_dsn=recorder.dsn)).status == 0


@pytest.mark.parametrize("size", [1, 5000])
async def test_a_payload_counts_without_being_carried_along(
    recorder: Desk, client: httpx2.AsyncClient, size: int
) -> None:
    """Large events are read without their payloads, and explained as they are: a null says nothing, "" does."""
    more, text = {"more": "x" * size}, "x" * size
    events = [
        event("execution.created", {"input": None, "query": text, **more}, subject="odd"),
        event("execution.completed", {"output": None, "result": "", **more}, at=1, subject="odd"),
        event("execution.completed", {"output": [1e300, text], "result": text}, at=2, subject="odd"),
        event("agent.thinking", text, at=3, subject="odd"),
        event("agent.thinking", {"result": 5, **more}, at=4, subject="odd"),
        event("step.completed", {"step": {"id": "draft"}, "input": 5, "output": text}, at=5, subject="odd"),
    ]
    await recorder.record(Topic("more").add(*events))
    fields = (await client.get("/v1/executions/odd/explain?include=payloads", headers=RITA)).json()["fields"]
    assert "input" not in fields
    assert fields["query"]["value"] == text
    assert (fields["result"]["value"], fields["result"]["occurred_at"]) == ("", "2026-03-01T12:00:01.123Z")
    assert fields["output"]["value"] == [1e300, text]
    assert fields["output"]["occurred_at"] == "2026-03-01T12:00:02.123Z"
    internal = await recorder.value("SELECT id FROM execledger.executions WHERE external_id = 'odd'")
    async with Store.open(Options(recorder.dsn)) as store, store.reading(EVERYTHING) as reader:
        carried = await reader.logged_events(internal)
    assert sum(text in row["event"] for row in carried if "step" in row["event"]) == (size == 1)


async def test_the_command_tells_it(recorder: Desk) -> None:
    told = await execledger("explain", "run-1", postgres_dsn=recorder.dsn)
    assert (told.status, told.err) == (0, "")
    for line in (
        "run-1",
        r"status +completed +execution.succeeded +[0-9a-f]{8}",
        r'input +{"q": 1} +execution.created .*',
        "2026-03-01",
        r"12:00:04.623 +[0-9a-f]{8} +agent.thinking +applied +not applied: unknown type",
        " +attempt 2",
        r".* step.failed +rejected +not applied: ordered after the deciding event",
        r".* task.started +applied +decides attempt, started_at, owner, labels",
    ):
        assert re.search(f"^{line} *$", told.out, re.MULTILINE), line


async def test_the_command_as_json_says_what_the_service_says(recorder: Desk, client: httpx2.AsyncClient) -> None:
    told = await execledger("explain", "run-1", "--json", postgres_dsn=recorder.dsn)
    assert (
        json.loads(told.out) == (await client.get("/v1/executions/run-1/explain?include=payloads", headers=RITA)).json()
    )


async def test_the_command_says_what_it_cannot_find(recorder: Desk) -> None:
    missing = await execledger("explain", "nothing", postgres_dsn=recorder.dsn)
    assert (missing.status, missing.err) == (1, "execledger: there is no execution 'nothing'\n")
    elsewhere = await execledger("explain", "run-1", "--tenant", "umbra", postgres_dsn=recorder.dsn)
    assert (elsewhere.status, elsewhere.err) == (1, "execledger: there is no execution 'run-1' of tenant 'umbra'\n")


async def test_an_event_that_was_damaged_is_named(recorder: Desk, client: httpx2.AsyncClient) -> None:
    query = "UPDATE execledger.execution_events SET raw = '1' WHERE type = 'agent.thinking' RETURNING event_id"
    damaged = await recorder.value(query)
    said = f"event {damaged} of the log is damaged: see `execledger rebuild --verify`"
    told = await execledger("explain", "run-1", postgres_dsn=recorder.dsn)
    assert (told.status, told.err) == (1, f"execledger: {said}\n")
    for part in ("explain", "events", "events?include=payloads"):
        answer = await client.get(f"/v1/executions/run-1/{part}", headers=RITA)
        shown = (answer.status_code, answer.json()["type"], answer.json()["detail"])
        assert shown == (500, "urn:execledger:problem:damaged", said), part


@pytest.mark.parametrize("damage", ["cost_usd = 'NaN'", "created_at = 'infinity'", "metadata = '1'"])
async def test_a_record_that_was_damaged_is_named_wherever_it_is_read_and_rebuilt(
    recorder: Desk, client: httpx2.AsyncClient, damage: str
) -> None:
    damaged = await recorder.value(
        f"UPDATE execledger.executions SET {damage} WHERE external_id = 'run-1' RETURNING id"  # noqa: S608
    )
    said = (
        f"the stored record of execution {damaged} is damaged in {damage.split()[0]}: "
        f"`execledger rebuild {damaged}` mends it, or says why not"
    )
    for path in ("/run-1", "/run-1/explain"):
        answer = await client.get(f"/v1/executions{path}", headers=RITA)
        assert answer.headers["content-type"] == "application/problem+json"
        shown = (answer.status_code, answer.json()["type"], answer.json()["detail"])
        assert shown == (500, "urn:execledger:problem:damaged", said), path
    listed = await client.get("/v1/executions", headers=RITA)  # a page dies of none of its rows
    assert damaged in {UUID(item["id"]) for item in listed.json()["items"]}
    for command in ("show", "explain"):
        told = await execledger(command, "run-1", postgres_dsn=recorder.dsn)
        assert (told.status, told.err) == (1, f"execledger: {said}\n"), command
    assert (await execledger("rebuild", str(damaged), postgres_dsn=recorder.dsn)).status == 0
    assert (await execledger("show", "run-1", postgres_dsn=recorder.dsn)).status == 0


async def test_a_step_that_was_damaged_is_named(recorder: Desk, client: httpx2.AsyncClient) -> None:
    damaged = await recorder.value("UPDATE execledger.steps SET metadata = '1' RETURNING execution_id")
    answer = await client.get(f"/v1/executions/{damaged}/steps", headers=RITA)
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:execledger:problem:damaged")
    assert f"record of execution {damaged} is damaged in metadata of step '" in answer.json()["detail"]


async def test_what_a_producer_names_things_neither_steers_the_terminal_nor_is_markup(recorder: Desk) -> None:
    odd = "[/x] \x1b[2J\x9b"
    said = {"error": {"type": odd, "message": f"{odd}\nline", "stack": f"\tat {odd}"}}
    beginning = {"workflow": {"name": odd}, "owner": {"id": odd}, "input": odd}
    attributes: dict[str, Any] = {"subject": odd, "tenantid": odd}
    await recorder.record(
        Topic("odd").add(
            event(data=beginning, **attributes),
            event("step.failed", {"step": {"id": odd}, "input": {odd: odd}, **said}, at=1, **attributes),
            event("execution.failed", said, at=2, **attributes),
            event(**{**attributes, "tenantid": f"{odd}2"}),
        )
    )
    await recorder.value("UPDATE execledger.steps SET name = $1 || 'changed' WHERE tenant_id = $1", odd)
    for command in (("show", odd), ("explain", odd), ("rebuild", "--verify"), ("show", odd, "--tenant", odd)):
        told = await execledger(*command, postgres_dsn=recorder.dsn)
        assert "[/x]" in told.out + told.err, command
        assert not set(told.out + told.err) & {"\x1b", "\x9b"}, command
    assert "failed at [/x] \\u001b[2J\\u009b" in told.out
    assert re.search(r"^. +at \[/x\]", told.out, re.MULTILINE)


def _next(topic: str, sent: dict[str, Any], offset: int = 1) -> Any:
    book = Topic(topic)
    book.ends[0] = offset
    return book.add(sent)


async def test_an_end_before_its_start_took_no_time_and_explain_says_that_clocks_disagree(
    recorder: Desk, client: httpx2.AsyncClient
) -> None:
    told = [event(at=5, subject="skewed"), event("execution.completed", at=2, subject="skewed")]
    await recorder.record(Topic("more").add(*told))
    assert (await client.get("/v1/executions/skewed", headers=RITA)).json()["duration_ms"] == 0
    shown = await execledger("show", "skewed", postgres_dsn=recorder.dsn)
    assert shown.out.count("  0 ms") == 2
    explained = (await client.get("/v1/executions/skewed/explain", headers=RITA)).json()
    assert [(note["field"], note["reason"]) for note in explained["notes"]] == [
        ("duration_ms", "it ended before it started: the clocks disagree")
    ]
    said_so = await execledger("explain", "skewed", postgres_dsn=recorder.dsn)
    assert "duration_ms: it ended before it started: the clocks disagree" in said_so.out


async def test_a_call_that_contradicts_itself_has_no_price_and_explain_says_why(
    recorder: Desk, client: httpx2.AsyncClient
) -> None:
    call = {"provider": "openai", "model": "gpt-5", "completion_tokens": 2, "reasoning_tokens": 989}
    await recorder.record(Topic("more").add(event("llm.called", call, subject="contradiction")))
    usage = (await client.get("/v1/executions/contradiction", headers=RITA)).json()["usage"]
    assert (usage["cost_usd"], usage["cost_source"]) == ("0", None)
    assert await recorder.value("SELECT count(*) FROM execledger.llm_calls WHERE cost_usd IS NULL") == 1
    explained = (await client.get("/v1/executions/contradiction/explain", headers=RITA)).json()
    assert [note["reason"] for note in explained["notes"]] == [
        "no price is computed: 989 reasoning_tokens of 2 completion_tokens"
    ]


async def test_tries_and_pauses_are_shown(recorder: Desk, client: httpx2.AsyncClient) -> None:
    def step(type_: str, at: float) -> Row:
        return event(f"step.{type_}", {"step": {"name": "fetch"}}, at=at, subject="retried")

    told = [event(subject="retried"), step("started", 1), step("failed", 2), step("started", 3), step("failed", 4)]
    waiting = event("execution.paused", {"waiting_for": "an approval"}, at=5, subject="retried")
    await recorder.record(Topic("more").add(*told, waiting))
    shown = (await client.get("/v1/executions/retried", headers=RITA)).json()
    assert (shown["status"], shown["paused_at"]) == ("running", "2026-03-01T12:00:05.123Z")
    drawn = await execledger("show", "retried", postgres_dsn=recorder.dsn)
    assert "since 2026-03-01T12:00:05.123Z for an approval" in drawn.out
    await recorder.record(_next("more", event("execution.failed", at=6, subject="retried"), offset=len(told) + 1))
    steps = (await client.get("/v1/executions/retried/steps", headers=RITA)).json()["items"]
    assert [(each["iteration"], each["try_number"], each["status"]) for each in steps] == [
        (None, 1, "failed"),
        (None, 2, "failed"),
    ]
    drawn = await execledger("show", "retried", postgres_dsn=recorder.dsn)
    assert "failed at fetch try 2, attempt 1" in drawn.out
    as_json = json.loads((await execledger("show", "retried", "--json", postgres_dsn=recorder.dsn)).out)
    assert as_json["failing"]["try_number"] == 2
    assert as_json["execution"]["paused_at"] is None
