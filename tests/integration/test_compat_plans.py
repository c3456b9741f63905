"""What the old tables had indexed is found by an index through their views, under row-level security."""

import json
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import pytest

from bench.query.filling import TENANT, fill
from execledger_recorder.store import Store
from execledger_recorder.store.sql_access import Access
from factories_recorder import Desk

USER: Final = "md5('user-7')::uuid"
# Filter, and what the condition of an index must name.
FILTERS: Final = {
    "crewai_flow_executions": {
        "id = '{row}'": "row_uuid",
        "execution_key = 'run-77'": "execution_key",
        "flow_id = md5('workflow-7')::uuid ORDER BY started_at DESC LIMIT 5": "workflow_uuid",
        "board_meeting_id = md5('7')::uuid": "board_meeting_uuid",
        "executed_by = " + USER: "owner_uuid",
        "venture_id = md5('7')::uuid AND prd_id = md5('8')::uuid AND sd_id = 'sd-7'": "sd_key",
        "status = 'timeout'": "'timeout'",
        "started_at > now() - interval '1 day'": "started_at",
        "true ORDER BY started_at DESC LIMIT 5": "tenant_id",
    },
    "crewai_flows": {"id = md5('workflow-7')::uuid": "workflow_uuid"},
    "task_executions": {
        "id = '{row}'": "row_uuid",
        "workflow_id = 'run-77'": "external_id",
        f"user_id = {USER} AND started_at > now() - interval '7 days'": "started_at",
        f"user_id = {USER} AND session_id = 'session-7'": "session_id",
        "session_id = 'session-7'": "session_id",
        "tenant_id = md5('acme')::uuid": "tenant_id",
        "status = 'FAILED'": "'FAILED'",
        "status = 'RUNNING'": "'RUNNING'",
        "created_at > now() - interval '1 day'": "created_at",
        "true ORDER BY created_at DESC LIMIT 5": "tenant_id",
    },
    "event_logs": {
        "workflow_id = 'run-77' AND seq > 2": "external_id",
        "workflow_id = 'run-77' AND \"timestamp\" > now() - interval '1 day'": "external_id",
        "task_id = '{row}'": "row_uuid",
        "type = 'task.timed_out'": "'task.timed_out'",
        "\"timestamp\" > now() - interval '1 hour'": "occurred_at",
    },
    "token_usage": {
        "provider = 'acme' AND model = 'none'": "model",
        "task_id = '{row}'": "row_uuid",
        "user_id = " + USER: "owner_uuid",
        "created_at > now() - interval '1 hour'": "occurred_at",
    },
    "tool_executions": {
        "task_id = '{row}'": "row_uuid",
        "created_at > now() - interval '1 hour'": "occurred_at",
    },
    "usage_daily_aggregates": {f"user_id = {USER}": "uuid", "date = '2026-01-01'": "(owner_id)::text = usage.owner_id"},
    "users": {f"id = {USER}": "uuid"},
    "workflow_executions": {
        "id = '{row}'": "row_uuid",
        "workflow_id = md5('workflow-7')::uuid": "workflow_uuid",
        "owner_id = 'user-7'": "owner_id",
        "workflow_id = md5('workflow-7')::uuid AND owner_id = 'user-7'": "owner_id",
        "execution_status = 'cancelled'": "'cancelled'",
        "true ORDER BY created_at DESC LIMIT 5": "tenant_id",
    },
    "workflow_execution_log": {
        "id = '{row}'": "row_id",
        "run_id = 'run-77'": "external_id",
        "workflow_id = 'workflow-7' AND organisation_id = 'acme'": "workflow_id",
        "status = 'FAILED'": "'FAILED'",
        "status = 'TIMED_OUT'": "'TIMED_OUT'",
        "status = 'RUNNING' ORDER BY started_at DESC": "'RUNNING'",
        "started_at > now() - interval '1 day'": "started_at",
        "true ORDER BY started_at DESC LIMIT 5": "tenant_id",
    },
    "executions": {
        "id = '{row}'": "row_uuid",
        "message_id = 'message-7'": "message_id",
        "graph_id = 'graph-7'": "graph_id",
        "status = 'failed'": "'failed'",
        "status = 'running'": "'running'",
        "true ORDER BY created_at DESC LIMIT 5": "tenant_id",
    },
}


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    """Executions of a year, of which a few have links; some days of usage."""
    async with connected(database) as connection, Store(database) as store:
        office = Desk(database, store, connection)
        await fill(office.connection, 2_000, lambda _: None)
        await office.connection.execute(
            "UPDATE execledger.executions SET board_meeting_uuid = md5(n)::uuid, venture_uuid = md5(n)::uuid,"
            " prd_uuid = md5(n)::uuid, sd_id = 'sd-' || n, message_id = 'message-' || n, graph_id = 'graph-' || n"
            " FROM (SELECT id AS known, right(external_id, 2) AS n FROM execledger.executions) AS numbered"
            " WHERE id = known AND n < '20'"
        )
        await office.connection.execute(
            "INSERT INTO execledger.owners (tenant_id, id, occurred_at, event_id, uuid)"
            " SELECT DISTINCT ON (owner_id) tenant_id, owner_id, created_at, id, owner_uuid FROM execledger.executions"
        )
        await office.connection.execute(
            "INSERT INTO execledger.usage_daily SELECT tenant_id, id, '2026-01-01', 1, 1, 0, 1, 1, 2, 0"
            " FROM execledger.owners"
        )
        await office.connection.execute("ANALYZE")
        yield office


