"""Analytics come to what a plain count of the executions comes to, whoever asks, however the range is cut."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx2
import pytest

from execledger_lifecycle.rollups import DURATION_ERROR
from execledger_recorder.duties.rollups import settle
from execledger_recorder.store import Store
from factories_query import Ledger, bearing, ledger, serving

BEGIN: Final = datetime(2026, 3, 27, 21, 40, tzinfo=UTC)  # over the night in which summer time begins in Berlin
END: Final = datetime(2026, 4, 2, 4, 20, tzinfo=UTC)
READER: Final = bearing("rita", "acme", "reader")
OWNER: Final = bearing("ann")
ADMIN: Final = bearing("root", "ops", "admin")
Item = dict[str, Any]


async def _traffic(into: Ledger) -> list[Item]:
    """Executions of two tenants in and around the range, with steps and calls; as a plain program counts them."""
    random, said = Random(5), []  # noqa: S311
    for _ in range(150):
        start = BEGIN + random.random() * (END - BEGIN) * 1.2 - timedelta(hours=9)
        status = random.choice(("completed", "completed", "failed", "timed_out", "running", "pending"))
        has_ended = status in ("completed", "failed", "timed_out")
        row: Item = {
            "tenant_id": random.choice(("acme", "acme", "umbra")),
            "owner_id": random.choice(("ann", "bob", None)),
            "workflow_id": random.choice(("write", "read", None)),
            "workflow_version": random.choice(("1", "2")),
            "mode": random.choice(("flow", None)),
            "complexity_score": random.choice((0.1, 0.5, 1.0, None)),
            "status": status,
            "created_at": start - timedelta(minutes=50) if status != "pending" else start,
            "started_at": None if status == "pending" else start,
            "ended_at": start + timedelta(minutes=1) if has_ended else None,
            "duration_ms": random.randrange(10_000) if has_ended else None,
            "usage_day": start.date(),
            "cost_nanos": (nanos := random.randrange(10**9)),
            "cost_usd": Decimal(nanos).scaleb(-9),
            "total_tokens": random.randrange(1000),
            "killed_by_budget": random.random() < 0.1,
        }
        id_ = await into.execution(**row)
        calls = [
            {"provider": random.choice(("p", "q")), "model": random.choice(("m", None)), "cost_usd": Decimal("0.001")}
            for _ in range(random.randrange(3))
        ]
        for call in calls:
            fact = {"execution_id": id_, "event_id": uuid4(), "tenant_id": row["tenant_id"], "occurred_at": start}
            await into.insert("llm_calls", {**fact, "attempt": 1, "duration_ms": 5, "agent_id": "writer", **call})
        steps = [
            {"status": random.choice(("completed", "failed")), "duration_ms": random.randrange(99)}
            for _ in range(random.randrange(3))
        ]
        for number, step in enumerate(steps):
            await into.step(id_, f"step-{number}", tenant_id=row["tenant_id"], agent_id="writer", **step)
        said.append({**row, "start": start, "steps": steps, "calls": calls})
    return said


@pytest.fixture
async def recorded(database: str) -> tuple[str, list[Item]]:
    """A database whose roll-ups are settled, down to days for a part of it, and what is in it."""
    async with ledger(database) as into:
        said = await _traffic(into)
        await into.connection.execute(
            "INSERT INTO execledger.rollup_marks SELECT DISTINCT tenant_id, 'hour',"
            " date_trunc('hour', execledger.start_of(started_at, created_at), 'UTC') FROM execledger.executions"
        )
        await into.connection.execute(
            "INSERT INTO execledger.usage_marks SELECT tenant_id, coalesce(owner_id, ''), usage_day"
            " FROM execledger.executions"
        )
        async with Store(database) as store:
            await settle(store)
            await into.connection.execute(
                "UPDATE execledger.rollup_marks SET marked_at = marked_at - interval '1 day' WHERE start_at < $1",
                END - timedelta(days=2),
            )
            await settle(store)
            await store.usage.recompute()
        return database, said


@pytest.fixture
async def client(recorded: tuple[str, list[Item]]) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(recorded[0]) as client:
        yield client


def counted(said: list[Item], by: Callable[[Item], Any], tenant: str = "acme") -> dict[Any, list[Item]]:
    """Those of a tenant that start in the range, told apart."""
    found = defaultdict(list)
    for row in said:
        if row["tenant_id"] == tenant and BEGIN <= row["start"] < END:
            found[by(row)].append(row)
    return found


async def asked(client: httpx2.AsyncClient, name: str, headers: dict[str, str] = READER, **query: Any) -> list[Item]:
    said = {"from": BEGIN.isoformat(), "to": END.isoformat(), **query}
    response = await client.get(f"/v1/analytics/{name}", params=said, headers=headers)
    assert response.status_code == 200, response.text
    items: list[Item] = response.json()["items"]
    return items


def _local(at: datetime, zone: str, bucket: str) -> str:
    """Where the bucket begins in which that moment lies."""
    local = at.astimezone(ZoneInfo(zone))
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    match bucket:
        case "hour":
            start = at - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        case "day":
            start = day
        case "week":
            start = day.replace(tzinfo=None).__sub__(timedelta(days=local.weekday())).replace(tzinfo=ZoneInfo(zone))
        case _:
            start = day.replace(day=1)
    return f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}"


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"])
@pytest.mark.parametrize("bucket", ["hour", "day", "week", "month"])
async def test_executions_are_counted_in_the_buckets_of_any_zone(
    recorded: tuple[str, list[Item]], client: httpx2.AsyncClient, zone: str, bucket: str
) -> None:
    items = await asked(client, "executions", bucket=bucket, time_zone=zone, group_by="workflow_id,complexity")
    found = {(item["bucket_start"], item["workflow_id"], item["complexity"]): item for item in items}
    assert len(found) == len(items)
    bands = {0.1: "0.0-0.2", 0.5: "0.4-0.6", 1.0: "0.8-1.0", None: None}
    plain = counted(
        recorded[1],
        lambda row: (_local(row["start"], zone, bucket), row["workflow_id"], bands[row["complexity_score"]]),
    )
    assert found.keys() == plain.keys()
    for key, rows in plain.items():
        statuses = Counter(row["status"] for row in rows)
        item = found[key]
        assert item["executions"] == len(rows)
        assert {status: item[status] for status in statuses} == statuses
        assert item["killed_by_budget"] == sum(row["killed_by_budget"] for row in rows)


@pytest.mark.parametrize("headers", [READER, OWNER, ADMIN], ids=["tenant", "owner", "admin"])
async def test_who_asks_counts_what_they_see(
    recorded: tuple[str, list[Item]], client: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    seen = [
        row
        for row in recorded[1]
        if BEGIN <= row["start"] < END
        and (row["tenant_id"] == "acme" or headers is ADMIN)
        and (row["owner_id"] == "ann" or headers is not OWNER)
    ]
    for name in ("executions", "cost", "usage", "durations", "versions"):
        items = await asked(client, name, headers)
        total = sum(name != "durations" or row["duration_ms"] is not None for row in seen)
        assert sum(item["executions"] for item in items) == total, name
    steps = await asked(client, "steps", headers)
    assert sum(item["steps"] for item in steps) == sum(len(row["steps"]) for row in seen)


@pytest.mark.parametrize(
    "group_by",
    ["", "workflow_id", "model", "provider,model", "owner_id", "workflow_id,model", "agent_id", "owner_id,model"],
)
async def test_costs_add_up_by_whatever_they_are_grouped(
    recorded: tuple[str, list[Item]], client: httpx2.AsyncClient, group_by: str
) -> None:
    items = await asked(client, "cost", group_by=group_by)
    rows = counted(recorded[1], lambda _: None)[None]
    assert sum(Decimal(item["cost_usd"]) for item in items) == sum(row["cost_usd"] for row in rows)
    assert sum(item["total_tokens"] for item in items) == sum(row["total_tokens"] for row in rows)
    if "model" in group_by:
        told = [Decimal(item["cost_usd"]) for item in items if item["model"] == "m"]
        assert sum(told) == sum(call["cost_usd"] for row in rows for call in row["calls"] if call["model"] == "m")


@pytest.mark.parametrize("query", [{}, {"bucket": "day"}, {"workflow_id": "read"}, {"owner_id": "ann"}], ids=str)
async def test_percentiles_lie_within_the_error_that_is_stated(
    recorded: tuple[str, list[Item]], client: httpx2.AsyncClient, query: dict[str, Any]
) -> None:
    items = await asked(client, "durations", group_by="workflow_id", **query)
    plain = counted(
        [row for row in recorded[1] if all(row[key] == value for key, value in query.items() if key != "bucket")],
        lambda row: (_local(row["start"], "UTC", "day") if "bucket" in query else None, row["workflow_id"]),
    )
    for item in items:
        rows = plain[item["bucket_start"] if "bucket" in query else None, item["workflow_id"]]
        lasted = sorted(row["duration_ms"] for row in rows if row["duration_ms"] is not None)
        assert item["executions"] == len(lasted)
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            if lasted:
                exact = lasted[max(0, -int(-share * len(lasted) // 1) - 1)]
                assert abs(item["duration_ms"][name] - exact) <= DURATION_ERROR * exact + 0.5
            else:
                assert item["duration_ms"][name] is None


async def test_usage_is_that_of_owners_and_days(recorded: tuple[str, list[Item]], client: httpx2.AsyncClient) -> None:
    for zone in ("UTC", "Asia/Tokyo"):
        found = {
            (item["bucket_start"], item["owner_id"]): (item["executions"], Decimal(item["cost_usd"]))
            for item in await asked(client, "usage", time_zone=zone)
        }
        days = counted(recorded[1], partial(_owner_and_day, zone))
        assert found == {key: (len(rows), sum(row["cost_usd"] for row in rows)) for key, rows in days.items()}


def _owner_and_day(zone: str, row: Item) -> tuple[str, str | None]:
    return _local(row["start"], zone, "day"), row["owner_id"]


async def test_the_slowest_and_costliest_are_those_of_the_list(
    recorded: tuple[str, list[Item]], client: httpx2.AsyncClient
) -> None:
    rows = counted(recorded[1], lambda _: None)[None]
    slowest = await asked(client, "slowest", limit=5)
    assert [item["duration_ms"] for item in slowest] == sorted(
        (row["duration_ms"] for row in rows if row["duration_ms"] is not None), reverse=True
    )[:5]
    costliest = await asked(client, "costliest", limit=5, status="failed")
    costs = sorted((row["cost_usd"] for row in rows if row["status"] == "failed"), reverse=True)
    assert [Decimal(item["cost_usd"]) for item in costliest] == costs[:5]


async def test_versions_say_what_changed(recorded: tuple[str, list[Item]], client: httpx2.AsyncClient) -> None:
    items = [item for item in await asked(client, "versions") if item["workflow_id"] == "write"]
    assert {item["workflow_version"] for item in items} == {"1", "2"}
    assert [item["change"] is None for item in items] == [True, False]
    assert items[1]["version_before"] == items[0]["workflow_version"]
    difference = items[1]["success_rate"] - items[0]["success_rate"]
    assert items[1]["change"]["success_rate"] == pytest.approx(difference, abs=1e-5)


async def test_agents_and_steps_are_told_apart(recorded: tuple[str, list[Item]], client: httpx2.AsyncClient) -> None:
    rows = counted(recorded[1], lambda _: None)[None]
    (agent,) = await asked(client, "agents")
    steps = [step for row in rows for step in row["steps"]]
    assert agent["agent_id"] == "writer"
    assert agent["steps"] == len(steps)
    assert agent["completed"] == sum(step["status"] == "completed" for step in steps)
    assert agent["llm_calls"] == sum(len(row["calls"]) for row in rows)
    failing = await asked(client, "steps", step="step-1", workflow_id="write")
    of_workflow = [row["steps"][1:] for row in rows if row["workflow_id"] == "write"]
    assert failing[0]["failed"] == sum(step["status"] == "failed" for steps in of_workflow for step in steps)
    assert await asked(client, "tools") == []


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("executions?group_by=model", "group_by"),
        ("executions?bucket=fortnight", "bucket"),
        ("executions?time_zone=Mars/Olympus", "time_zone"),
        ("executions?time_zone=../../etc/passwd", "time_zone"),
        ("executions?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "from"),
        ("executions?from=2000-01-01T00:00:00Z&bucket=hour", "bucket"),
        ("events?time_zone=Asia/Kathmandu", "time_zone"),
        ("slowest?group_by=status", "group_by"),
        ("durations?complexity=hard", "complexity"),
        ("cost?status=odd", "status"),
    ],
)
async def test_what_does_not_go_is_named(client: httpx2.AsyncClient, query: str, parameter: str) -> None:
    response = await client.get(f"/v1/analytics/{query}", headers=READER)
    assert response.status_code == 400
    assert [error["parameter"] for error in response.json()["errors"]] == [parameter]


async def test_owners_read_no_sums_of_their_tenant(recorded: tuple[str, list[Item]]) -> None:
    """Whatever the service asks, the database shows an owner no roll-up."""
    async with ledger(recorded[0]) as into, into.connection.transaction():
        await into.connection.execute("SET LOCAL ROLE execledger_owner")
        await into.connection.execute("SELECT set_config('execledger.tenant', 'acme', true)")
        await into.connection.execute("SELECT set_config('execledger.owner', 'ann', true)")
        for table in ("executions", "steps", "llm_calls", "tool_calls", "events"):
            assert await into.connection.fetchval(f"SELECT count(*) FROM execledger.rolled_{table}") == 0  # noqa: S608
        seen = await into.connection.fetch("SELECT DISTINCT owner_id FROM execledger.rolled_usage")
        assert [row["owner_id"] for row in seen] == ["ann"]


async def test_workflows_are_listed_with_what_their_executions_come_to(
    recorded: tuple[str, list[Item]], client: httpx2.AsyncClient
) -> None:
    async with ledger(recorded[0]) as into:
        for tenant, name in (("acme", "write"), ("acme", "read"), ("acme", "never"), ("umbra", "write")):
            row = {"tenant_id": tenant, "id": name, "name": name.title(), "version": "1", "occurred_at": BEGIN}
            await into.insert("workflows", {**row, "event_id": uuid4()})
    first = (await client.get("/v1/workflows", params={"limit": 2}, headers=READER)).json()
    assert [item["id"] for item in first["items"]] == ["never", "read"]
    assert first["total"] == 3
    rest = await client.get("/v1/workflows", params={"limit": 2, "cursor": first["next_cursor"]}, headers=READER)
    assert [item["id"] for item in rest.json()["items"]] == ["write"]
    assert rest.json()["next_cursor"] is None
    skipped = await client.get("/v1/workflows", params={"offset": 2}, headers=READER)
    assert skipped.json()["items"] == rest.json()["items"]
    for headers, owners in ((READER, ("ann", "bob", None)), (OWNER, ("ann",))):
        (shown,) = [(await client.get("/v1/workflows/write", headers=headers)).json()]
        rows = [
            row
            for row in recorded[1]
            if (row["tenant_id"], row["workflow_id"]) == ("acme", "write") and row["owner_id"] in owners
        ]
        assert shown["executions"] == len(rows)
        statuses = Counter(row["status"] for row in rows)
        assert {status: count for status, count in shown["by_status"].items() if count} == statuses
        assert shown["versions"] == sorted({row["workflow_version"] for row in rows})
        lasted = sorted(row["duration_ms"] for row in rows if row["duration_ms"] is not None)
        exact = lasted[(len(lasted) + 1) // 2 - 1]
        assert abs(shown["duration_ms"]["p50"] - exact) <= DURATION_ERROR * exact + 0.5
    assert (await client.get("/v1/workflows/other", headers=READER)).status_code == 404
    assert (await client.get("/v1/workflows/write", headers=ADMIN)).status_code == 409
    assert (await client.get("/v1/workflows?offset=-1", headers=READER)).json()["errors"][0]["parameter"] == "offset"
