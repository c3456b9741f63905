"""The statements against a real schema: each is valid, and lists read an index and stop at the limit.

Measured on PostgreSQL 18 with 200,000 executions in 40 tenants and six partitions, 600,000 events: a page of 50 by
tenant, status, several statuses, workflow, owner, and each for an owner, takes 0.1 to 0.6 ms and 20 to 120 pages of
memory, the first page and one from the middle alike; planning takes 0.4 to 2.4 ms. Plans that do not know the values
(plan_cache_mode auto may take them after five executions) took up to 118 ms for several statuses and 58 ms for one
that no execution has, so connections force custom plans. Narrowed by started_at alone it reads what lies before in
created_at: 20,000 pages, 55 ms; an index on (tenant_id, started_at, id) would mend that. Figures for /metrics: 95 ms.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from execledger_query.caller import EVERYTHING, Caller, Role
from execledger_query.sql import names, statement
from execledger_query.store import Filters, Options, Store
from execledger_query.store.filters import executions_query
from factories_query import ledger

TENANT = Caller("x", "tenant-0", frozenset({Role.READER}))
OWNER = Caller("owner-4", "tenant-0")
MIDDLE = (datetime(2026, 3, 7, tzinfo=UTC), UUID(int=2**127))

_MANY = """
    INSERT INTO execledger.executions (
        id, tenant_id, external_id, version, status, provisional, attempt, owner_id, workflow_id, created_at, ended_at,
        completed_steps, total_steps, prompt_tokens, completion_tokens, total_tokens, cost_usd, cost_nanos, agents_used,
        tools_invoked, cache_hits, killed_by_budget, root_execution_id, usage_day, tenant_uuid, heard_at, fold
    )
    SELECT
        (left(execledger.uuid_floor(at)::text, 13) || '-7' || substr(md5(i::text), 1, 3) || '-a'
            || substr(md5(i::text), 4, 3) || '-' || substr(md5(i::text), 8, 12))::uuid,
        'tenant-' || CASE WHEN i % 2 = 0 THEN 0 ELSE i % 20 END, 'run-' || i, 1, status, false, 1,
        'owner-' || i % 97, 'flow-' || i % 23, at, CASE WHEN status <> 'running' THEN at END,
        1, 1, 0, 0, 0, 0, 0, 1, 1, 1, false, 'run-' || i, at::date, gen_random_uuid(), at, repeat('x', 200)
    FROM (
        SELECT i, timestamptz '2026-03-12 00:00Z' - i * interval '30 s' AS at,
            CASE WHEN i % 100 = 0 THEN 'failed' WHEN i % 250 = 2 THEN 'running' ELSE 'completed' END AS status
        FROM generate_series(1, 30000) AS i
    ) AS made
"""


async def test_every_statement_is_valid(database: str) -> None:
    async with ledger(database) as rows:
        for name in names():
            await rows.connection.prepare(statement(name))


async def test_every_set_of_filters_is_valid(database: str) -> None:
    now = datetime.now(UTC)
    every = Filters(("failed", "running"), "flow", "ann", "run-1", now - timedelta(days=1), now)
    async with Store.open(Options(database)) as store, store.reading(EVERYTHING) as reader:
        for after in (None, MIDDLE):
            assert await reader.executions(every, after, 10) == []
        assert await reader.steps(MIDDLE[1], (now, "draft", 1, 1, 1), 10) == []
        assert await reader.events(MIDDLE[1], (now, -1, 0, MIDDLE[1]), 10, with_payloads=True) == []
        for kind in ("llm", "tool"):
            assert await reader.calls(kind, MIDDLE[1], MIDDLE, 10, 1) == []


async def test_a_list_reads_an_index_and_stops_at_the_limit(database: str) -> None:
    async with ledger(database) as rows:
        for month in (2, 3):
            await rows.connection.execute(
                "SELECT execledger.ensure_partition($1)", datetime(2026, month, 2, tzinfo=UTC)
            )
        await rows.connection.execute(_MANY)
        await rows.connection.execute(
            "INSERT INTO execledger.execution_aliases SELECT tenant_id, external_id, id FROM execledger.executions"
        )
        await rows.connection.execute("ANALYZE execledger.executions, execledger.execution_aliases")
    async with Store.open(Options(database)) as store:
        for who, filters in (
            (TENANT, Filters()),
            (TENANT, Filters(statuses=("failed",))),
            (TENANT, Filters(statuses=("failed", "running", "timed_out"))),
            (TENANT, Filters(statuses=("timed_out",))),
            (TENANT, Filters(workflow_id="flow-4")),
            (TENANT, Filters(owner_id="owner-4")),
            (TENANT, Filters(external_id="run-100")),
            (OWNER, Filters()),
            (OWNER, Filters(statuses=("failed",))),
            (EVERYTHING, Filters()),
        ):
            for after in (None, MIDDLE):
                assert await _rows_read(store, who, filters, after) <= 500, (who, filters, after)


async def _rows_read(store: Store, who: Caller, filters: Filters, after: Any) -> float:
    """How many rows the plan touched, those that it threw away counted too."""
    query, arguments = executions_query(filters, after)
    async with store.reading(who) as reader:
        for _ in range(8):  # as often as a connection needs to settle on a plan
            await reader.executions(filters, after, 51)
        found = await reader._rows(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", 51, *arguments)
    plan = found[0]["QUERY PLAN"]
    return _touched((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])


def _touched(node: dict[str, Any]) -> float:
    below = sum(_touched(child) for child in node.get("Plans", []))
    if "Relation Name" not in node:
        return below
    thrown_away = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float(below + (node["Actual Rows"] + thrown_away) * node["Actual Loops"])


@pytest.mark.parametrize("statuses", [(), ("failed",), ("failed", "running"), ("running", "failed", "failed")])
async def test_the_same_filters_in_any_order_are_the_same_list(statuses: tuple[str, ...]) -> None:
    assert Filters(statuses=statuses).scope() == Filters(statuses=tuple(reversed(statuses))).scope()
    assert Filters(statuses=statuses).scope() != Filters(statuses=statuses, owner_id="ann").scope()