async def test_every_filter_that_had_an_index_has_one(office: Desk) -> None:
    """Tables this small would be read whole: that is forbidden here, so that a plan shows what an index can do."""
    reader = f"reader {secrets.token_hex(4)}"
    assert await office.store.sql_access.grant(Access(reader, "reader", TENANT, None)) is None
    row = await office.value("SELECT row_uuid FROM execledger.executions WHERE external_id = 'run-77'")
    connection = office.connection
    await connection.execute(
        f'SET SESSION AUTHORIZATION "{reader}"; SET search_path = compat; SET enable_seqscan = off'
    )
    try:
        found = {
            (view, asked): (wanted, await of_indexes(office, view, asked.format(row=row)))
            for view, filters in FILTERS.items()
            for asked, wanted in filters.items()
        }
    finally:
        await connection.execute("RESET SESSION AUTHORIZATION; RESET search_path; RESET enable_seqscan")
        await connection.execute(f'DROP OWNED BY "{reader}"; DROP ROLE "{reader}"')
    without = {asked: used for asked, (wanted, used) in found.items() if not any(wanted in said for said in used)}
    assert without == {}


async def of_indexes(office: Desk, view: str, asked: str) -> list[str]:
    """The conditions of the indexes in a plan."""
    plan = await office.value(f"EXPLAIN (FORMAT JSON) SELECT * FROM {view} WHERE {asked}")  # noqa: S608
    return list(_conditions(json.loads(plan)))


def _conditions(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _conditions(each)
    elif isinstance(node, dict):
        yield from (node[name] for name in ("Index Cond",) if name in node)
        yield from _conditions(list(node.values()))


async def test_what_is_read_from_the_log_costs_nothing_where_it_is_not_selected(office: Desk) -> None:
    for view, columns in (
        ("task_executions", "id, status, total_cost_usd"),
        ("crewai_flow_executions", "execution_key, duration_ms"),
        ("workflow_execution_log", "run_id, status"),
    ):
        plan = "\n".join(
            row[0]
            for row in await office.connection.fetch(f"EXPLAIN (VERBOSE) SELECT {columns} FROM compat.{view}")  # noqa: S608
        )
        assert "said(" not in plan, view
        assert "steps_log(" not in plan, view
    plan = "\n".join(
        row[0]
        for row in await office.connection.fetch(
            "EXPLAIN SELECT date_trunc('hour', \"timestamp\"), count(*) FROM compat.event_logs GROUP BY 1"
        )
    )
    assert "executions" not in plan
