"""Analytics take the filters of the list, and count the executions that the list shows: whoever asks."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest

from execledger_recorder.duties.rollups import settle
from execledger_recorder.store import Store
from factories_query import NOON, Ledger, bearing, ledger, serving

Item = dict[str, Any]
READER: Final = bearing("rita", "acme", "reader")
OWNER: Final = bearing("ann")
ADMIN: Final = bearing("root", "ops", "admin")
RANGE: Final = f"from={(NOON - timedelta(days=1)).date()}T00:00:00Z&to={(NOON + timedelta(days=9)).date()}T00:00:00Z"
FILTERS: Final = (
    "",
    "status=failed,running",
    "status[]=completed",
    "workflow_id=write",
    "workflow_version=2",
    "owner_id=ann",
    "session_id=s1",
    "tenant_id=acme",
    "external_id=run-7",
    "trigger=scheduled",
    "mode=flow",
    "tag=nightly",
    "tag=nightly&tag[]=rare",
    "label.venture_id=v1",
    "label=venture_id=v1&tag=nightly",
    "error_type=Refused",
    "started_after=2026-03-03T00:00:00Z",
    "started_before=2026-03-03T00:00:00Z&status=completed,failed",
    "duration_ms_gte=500&duration_ms_lte=900",
    "cost_usd_gte=0.5",
    "parent=run-0",
    "root=run-0",
    "has_children=true",
    "has_children=false",
    "paused=true",
    "waiting_for=approval",
    "killed_by_budget=true",
    "q=albatross",
    "q=albatross&status=completed&workflow_id=read",
)

_TO_BE_SUMMED: Final = (
    "INSERT INTO execledger.rollup_marks SELECT DISTINCT tenant_id, 'hour',"
    " date_trunc('hour', execledger.start_of(started_at, created_at), 'UTC') FROM execledger.executions",
    "INSERT INTO execledger.usage_marks SELECT tenant_id, coalesce(owner_id, ''), usage_day FROM execledger.executions",
    "INSERT INTO execledger.counted_events SELECT tenant_id, date_trunc('hour', occurred_at, 'UTC'), type, count(*)"
    " FROM execledger.execution_events GROUP BY 1, 2, 3",
)


async def _traffic(into: Ledger) -> None:
    random = Random(11)  # noqa: S311
    for number in range(120):
        start = NOON + random.random() * timedelta(days=6)
        status = random.choice(("completed", "failed", "timed_out", "running", "pending"))
        has_ended = status in ("completed", "failed", "timed_out")
        tenant = random.choice(("acme", "acme", "umbra"))
        is_paused = status == "running" and random.random() < 0.5
        is_child = 0 < number < 30
        nanos = random.randrange(10**9)
        id_ = await into.execution(
            external_id=f"run-{number}",
            tenant_id=tenant,
            owner_id=random.choice(("ann", "bob", None)),
            workflow_id=random.choice(("write", "read", None)),
            workflow_version=random.choice(("1", "2")),
            session_id=random.choice(("s1", None)),
            trigger_mode=random.choice(("scheduled", "manual", None)),
            mode=random.choice(("flow", None)),
            error_type="Refused" if status == "failed" and number % 2 else None,
            query=random.choice(("what, albatross?", "nothing")),
            status=status,
            created_at=start,
            started_at=None if status == "pending" else start,
            ended_at=start + timedelta(seconds=1) if has_ended else None,
            duration_ms=random.randrange(1000) if has_ended else None,
            usage_day=start.date(),
            cost_nanos=nanos,
            cost_usd=Decimal(nanos).scaleb(-9),
            total_tokens=random.randrange(1000),
            killed_by_budget=random.random() < 0.2,
            paused_at=start if is_paused else None,
            waiting_for="approval" if is_paused else None,
            **({"parent_execution_id": "run-0", "root_execution_id": "run-0"} if is_child else {}),
        )
        await _parts(into, id_, tenant, number, random)


async def _parts(into: Ledger, id_: UUID, tenant: str, number: int, random: Random) -> None:
    labels = [("tag", "", "nightly")] * (number % 2) + [("tag", "", "rare")] * (number % 3 == 0)
    for kind, key, value in [*labels, *([("label", "venture_id", "v1")] if number % 5 == 0 else [])]:
        row = {"execution_id": id_, "kind": kind, "key": key, "value": value, "tenant_id": tenant}
        await into.insert("execution_labels", row)
    for step in range(random.randrange(3)):
        await into.step(id_, f"step-{step}", tenant_id=tenant, status="completed", duration_ms=random.randrange(99))
    event_id = await into.event(id_, tenant_id=tenant, occurred_at=NOON + timedelta(days=1), offset=number)
    call = {"execution_id": id_, "event_id": event_id, "tenant_id": tenant, "occurred_at": NOON, "attempt": 1}
    await into.insert("llm_calls", {**call, "provider": "p", "model": "m", "cost_usd": Decimal("0.001")})
    await into.insert("tool_calls", {**call, "tool_name": "search", "success": True})


@pytest.fixture
async def rows(database: str) -> AsyncIterator[Ledger]:
    """Executions of two tenants, and roll-ups of them that are settled."""
    async with ledger(database) as into:
        await _traffic(into)
        for statement in _TO_BE_SUMMED:
            await into.connection.execute(statement)
        async with Store(database) as store:
            await settle(store)
            await store.usage.recompute()
        yield into


async def _get(client: httpx2.AsyncClient, path: str, query: str, who: dict[str, str]) -> list[Item]:
    answer = await client.get(f"/v1/{path}?{query}", headers=who)
    assert answer.status_code == 200, (path, query, answer.text)
    items: list[Item] = answer.json()["items"]
    return items


@pytest.mark.parametrize("who", [READER, OWNER, ADMIN], ids=["tenant", "owner", "admin"])
async def test_analytics_count_what_the_list_shows_by_any_of_its_filters(
    database: str, rows: Ledger, who: dict[str, str]
) -> None:
    async with serving(database) as client:
        for filters in FILTERS:
            shown = await _get(client, "executions", f"{filters}&limit=200", who)
            assert (await _figures(client, filters, who)) == (await _plainly(rows, shown)), filters
            slowest = await _get(client, "analytics/slowest", f"{RANGE}&limit=200&{filters}", who)
            assert {item["id"] for item in slowest} == {item["id"] for item in shown if item["duration_ms"] is not None}
            assert shown or who is not ADMIN, filters


async def _figures(client: httpx2.AsyncClient, filters: str, who: dict[str, str]) -> Item:
    async def asked(name: str, more: str = "") -> list[Item]:
        return await _get(client, f"analytics/{name}", f"{RANGE}&{filters}{more}", who)

    executions, cost = await asked("executions", "&group_by=status"), await asked("cost")
    statuses = Counter[str]()
    for item in executions:
        statuses[item["status"]] += item["executions"]
    return {
        "statuses": statuses,
        "cost": sum(Decimal(item["cost_usd"]) for item in cost),
        "tokens": sum(item["total_tokens"] for item in cost),
        "lasted": sum(item["executions"] for item in await asked("durations")),
        "versions": sum(item["executions"] for item in await asked("versions")),
        "usage": sum(item["executions"] for item in await asked("usage")),
        "steps": sum(item["steps"] for item in await asked("steps")),
        "llm_calls": sum(item["llm_calls"] for item in await asked("agents")),
        "tool_calls": sum(item["calls"] for item in await asked("tools")),
        "events": sum(item["events"] for item in await asked("events")),
    }


async def _plainly(rows: Ledger, shown: list[Item]) -> Item:
    ids = [UUID(item["id"]) for item in shown]

    async def count(table: str) -> int:
        query = f"SELECT count(*) FROM execledger.{table} WHERE execution_id = ANY($1)"  # noqa: S608
        counted: int = await rows.connection.fetchval(query, ids)
        return counted

    return {
        "statuses": Counter(item["status"] for item in shown),
        "cost": sum(Decimal(item["usage"]["cost_usd"]) for item in shown),
        "tokens": sum(item["usage"]["total_tokens"] for item in shown),
        "lasted": sum(item["status"] not in ("running", "pending") for item in shown),
        "versions": len(shown),
        "usage": len(shown),
        "steps": await count("steps"),
        "llm_calls": await count("llm_calls"),
        "tool_calls": await count("tool_calls"),
        "events": await count("execution_events"),
    }
