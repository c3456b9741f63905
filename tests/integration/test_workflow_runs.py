"""The HTTP API of the older table `workflow_executions`."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from execledger_lifecycle.foreign_ids import foreign_uuid
from factories_query import bearing, serving
from factories_recorder import Desk, Topic, desk, event

PATH = "/api/workflows/custom/wf-456/executions"
ANN = bearing("ann", "acme")
ROW = "0190aaaa-0000-4000-8000-00000000000a"


def ended(subject: str, owner: str, type_: str = "execution.completed", **begun: Any) -> list[dict[str, Any]]:
    of: dict[str, Any] = {"subject": subject, "tenantid": "acme"}
    started = {"workflow": {"id": "wf-456"}, "owner": {"id": owner}, "input": {"topic": "sea"}, **begun}
    return [
        event("execution.started", started, at=begun.get("total_steps", 0), **of),
        event("step.started", {"step": {"name": "draft"}}, at=20, **of),
        event("step.completed", {"step": {"name": "draft"}, "output": {"text": "…"}}, at=21, **of),
        event(type_, {"output": "done", "error": {"message": "m"}}, at=30, **of),
    ]


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    async with desk(database) as office:
        topic = Topic()
        await office.record(topic.add(*ended("exec-123", "ann", total_steps=1, labels={"row_id": ROW}, tags=["t"])))
        await office.record(topic.add(*ended("exec-124", "ann", "execution.timed_out", total_steps=2)))
        await office.record(topic.add(*ended("exec-125", "bob", "execution.failed", total_steps=3)))
        yield office


async def test_one_execution_reads_as_its_clients_know_it(office: Desk, client: httpx2.AsyncClient) -> None:
    internal = str(await office.value("SELECT id FROM execledger.executions WHERE external_id = 'exec-123'"))
    answers = [await client.get(f"{PATH}/{name}", headers=ANN) for name in ("exec-123", internal, ROW)]
    assert [answer.json() for answer in answers] == 3 * [
        {
            "id": "exec-123", "workflow_id": "wf-456", "owner_id": "ann", "status": "completed",
            "execution_status": "completed", "created_at": "2026-03-01T12:00:01.123Z",
            "started_at": "2026-03-01T12:00:01.123Z", "completed_at": "2026-03-01T12:00:30.123Z", "duration_ms": 29000,
            "initial_input": {"topic": "sea"},
            "phase_results": {
                "draft": {
                    "status": "completed", "output": {"text": "…"}, "error": None, "duration_ms": 1000,
                    "metadata": None,
                }
            },
            "final_output": "done", "error_message": None, "progress_percent": 100, "completed_phases": 1,
            "total_phases": 1, "tags": ["t"], "metadata": {},
        }
    ]  # fmt: skip
    by_uuid = await client.get(f"/api/workflows/custom/{foreign_uuid('workflow', 'wf-456')}/executions", headers=ANN)
    assert by_uuid.json()["total"] == 2


async def test_a_list_has_its_total_and_the_newest_first(office: Desk, client: httpx2.AsyncClient) -> None:
    page = (await client.get(PATH, params={"limit": 1, "offset": 1}, headers=ANN)).json()
    assert (page["total"], page["limit"], page["offset"]) == (2, 1, 1)
    assert [each["id"] for each in page["executions"]] == ["exec-123"]
    one = (await client.get(f"{PATH}/exec-123", headers=ANN)).json()
    assert page["executions"] == [one]
    everything = (await client.get(PATH, headers=bearing("sam", "acme", "service", "payloads"))).json()
    assert [each["id"] for each in everything["executions"]] == ["exec-125", "exec-124", "exec-123"]
    assert (everything["limit"], everything["offset"]) == (50, 0)


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ("failed", ["exec-125", "exec-124"]),
        ("completed", ["exec-123"]),
        ("Canceled", []),
        ("timeout", ["exec-125", "exec-124"]),
    ],
)
async def test_failed_ones_are_also_those_that_timed_out(
    office: Desk, client: httpx2.AsyncClient, status: str, found: list[str]
) -> None:
    page = (await client.get(PATH, params={"status": status}, headers=bearing("sam", "acme", "service"))).json()
    assert [each["id"] for each in page["executions"]] == found
    assert page["total"] == len(found)
    assert {each["status"] for each in page["executions"]} <= {"failed", "completed"}


async def test_an_owner_sees_its_own_only(office: Desk, client: httpx2.AsyncClient) -> None:
    for path in (f"{PATH}/exec-125", f"{PATH}/none", "/api/workflows/custom/other/executions/exec-123"):
        answer = await client.get(path, headers=ANN)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert (await client.get(PATH, headers=bearing("ann", "umbra"))).json()["total"] == 0
    anonymous = await client.get(PATH)
    assert (anonymous.status_code, anonymous.headers["content-type"]) == (401, "application/problem+json")


async def test_a_reader_without_the_right_sees_no_payloads(office: Desk, client: httpx2.AsyncClient) -> None:
    shown = (await client.get(f"{PATH}/exec-123", headers=bearing("rita", "acme", "reader"))).json()
    assert (shown["initial_input"], shown["final_output"]) == (None, None)
    assert shown["phase_results"]["draft"]["output"] is None
    assert shown["phase_results"]["draft"]["duration_ms"] == 1000


@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": 201}, {"offset": -1}, {"status": "odd"}, {"other": 1}])
async def test_what_is_no_page_is_refused(client: httpx2.AsyncClient, asked: dict[str, Any]) -> None:
    answer = await client.get(PATH, params=asked, headers=ANN)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


async def test_a_page_that_would_be_too_large_ends_early_and_says_where_to_go_on(database: str) -> None:
    async with desk(database) as office, serving(database, query_page_bytes=65_536) as client:
        large = {"topic": "ü" * 20_000}
        runs = [
            event for number in range(7) for event in ended(f"exec-{number}", "ann", total_steps=number, input=large)
        ]
        await office.record(Topic().add(*runs))
        seen: list[str] = []
        while len(seen) < 7:
            answer = await client.get(PATH, params={"limit": 7, "offset": len(seen)}, headers=ANN)
            page = answer.json()
            assert (page["total"], page["offset"]) == (7, len(seen))
            assert len(answer.content) < 65_536 + 41_000
            assert page["limit"] == (len(page["executions"]) if len(seen) + len(page["executions"]) < 7 else 7)
            seen += [run["id"] for run in page["executions"]]
        assert seen == [f"exec-{number}" for number in reversed(range(7))]
        assert len(page["executions"]) < 7
