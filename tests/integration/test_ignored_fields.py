"""A value costs its field: what was left out of an event shows wherever somebody may look for it."""

import base64
import json
from typing import Any

import pytest

from command_line import execledger
from factories_query import bearing, serving
from factories_recorder import Topic, desk, event
from recorder_bench import Bench
from running import eventually

RITA = bearing("rita", "default", "reader", "payloads")
WRONG: dict[str, Any] = {"duration_ms": 1234.567, "usage": {"prompt_tokens": -1, "total_tokens": "12"}, "result": 5}
NOTES = [
    {"field": "result", "rule": "read_as_text"},
    {"field": "duration_ms", "rule": "rounded"},
    {"field": "usage.prompt_tokens", "rule": "out_of_range"},
    {"field": "usage.total_tokens", "rule": "read_from_text"},
]
ENDING = "com.acme.flow.finished"


async def test_what_was_left_out_is_in_the_log_the_api_and_the_metric(bench: Bench) -> None:
    async with bench.recorder() as service:
        for number in range(2):
            await bench.publish(event(data={"query": "q"}), event(ENDING, WRONG, at=5, subject=f"run-{number}"))
            await bench.until_recorded()
        metrics = await service.metrics()
        told = service.said("fields_ignored")
    for note in NOTES:
        name = f'execledger_ignored_fields_total{{rule="{note["rule"]}",type="execution.completed"}}'
        assert metrics[name] == 2
    [line] = told
    assert (line["source"], line["external_id"]) == ("urn:test:orchestrator", "run-0")
    assert line["fields"] == {note["field"]: note["rule"] for note in NOTES}

    async with serving(bench.dsn) as client:
        shown = (await client.get("/v1/executions/run-1?include=payloads", headers=RITA)).json()
        events = (await client.get("/v1/executions/run-1/events?include=payloads", headers=RITA)).json()["items"]
        explained = (await client.get("/v1/executions/run-1/explain", headers=RITA)).json()["events"]
    assert (shown["status"], shown["duration_ms"], shown["result"]) == ("completed", 1235, "5")
    assert shown["usage"]["total_tokens"] == 12
    assert [each["ignored"] for each in events] == [None, NOTES]
    assert events[1]["data"] == WRONG, "the log keeps what was sent"
    assert [each["ignored"] for each in explained] == [[], NOTES]


async def test_explain_names_what_was_left_out(database: str) -> None:
    async with desk(database) as office:
        await office.record(Topic().add(event(data={"query": "q"}), event(ENDING, WRONG, at=5)))
    said = await execledger("explain", "run-1", postgres_dsn=database)
    assert "usage.prompt_tokens (out_of_range)" in "".join(said.out.split("\n")).replace("  ", "")
    as_json = json.loads((await execledger("explain", "run-1", "--json", postgres_dsn=database)).out)
    assert [each["ignored"] for each in as_json["events"]] == [[], NOTES]


async def test_two_sources_under_one_id_say_two_things(database: str) -> None:
    """A scheduler and a worker that both name an event after the execution."""
    id_ = "019b2f6e-7c00-7a31-9d52-6f0c8c1e4b7a"
    async with desk(database) as office:
        said = (
            event(id=id_, source="urn:scheduler"),
            event("execution.completed", {"result": "done"}, at=1, id=id_, source="urn:worker"),
            event("execution.completed", {"result": "done"}, at=1, id=id_, source="urn:worker"),
            event("execution.completed", {"result": "other"}, at=1, id=id_, source="urn:worker"),
        )
        report = await office.record(Topic().add(*said))
        assert report.conflicts == 1
        assert await office.events() == {0: "applied", 1: "applied", 2: "duplicate repeated", 3: "duplicate conflict"}
    async with serving(database) as client:
        shown = (await client.get("/v1/executions/run-1?include=payloads", headers=RITA)).json()
        events = (await client.get("/v1/executions/run-1/events", headers=RITA)).json()["items"]
    assert (shown["status"], shown["result"], shown["version"]) == ("completed", "done", 2)
    assert [(each["id"], each["source"]) for each in events] == [(id_, "urn:scheduler"), (id_, "urn:worker")]
    assert len({each["event_id"] for each in events} | {id_}) == 3


async def test_bytes_of_another_type_are_shown_as_base64(database: str) -> None:
    encoded = base64.b64encode(b"\x89PNG").decode()
    headers = [(f"ce_{name}", str(value).encode()) for name, value in event("agent.saw", at=2).items()]
    async with desk(database) as office:
        topic = Topic()
        await office.record(
            [
                *topic.add(event()),
                *topic.add(b"\x89PNG", headers=[*headers, ("content-type", b"image/png")]),
                *topic.add(event("agent.saw", at=3, data_base64=encoded)),
            ]
        )
        assert set((await office.events()).values()) == {"applied"}
    async with serving(database) as client:
        events = (await client.get("/v1/executions/run-1/events?include=payloads", headers=RITA)).json()["items"]
    assert [(each["data"], each["ignored"]) for each in events[1:]] == [(encoded, None)] * 2


@pytest.mark.parametrize(
    ("ending", "status"),
    [("workflow.terminated", "cancelled"), ("run.finished", "completed"), ("task.errored", "failed")],
)
async def test_a_type_says_the_state_that_it_plainly_names(database: str, ending: str, status: str) -> None:
    async with desk(database) as office:
        await office.record(Topic().add(event("com.acme.workflow.started"), event(ending, at=1)))
        assert await office.value("SELECT status FROM execledger.executions") == status


async def test_attempts_end_and_count_in_any_spelling(database: str) -> None:
    """What the log itself is asked for goes by rank, not by spelling."""
    async with desk(database) as office:
        await office.record(
            Topic().add(
                event("com.acme.run.started"),
                event("com.acme.llm.called", at=1),
                event("com.acme.run.terminated", at=2),
                event("com.acme.run.started", at=3, attempt=2),
            )
        )
    said = await execledger("show", "run-1", postgres_dsn=database)
    assert "cancelled" in said.out
    assert "1 LLM call" in said.out


async def test_the_recorder_says_nothing_of_what_fits(bench: Bench) -> None:
    async with bench.recorder() as service:
        await bench.publish(event(sequence="0000000000000000000001", attempt="1"))
        await bench.until_recorded()
        metrics = await eventually(service.metrics)
        assert not service.said("fields_ignored")
    counted = [count for name, count in metrics.items() if name.startswith("execledger_ignored_fields_total{")]
    assert (bool(counted), sum(counted)) == (True, 0)
