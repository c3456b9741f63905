"""The tables that teams query already, as views of the record."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest

from compat_tables import columns
from execledger_contracts.events import IMPORT_SOURCE
from factories_recorder import NOON, Desk, Row, Topic, desk, event

ROW = "0190aaaa-0000-4000-8000-00000000000a"
USER = "0190BBBB-0000-4000-8000-00000000000B"
VENTURE = "0190cccc-0000-4000-8000-00000000000c"


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    async with desk(database) as office:
        yield office


def derived(kind: str, value: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"execledger:{kind}:{value}")


def at(seconds: float) -> Any:
    return NOON + timedelta(seconds=seconds)


async def record(office: Desk, *events: Row) -> None:
    await office.record(Topic().add(*events))


async def shown(office: Desk, view: str) -> Row:
    (row,) = await rows(office, view)
    return row


async def rows(office: Desk, view: str, order: str = "1") -> Sequence[Row]:
    """With JSON read; money and times as they are."""
    found = await office.rows(f"SELECT * FROM compat.{view} ORDER BY {order}")  # noqa: S608  # of our own making
    of_json = {name for name, type_ in columns()[view] if type_ in ("json", "jsonb")}
    return [
        {name: json.loads(value) if name in of_json and value is not None else value for name, value in row.items()}
        for row in found
    ]


async def test_the_views_have_the_columns_of_the_tables(office: Desk) -> None:
    found: dict[str, list[tuple[str, str]]] = {}
    for row in await office.rows(
        "SELECT table_name, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale"
        " FROM information_schema.columns WHERE table_schema = 'compat' ORDER BY table_name, ordinal_position"
    ):
        limit = ""
        if row["data_type"] == "numeric":
            limit = f"({row['numeric_precision']},{row['numeric_scale']})"
        elif row["character_maximum_length"] is not None:
            limit = f"({row['character_maximum_length']})"
        found.setdefault(row["table_name"], []).append((row["column_name"], row["data_type"] + limit))
    assert found == columns()


async def test_the_views_have_the_reader_s_rights(office: Desk) -> None:
    options = await office.rows(
        "SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'compat'::regnamespace AND relkind = 'v'"
    )
    assert {row["relname"] for row in options} == columns().keys()
    assert all(row["reloptions"] in (["security_invoker=true"], ["security_invoker"]) for row in options), options


BEGUN = {
    "workflow": {"id": "flow-1", "name": "Write", "version": "3"},
    "owner": {"id": USER, "email": "ann@example.org", "name": "Ann"},
    "session_id": "talk-1",
    "trigger": {"mode": "scheduled", "event_id": "cron-1", "event_name": "cron.tick"},
    "mode": "COMPLEX",
    "query": "why?",
    "input": {"q": [1, None]},
    "total_steps": 4,
    "tags": ["a", "b"],
    "labels": {
        "row_id": ROW, "venture_id": VENTURE, "prd_id": "prd-7", "sd_id": "SD-1", "board_meeting_id": "board",
        "message_id": "msg-1", "graph_id": "graph-1", "workflow_function_id": "fn-1",
    },
    "metadata": {"k": {"v": 1}},
    "complexity_score": 0.75,
    "budget": {"token_limit": 5000},
}  # fmt: skip
ENDED = {
    "output": {"answer": [42, None]},
    "result": "done",
    "duration_ms": 1500,
    "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 130, "cost_usd": "1.23456789"},
    "agents_used": 2,
    "tools_invoked": 3,
    "cache_hits": 1,
}
FAILED = {**ENDED, "error": {"message": "broken", "type": "ValueError", "stack": "at line 1"}}


def whole_run(subject: str = "FLOW-A-1") -> list[Row]:
    """All that an execution can say of itself."""
    of = {"subject": subject}
    loop = {"id": "write", "name": "Write it", "operation": "llm", "total_items": 2}
    return [
        event("execution.created", BEGUN, at=0, **of),
        event("execution.started", at=1, **of),
        event("step.started", {"step": {"id": "plan", "name": "Plan"}, "input": {"i": None}}, at=2, **of),
        event("step.completed", {"step": {"id": "plan"}, "output": "planned", "metadata": {"m": 1}}, at=3, **of),
        event("step.started", {"step": {**loop, "iteration": 1}}, at=4, **of),
        event("step.completed", {"step": {**loop, "iteration": 1}, "output": "one"}, at=5, **of),
        event("step.started", {"step": {**loop, "iteration": 2}}, at=6, **of),
        event(
            "step.failed",
            {"step": {**loop, "iteration": 2}, "error": {"message": "no", "type": "Oops", "stack": "s"}},
            at=7,
            **of,
        ),
        event("step.started", {"step": {**loop, "iteration": 2}}, at=8, **of),
        event("step.skipped", {"step": {**loop, "iteration": 2}, "duration_ms": 5}, at=9, **of),
        event("execution.failed", FAILED, at=10, **of),
    ]


async def test_a_governed_flow_reads_as_its_table_had_it(office: Desk) -> None:
    await record(office, *whole_run())
    assert await shown(office, "crewai_flow_executions") == {
        "id": UUID(ROW),
        "flow_id": derived("workflow", "flow-1"),
        "execution_key": "FLOW-A-1",
        "input_state": {"q": [1, None]},
        "output_state": {"answer": [42, None]},
        "metadata": {"k": {"v": 1}},
        "status": "failed",
        "error_message": "broken",
        "error_stack": "at line 1",
        "error_type": "ValueError",
        "started_at": at(1),
        "completed_at": at(10),
        "duration_ms": 1500,
        "token_count": 130,
        "cost_usd": Decimal("1.2346"),
        "board_meeting_id": derived("board_meeting", "board"),
        "executed_by": UUID(USER),
        "venture_id": UUID(VENTURE),
        "prd_id": derived("prd", "prd-7"),
        "sd_id": "SD-1",
        "execution_mode": "scheduled",
        "budget_consumed": 130,
        "budget_limit": 5000,
        "killed_by_budget": False,
    }
    assert await rows(office, "crewai_flows") == [{"id": derived("workflow", "flow-1"), "execution_count": 1}]


async def test_an_agent_s_task_reads_as_its_table_had_it(office: Desk) -> None:
    await record(office, *whole_run())
    assert await shown(office, "task_executions") == {
        "id": UUID(ROW),
        "workflow_id": "FLOW-A-1",
        "user_id": UUID(USER),
        "tenant_id": derived("tenant", "default"),
        "session_id": "talk-1",
        "query": "why?",
        "mode": "COMPLEX",
        "status": "FAILED",
        "started_at": at(1),
        "completed_at": at(10),
        "result": "done",
        "response": {"answer": [42, None]},
        "error_message": "broken",
        "total_tokens": 130,
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_cost_usd": Decimal("1.234568"),
        "duration_ms": 1500,
        "agents_used": 2,
        "tools_invoked": 3,
        "cache_hits": 1,
        "complexity_score": Decimal("0.75"),
        "metadata": {"k": {"v": 1}},
        "created_at": at(0),
    }
    assert await rows(office, "users") == [{"id": UUID(USER), "email": "ann@example.org", "name": "Ann"}]


async def test_a_content_workflow_reads_as_its_table_had_it(office: Desk) -> None:
    await record(office, *whole_run())
    assert await shown(office, "workflow_executions") == {
        "id": UUID(ROW),
        "workflow_id": derived("workflow", "flow-1"),
        "owner_id": USER,
        "execution_status": "failed",
        "created_at": at(0),
        "started_at": at(1),
        "completed_at": at(10),
        "duration_ms": 1500,
        "initial_input": {"q": [1, None]},
        "phase_results": {
            "Plan": {
                "status": "completed", "output": "planned", "error": None, "duration_ms": 1000, "metadata": {"m": 1},
            },
            "Write it": {"status": "skipped", "output": None, "error": None, "duration_ms": 5, "metadata": None},
        },
        "final_output": {"answer": [42, None]},
        "error_message": "broken",
        "progress_percent": 75,
        "completed_phases": 3,
        "total_phases": 4,
        "tags": ["a", "b"],
        "metadata": {"k": {"v": 1}},
    }  # fmt: skip


async def test_an_event_triggered_workflow_reads_as_its_table_had_it(office: Desk) -> None:
    await record(office, *whole_run())
    row = await shown(office, "workflow_execution_log")
    loop = {"stepId": "write", "operation": "llm", "stepName": "Write it", "name": "Write it", "totalItems": 2}
    assert row.pop("steps_log") == [
        {
            "status": "COMPLETED", "stepId": "plan", "stepName": "Plan", "name": "Plan", "input": {"i": None},
            "output": "planned", "startedAt": "2026-03-01T12:00:02.123Z", "endedAt": "2026-03-01T12:00:03.123Z",
            "durationMs": 1000,
        },
        {
            **loop, "status": "COMPLETED", "output": "one", "startedAt": "2026-03-01T12:00:04.123Z",
            "endedAt": "2026-03-01T12:00:05.123Z", "durationMs": 1000, "iteration": 1,
        },
        {
            **loop, "status": "FAILED", "error": {"message": "no", "stack": "s", "name": "Oops"},
            "startedAt": "2026-03-01T12:00:06.123Z", "endedAt": "2026-03-01T12:00:07.123Z", "durationMs": 1000,
            "iteration": 2,
        },
        {
            **loop, "status": "COMPLETED", "startedAt": "2026-03-01T12:00:08.123Z",
            "endedAt": "2026-03-01T12:00:09.123Z", "durationMs": 5, "iteration": 2,
        },
    ]  # fmt: skip
    assert row == {
        "id": ROW,
        "run_id": "FLOW-A-1",
        "workflow_function_id": "fn-1",
        "workflow_name": "Write",
        "event_id": "cron-1",
        "event_name": "cron.tick",
        "input_payload": {"q": [1, None]},
        "status": "FAILED",
        "started_at": at(1),
        "ended_at": at(10),
        "duration_ms": 1500,
        "output_payload": {"answer": [42, None]},
        "error": "broken",
        "error_stack": "at line 1",
        "workflow_id": "flow-1",
        "organisation_id": "default",
        "workflow_version_id": "3",
    }


async def test_an_execution_of_a_crew_reads_as_its_table_had_it(office: Desk) -> None:
    await record(office, *whole_run())
    assert await shown(office, "executions") == {
        "id": UUID(ROW),
        "status": "failed",
        "message_id": "msg-1",
        "graph_id": "graph-1",
        "result": "done",
        "output": {"answer": [42, None]},
        "error": "broken",
        "error_type": "ValueError",
        "created_at": at(0),
        "started_at": at(1),
        "completed_at": at(10),
        "duration_ms": 1500,
        "metrics": {
            "total_tokens": 130, "prompt_tokens": 100, "completion_tokens": 20, "cost_usd": 1.23456789,
            "agents_used": 2, "tools_invoked": 3, "cache_hits": 1, "total_steps": 4, "completed_steps": 3,
        },
    }  # fmt: skip


async def test_where_nothing_is_known_the_defaults_of_the_tables_stand(office: Desk) -> None:
    await record(office, event("execution.created", at=0))
    execution = await office.value("SELECT id FROM execledger.executions")
    flow = await shown(office, "crewai_flow_executions")
    said = {name: value for name, value in flow.items() if value is not None}
    assert said == {
        "id": execution, "execution_key": "run-1", "status": "pending", "started_at": at(0), "execution_mode": "manual",
        "budget_consumed": 0, "killed_by_budget": False,
    }  # fmt: skip
    task = await shown(office, "task_executions")
    assert {name for name, value in task.items() if value == 0} == {
        "total_tokens", "prompt_tokens", "completion_tokens", "total_cost_usd", "agents_used", "tools_invoked",
        "cache_hits",
    }  # fmt: skip
    workflow = await shown(office, "workflow_executions")
    assert [workflow[name] for name in ("phase_results", "tags", "metadata", "started_at")] == [{}, [], {}, None]
    assert [workflow[name] for name in ("progress_percent", "completed_phases", "total_phases")] == [0, 0, 0]
    log = await shown(office, "workflow_execution_log")
    assert (log["id"], log["started_at"], log["steps_log"]) == (str(execution), at(0), [])
    assert await rows(office, "users") == await rows(office, "token_usage") == []


WORDS = {
    "execution.created": ("pending", "RUNNING", "pending", "RUNNING", "pending"),
    "execution.started": ("running", "RUNNING", "running", "RUNNING", "running"),
    "execution.completed": ("completed", "COMPLETED", "completed", "COMPLETED", "completed"),
    "execution.failed": ("failed", "FAILED", "failed", "FAILED", "failed"),
    "execution.cancelled": ("cancelled", "CANCELLED", "cancelled", "CANCELED", "cancelled"),
    "execution.timed_out": ("timeout", "FAILED", "failed", "TIMED_OUT", "failed"),
}
STATUSES = {
    "crewai_flow_executions": "status",
    "task_executions": "status",
    "workflow_executions": "execution_status",
    "workflow_execution_log": "status",
    "executions": "status",
}


@pytest.mark.parametrize(("sent", "words"), WORDS.items())
async def test_each_table_has_its_own_words_for_statuses(office: Desk, sent: str, words: Sequence[str]) -> None:
    await record(office, event(sent))
    assert [(await shown(office, view))[column] for view, column in STATUSES.items()] == list(words)


async def test_what_a_type_cannot_hold_is_shown_as_the_nearest(office: Desk) -> None:
    key, sd = "K" * 101, "S" * 51
    usage = {"prompt_tokens": 2**40, "completion_tokens": 2**62, "total_tokens": 2**63 - 1, "cost_usd": "123456789.5"}
    ended = {"usage": usage, "duration_ms": 2**40, "agents_used": 2**40, "tools_invoked": 2**40, "cache_hits": 2**40}
    call = {"provider": "p" * 60, "prompt_tokens": 2**62, "completion_tokens": 2**62, "cost_usd": "99999"}
    await record(
        office,
        event("execution.started", {"labels": {"sd_id": sd}, "budget": {"token_limit": 2**50}}, subject=key),
        event("llm.called", call, subject=key, at=1),
        event("tool.called", {"tool_name": "t", "duration_ms": 2**50}, subject=key, at=2),
        event("x" * 200, {"agent_id": "a" * 300, "stream_id": "s" * 65, "message": "m"}, subject=key, at=3),
        event("execution.failed", {**ended, "error": {"message": "m", "type": "T" * 101}}, subject=key, at=4),
    )
    most = 2**31 - 1
    flow = await shown(office, "crewai_flow_executions")
    assert flow["execution_key"] == "K" * 68 + sha256(key.encode()).hexdigest()[:32]
    assert flow["sd_id"] == "S" * 18 + sha256(sd.encode()).hexdigest()[:32]
    assert (flow["error_type"], flow["cost_usd"]) == ("T" * 100, Decimal("999999.9999"))
    assert {flow[name] for name in ("duration_ms", "token_count", "budget_consumed", "budget_limit")} == {most}
    task = await shown(office, "task_executions")
    assert {value for name, value in task.items() if "tokens" in name or name.endswith(("_used", "hits"))} == {most}
    assert task["total_cost_usd"] == Decimal("9999.999999")
    usage_row = await shown(office, "token_usage")
    assert (usage_row["provider"], usage_row["total_tokens"]) == ("p" * 50, most)
    assert (await shown(office, "tool_executions"))["duration_ms"] == most
    (strange,) = (row for row in await rows(office, "event_logs") if row["type"].startswith("x"))
    assert (strange["type"], strange["agent_id"], strange["stream_id"]) == ("x" * 100, "a" * 255, "s" * 64)


async def test_a_key_with_a_backslash_is_hashed_as_it_is_written(office: Desk) -> None:
    key = "\\x00\\" + "ü" * 100
    await record(office, event(subject=key))
    flow = await shown(office, "crewai_flow_executions")
    assert flow["execution_key"] == key[:68] + sha256(key.encode()).hexdigest()[:32]


@pytest.mark.parametrize(
    ("subject", "label", "uuid", "text"),
    [
        (USER, ROW, ROW, ROW),
        (USER, None, USER, USER),
        (USER, "row 7", USER, "row 7"),
        ("run-1", "row 7", None, "row 7"),
        ("run-1", None, None, None),
    ],
)
async def test_an_old_table_s_id_of_an_execution(
    office: Desk, subject: str, label: str | None, uuid: str | None, text: str | None
) -> None:
    await record(office, event(data={"labels": {} if label is None else {"row_id": label}}, subject=subject))
    execution = await office.value("SELECT id FROM execledger.executions")
    assert (await shown(office, "task_executions"))["id"] == (execution if uuid is None else UUID(uuid))
    assert (await shown(office, "workflow_execution_log"))["id"] == (str(execution) if text is None else text)


async def test_the_log_of_events_has_every_event_under_its_name_there(office: Desk) -> None:
    await record(
        office,
        event("execution.started", {"labels": {"row_id": ROW}}, at=0, sequence=1),
        event("execution.paused", {"reason": "r"}, at=1),
        event("workflow.progressed", {"message": "half"}, at=2),
        event("agent.thinking", {"agent_id": "writer", "message": "hm", "stream_id": "s-1", "n": None}, at=3),
        event("agent.said", "only text", at=4),
        event("execution.completed", at=5),
        event("execution.failed", {"error": "late"}, at=6),
    )
    log = await rows(office, "event_logs", '"timestamp"')
    assert [row["type"] for row in log] == [
        "task.started", "task.paused", "workflow.progressed", "agent.thinking", "agent.said", "task.completed",
        "task.failed",
    ]  # fmt: skip
    assert {(row["workflow_id"], row["task_id"]) for row in log} == {("run-1", UUID(ROW))}
    assert [row["timestamp"] for row in log] == [at(seconds) for seconds in range(7)]
    assert [row["seq"] for row in log] == [1, None, None, None, None, None, None]
    thinking = log[3]
    assert (thinking["agent_id"], thinking["message"], thinking["stream_id"]) == ("writer", "hm", "s-1")
    assert thinking["payload"] == {"agent_id": "writer", "message": "hm", "stream_id": "s-1", "n": None}
    assert [row["message"] for row in log] == [None, None, "half", "hm", None, None, None]
    assert (log[4]["payload"], log[5]["payload"]) == ("only text", None)
    stored = await office.rows("SELECT event_id, recorded_at FROM execledger.execution_events ORDER BY occurred_at")
    assert [(row["id"], row["created_at"]) for row in log] == [(row["event_id"], row["recorded_at"]) for row in stored]


async def test_imported_rows_are_shown_in_the_table_that_they_came_from(office: Desk) -> None:
    said = {"id": ROW, "agent_id": "a", "message": "m", "stream_id": "s", "created_at": "2025-01-02T03:04:05+00:00"}
    of_logs = {"source": f"{IMPORT_SOURCE}:event_logs"}
    await record(
        office,
        event(source=f"{IMPORT_SOURCE}:task_executions", at=0),
        {**event("llm.called", {"model": "m"}, source=f"{IMPORT_SOURCE}:token_usage", at=1), "id": USER},
        {**event("tool.called", {}, source=f"{IMPORT_SOURCE}:tool_executions", at=2), "id": VENTURE},
        {**event("imported:execution.x", {"tool_name": "t"}, at=3), **of_logs, "row": json.dumps(said)},
        {**event("imported:agent.x", {"p": 1}, at=4), **of_logs, "row": "no JSON"},
    )
    first, second = await rows(office, "event_logs", '"timestamp"')
    assert {name: first[name] for name in ("agent_id", "message", "stream_id")} == {
        "agent_id": "a", "message": "m", "stream_id": "s",
    }  # fmt: skip
    assert (first["payload"], first["created_at"].isoformat()) == ({"tool_name": "t"}, "2025-01-02T03:04:05+00:00")
    assert (first["id"], first["type"], second["type"]) == (UUID(ROW), "execution.x", "agent.x")
    assert (second["agent_id"], second["created_at"]) == (None, at(4))
    assert (await shown(office, "token_usage"))["id"] == UUID(USER)
    assert (await shown(office, "tool_executions"))["id"] == UUID(VENTURE)


async def test_a_duration_that_an_imported_row_did_not_say_is_shown_by_no_table(office: Desk) -> None:
    source = f"{IMPORT_SOURCE}:executions"
    await record(
        office,
        event(data={"labels": {"row_without": "duration_ms"}}, source=source),
        event("execution.completed", source=source, at=1),
    )
    assert [(await shown(office, view))["duration_ms"] for view in STATUSES] == [None] * len(STATUSES)


async def test_calls_read_as_their_tables_had_them(office: Desk) -> None:
    call = {"provider": "acme", "model": "m-1", "prompt_tokens": 10, "completion_tokens": 5, "cost_usd": "0.1234567",
            "agent_id": "writer", "cache_hit": True}  # fmt: skip
    tool = {"tool_name": "search", "success": False, "error": "none", "duration_ms": 7, "agent_id": "writer",
            "input": {"q": 1}, "output": [None]}  # fmt: skip
    await record(
        office,
        event(data={"owner": {"id": "ann"}, "labels": {"row_id": ROW}}),
        event("llm.called", call, at=1),
        event("tool.called", tool, at=2),
    )
    events = {row["type"]: row["event_id"] for row in await office.rows("SELECT * FROM execledger.execution_events")}
    assert await shown(office, "token_usage") == {
        "id": events["llm.called"], "task_id": UUID(ROW), "user_id": derived("owner", "ann"), "provider": "acme",
        "model": "m-1", "agent_id": "writer", "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
        "cost_usd": Decimal("0.123457"), "created_at": at(1),
    }  # fmt: skip
    assert await shown(office, "tool_executions") == {
        "id": events["tool.called"], "task_id": UUID(ROW), "tool_name": "search", "agent_id": "writer",
        "success": False, "duration_ms": 7, "error_message": "none", "input": {"q": 1}, "output": [None],
        "created_at": at(2),
    }  # fmt: skip
    while await office.store.usage.recompute():
        pass
    assert await rows(office, "usage_daily_aggregates") == [
        {
            "user_id": derived("owner", "ann"), "date": NOON.date(), "total_tasks": 1, "successful_tasks": 0,
            "failed_tasks": 0, "total_tokens": 15, "total_cost_usd": Decimal("0.123457"),
            "cache_hit_rate": Decimal("0.5000"),
        }
    ]  # fmt: skip


async def test_an_owner_is_one_user_whom_an_execution_names(office: Desk) -> None:
    """Who is named by a source that may not is no user, for no execution has that owner."""
    await record(
        office,
        event(data={"owner": {"id": "ann", "name": "Old"}}),
        event(data={"owner": {"id": "ann", "name": "Ann", "email": "a@x"}}, subject="run-2", at=1),
        event(data={"owner": {"id": "bob"}}, at=2, source="urn:other"),
        event(data={"owner": {"id": USER.lower()}}, subject="run-3", at=3),
        event(data={"owner": {"id": USER, "name": "Upper"}}, subject="run-4", at=4),
    )
    users = {row["id"]: (row["email"], row["name"]) for row in await rows(office, "users")}
    assert users == {derived("owner", "ann"): ("a@x", "Ann"), UUID(USER): (None, "Upper")}


async def test_what_jsonb_refuses_breaks_no_row(office: Desk) -> None:
    huge = b'{"n": 1e-20000, "text": "kept"}'
    said = json.dumps(event(data={"input": {"here": 0}})).encode().replace(b'{"here": 0}', huge)
    await office.record(Topic().add(said))
    assert "kept" in str((await shown(office, "crewai_flow_executions"))["input_state"])
    assert "kept" in str((await shown(office, "event_logs"))["payload"])
