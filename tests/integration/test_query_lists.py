"""Lists of executions: what they are narrowed to, how they are sorted and counted, and what that reads.

As the promised filters are quick on a million rows: what a plan touches is bounded, and none sorts more than a page.
"""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx2
import pytest

from execledger_query.caller import EVERYTHING, Caller, Role, Sees
from execledger_query.store import SORTS, Filters, Options, Store, is_walked, walks_labels
from execledger_query.store.executions import MOST_COUNTED
from execledger_query.store.lists import executions_statement
from execledger_query.views import ExecutionPage, execution_of
from factories_query import NOON, Ledger, bearing, ledger, serving

READER = bearing("eve", "acme", "reader")
TENANT = Caller("x", "tenant-0", frozenset({Role.READER}))
OWNER = Caller("owner-4", "tenant-0")


@pytest.fixture
async def rows(database: str) -> AsyncIterator[Ledger]:
    async with ledger(database) as written:
        yield written


@pytest.fixture
async def client(database: str, rows: Ledger) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(database) as asked:
        yield asked


async def listed(client: httpx2.AsyncClient, query: str, who: dict[str, str] = READER) -> list[str]:
    """External ids, in their order."""
    answer = await client.get(f"/v1/executions?{query}", headers=who)
    assert answer.status_code == 200, answer.text
    return [item["external_id"] for item in answer.json()["items"]]


async def labelled(rows: Ledger, execution_id: UUID, kind: str, key: str, value: str) -> None:
    await rows.connection.execute(
        "INSERT INTO execledger.execution_labels VALUES ($1, $2, $3, $4, 'acme')", execution_id, kind, key, value
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("workflow_version=2", "b"),
        ("session_id=s1", "ba"),
        ("trigger=scheduled", "b"),
        ("mode=FAST", "a"),
        ("error_type=Refused", "c"),
        ("tag=nightly", "ba"),
        ("tag[]=nightly&tag=rare", "a"),
        ("label.venture_id=v1", "b"),
        ("label=venture_id=v1&tag=nightly", "b"),
        ("label.venture_id=v2", ""),
        ("duration_ms_gte=2000", "cb"),
        ("duration_ms_gte=2000&duration_ms_lte=2000", "b"),
        ("cost_usd_gte=0.5", "dc"),
        ("cost_usd_gte=0.5&status=running", "d"),
        ("parent=a", "cb"),
        ("root=a", "cba"),
        ("root=a&status=failed&status=completed", "cba"),
        ("has_children=true", "a"),
        ("has_children=false", "dcb"),
        ("paused=true", "d"),
        ("paused=false", "cba"),
        ("waiting_for=approval", "d"),
        ("killed_by_budget=true", "b"),
        ("q=albatross", "b"),
        ("q=ALBATROSS what", "b"),
        ("q=timeout provider", "c"),
        ("q=Greta", "d"),
        ("q=albat", ""),
        ("started_before=2026-03-01T14:00:00Z&status=completed&status=failed", "ba"),
        ("sort=id", "abcd"),
        ("sort=-created_at", "dcba"),
        ("sort=created_at", "abcd"),
        ("sort=-started_at", "dcba"),
        ("sort=duration_ms", "abc"),
        ("sort=-duration_ms", "cba"),
        ("sort=-cost_usd", "dcba"),
        ("sort=cost_usd&status=completed", "ab"),
        ("sort=-cost_usd&cost_usd_gte=0.2", "dcb"),
        ("tenant_id=acme", "dcba"),
        ("tenant_id=other", ""),
    ],
)
async def test_a_list_is_narrowed_and_sorted(rows: Ledger, client: httpx2.AsyncClient, query: str, found: str) -> None:
    at = NOON.replace(microsecond=0)
    said: dict[str, dict[str, Any]] = {
        "a": {"status": "completed", "duration_ms": 1000, "cost_nanos": 100_000_000, "session_id": "s1",
              "mode": "FAST"},
        "b": {"status": "completed", "duration_ms": 2000, "cost_nanos": 200_000_000, "session_id": "s1",
              "trigger_mode": "scheduled", "workflow_version": "2", "killed_by_budget": True,
              "query": "What, albatross?"},
        "c": {"status": "failed", "duration_ms": 3000, "cost_nanos": 500_000_000, "error_type": "Refused",
              "error_message": "timeout of the provider"},
        "d": {"cost_nanos": 700_000_000, "paused_at": at, "waiting_for": "approval", "owner_name": "Greta"},
    }  # fmt: skip
    ids = {}
    for hour, (name, values) in enumerate(said.items()):
        root = {"root_execution_id": "a", "parent_execution_id": "a"} if name in "bc" else {}
        begun = {"created_at": at + timedelta(hours=hour), "started_at": at + timedelta(hours=hour)}
        ids[name] = await rows.execution(external_id=name, **begun, **root, **values)
    for name in "ab":
        await labelled(rows, ids[name], "tag", "", "nightly")
    await labelled(rows, ids["a"], "tag", "", "rare")
    await labelled(rows, ids["b"], "label", "venture_id", "v1")
    assert "".join(await listed(client, query)) == found
    total = (await client.get(f"/v1/executions?{query}&total=true&limit=1", headers=READER)).json()
    assert (total["total"], total["total_is_exact"]) == (len(found), True)


@pytest.mark.parametrize("query", ["sort=-cost_usd", "sort=duration_ms", "sort=-started_at", "root=a", "q=word"])
async def test_each_sort_walks_every_row_once(rows: Ledger, client: httpx2.AsyncClient, query: str) -> None:
    there = set()
    for number in range(17):
        values = {"status": "completed", "duration_ms": number // 3} if number % 4 else {"duration_ms": number}
        at = NOON + timedelta(seconds=number // 2)
        name = "a" if number == 0 else f"run-{number}"
        said = {"cost_nanos": number // 3, "started_at": at, "query": f"word {number}", "root_execution_id": "a"}
        there.add(str(await rows.execution(external_id=name, created_at=at, **said, **values)))
    walked: list[str] = []
    cursor = ""
    while True:
        answer = (await client.get(f"/v1/executions?limit=4&{query}{cursor}", headers=READER)).json()
        walked += [item["id"] for item in answer["items"]]
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert len(walked) == len(there)
    assert set(walked) == there


@pytest.mark.parametrize("query", ["", "&status=failed,completed", "&sort=-cost_usd", "&sort=duration_ms"])
async def test_the_executions_of_a_workflow_are_paged_by_cursor_or_by_offset(
    rows: Ledger, client: httpx2.AsyncClient, query: str
) -> None:
    for number in range(7):
        ended = {"duration_ms": number, "status": ("failed", "completed")[number % 2]} if number < 5 else {}
        at = NOON + timedelta(hours=number)
        await rows.execution(workflow_id="flow", created_at=at, cost_nanos=number, external_id=f"run-{number}", **ended)
    await rows.execution(workflow_id="other", external_id="another")
    await rows.insert("workflows", {"tenant_id": "acme", "id": "flow", "occurred_at": NOON, "event_id": UUID(int=1)})
    path = "/v1/workflows/flow/executions"
    whole = (await client.get(f"{path}?{query}", headers=READER)).json()
    same = (await client.get(f"/v1/executions?workflow_id=flow&total=true{query}", headers=READER)).json()
    assert whole == same
    assert len(whole["items"]) in (5, 7)
    items = whole["items"]
    assert whole["total"] == len(items)
    for offset in range(len(items)):
        page = (await client.get(f"{path}?limit=2&offset={offset}{query}", headers=READER)).json()
        assert page["items"] == items[offset : offset + 2]
        assert (page["total"], page["total_is_exact"]) == (whole["total"], True)
        more = await client.get(f"{path}?limit=2&cursor={page['next_cursor']}{query}", headers=READER)
        assert page["next_cursor"] is None or more.json()["items"] == items[offset + 2 : offset + 4]
    without = (await client.get(f"{path}?total=false{query}", headers=READER)).json()
    assert without == {name: value for name, value in whole.items() if not name.startswith("total")}


@pytest.mark.parametrize(
    ("path", "status", "parameter"),
    [
        ("/v1/workflows/none/executions", 404, None),
        ("/v1/workflows/flow/executions?workflow_id=other", 400, "workflow_id"),
        ("/v1/workflows/flow/executions?offset=-1", 400, "offset"),
        ("/v1/workflows/flow/executions?limit=201&total=perhaps", 400, "limit"),
    ],
)
async def test_what_a_workflow_has_not_is_named(
    client: httpx2.AsyncClient, path: str, status: int, parameter: str | None
) -> None:
    answer = await client.get(path, headers=READER)
    assert answer.status_code == status
    assert parameter is None or answer.json()["errors"][0]["parameter"] == parameter


async def test_what_started_before_it_was_first_heard_of_is_found_by_its_start(
    rows: Ledger, client: httpx2.AsyncClient
) -> None:
    """The end may come first: then the id holds a later time than the start."""
    early = NOON - timedelta(days=1)
    await rows.execution(external_id="late", created_at=NOON, started_at=early)
    await rows.execution(external_id="usual", created_at=early, started_at=early)
    await rows.execution(external_id="other", created_at=NOON, started_at=NOON)
    before = (early + timedelta(milliseconds=1)).isoformat().replace("+00:00", "Z")
    assert await listed(client, f"started_before={before}") == ["late", "usual"]


async def test_postgres_writes_what_the_models_say(database: str, rows: Ledger, client: httpx2.AsyncClient) -> None:
    """Items of a list are texts that Postgres makes; the models make the document, and pages with payloads."""
    at = NOON + timedelta(microseconds=1)
    full = {
        "status": "failed", "owner_id": 'q"uo\\te', "owner_email": "é\n\t\u2028", "owner_name": "", "session_id": "s",
        "workflow_id": "w", "workflow_name": "N", "workflow_version": "1", "trigger_mode": "manual",
        "trigger_event_id": "e", "trigger_event_name": "n", "mode": "m", "query": "/\x07", "started_at": at,
        "ended_at": at, "duration_ms": 2**53, "progress_percent": 7, "completed_steps": 1, "total_steps": 2,
        "error_message": "m",
        "error_type": "t", "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cost_usd": Decimal("0.100"),
        "cost_source": "facts", "agents_used": 4, "tools_invoked": 5, "cache_hits": 6, "complexity_score": 0.1,
        "timeout_seconds": 1e20, "token_limit": 9, "cost_limit_usd": Decimal("1E+2"), "budget_scope": "tree",
        "cancelled_by": "c", "cancel_reason": "r", "cancel_requested_at": at, "killed_by_budget": True, "tags": ["a,"],
        "labels": {"k": "v"}, "metadata": {"a": [1.5, None, {"b": "c"}]}, "parent_execution_id": "p",
        "traceparent": "00", "attempt": 2, "version": 7, "provisional": True,
    }  # fmt: skip
    root = await rows.execution(external_id="root", **full)
    events = {}
    for stack in ("line 1", None):
        error = {"message": "m", "stack": stack}
        events[stack] = await rows.event(root, "execution.failed", {"error": error, "output": 1})
    await rows.execution(external_id="plain")
    large = await rows.execution(external_id="large", query="x" * 9000, metadata={"a": "y" * 9000}, status="failed")
    for execution_id, stack in ((root, "line 1"), (large, None)):
        await rows.connection.execute(
            "UPDATE execledger.executions SET error_event_id = $2, output_event_id = $2, has_stack = $3 WHERE id = $1",
            execution_id, events[stack], stack is not None,
        )  # fmt: skip
    await rows.connection.execute(
        "INSERT INTO execledger.trees (tenant_id, root_execution_id, executions, open, failed, total_tokens, cost_usd)"
        " VALUES ('acme', 'root', 2, 1, 0, 30, 2.50)"
    )
    for who in (Caller("eve", "acme", frozenset({Role.READER})), Caller('q"uo\\te', "acme"), EVERYTHING):
        header = bearing(who.subject or "root", who.tenant or "any", *(role.value for role in who.roles))
        answer = await client.get("/v1/executions", headers=header)
        assert ExecutionPage.model_validate_json(answer.content).items
        for item in answer.json()["items"]:
            async with Store.open(Options(database)) as store, store.reading(who) as reader:
                (row,) = await reader.executions(Filters(external_id=item["external_id"]), None, 1)
                trees = await reader.trees([row])
                shown = execution_of(row, {}, trees)
                whole = execution_of(await reader.execution(row["id"]) or {}, {}, trees)
            wanted = json.loads(shown.model_dump_json(exclude={"input", "output", "result"}))
            assert item == wanted
            assert list(item) == list(wanted)
            alone = (await client.get(f"/v1/executions/{item['id']}", headers=header)).json()
            assert alone == json.loads(whole.model_dump_json(exclude={"input", "output", "result"}))
    (named,) = [item for item in answer.json()["items"] if item["external_id"] == "large"]
    assert named["omitted"] == ["query", "metadata", "output"]
    assert named["error"]["stack"] is None
    (named,) = [item for item in answer.json()["items"] if item["external_id"] == "root"]
    assert named["omitted"] == ["output", "error.stack"]
    assert "stack" not in named["error"]


async def test_words_are_found_among_those_that_the_reader_may_see(rows: Ledger, client: httpx2.AsyncClient) -> None:
    for tenant, owner, status in (("acme", "ann", "running"), ("acme", "bob", "completed"), ("other", "ann", "failed")):
        said = {"tenant_id": tenant, "owner_id": owner, "status": status, "query": "a secret word"}
        await rows.execution(external_id=f"{tenant}-{owner}", **said)
    assert sorted(await listed(client, "q=secret")) == ["acme-ann", "acme-bob"]
    assert await listed(client, "q=secret", bearing("ann")) == ["acme-ann"]
    assert await listed(client, "q=secret", bearing("ann", "other")) == ["other-ann"]
    assert await listed(client, "q=secret", bearing("ann", "nobody", "reader")) == []
    assert sorted(await listed(client, "q=secret", bearing("x", "x", "admin"))) == ["acme-ann", "acme-bob", "other-ann"]


async def test_a_word_that_very_many_have_is_found_all_the_same(
    rows: Ledger, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("execledger_query.store.words._MOST_FOUND", 2)
    for number in range(5):
        await rows.execution(external_id=f"run-{number}", query="common", created_at=NOON + timedelta(hours=number))
    assert await listed(client, "q=common&limit=3") == ["run-4", "run-3", "run-2"]


async def test_a_total_beyond_what_is_counted_is_an_estimate_and_says_so(
    rows: Ledger, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        await rows.execution()
    asked = "/v1/executions?total=true&limit=1"
    answer = (await client.get(asked, headers=READER)).json()
    assert (answer["total"], answer["total_is_exact"]) == (4, True)
    monkeypatch.setattr("execledger_query.store.executions.MOST_COUNTED", 3)
    answer = (await client.get(asked, headers=READER)).json()
    assert answer["total"] >= 3
    assert answer["total_is_exact"] is False
    assert "total" not in (await client.get("/v1/executions", headers=READER)).json()
    assert MOST_COUNTED == 10_000


async def test_a_cursor_is_signed_by_the_installation(database: str, rows: Ledger) -> None:
    """Another process takes it, and one after a restart; nobody else can write one."""
    for _ in range(3):
        await rows.execution()
    cursors = {}
    for name, secret in (("made", {}), ("made again", {}), ("said", {"cursor_secret": "s" * 32})):
        async with serving(database, **secret) as client:
            cursors[name] = (await client.get("/v1/executions?limit=1", headers=READER)).json()["next_cursor"]
            for other, cursor in cursors.items():
                answer = await client.get(f"/v1/executions?limit=1&cursor={cursor}", headers=READER)
                assert answer.status_code == (200 if (name == "said") == (other == "said") else 400)
            if name != "said":
                forged = f"/v1/executions?limit=1&sort=id&cursor={cursors[name]}"
                assert (await client.get(forged, headers=READER)).json()["type"].endswith("invalid-cursor")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("sort=query", "sort"),
        ("label=venture_id", "label"),
        ("label.=x", "label"),
        ("label.k=a%00b", "label"),
        ("q=%20..%20", "q"),
        ("cost_usd_gte=NaN", "cost_usd_gte"),
        ("duration_ms_gte=-1", "duration_ms_gte"),
        ("trigger=cron", "trigger"),
        ("has_children=perhaps", "has_children"),
        ("&".join(f"tag=t{number}" for number in range(30)), "tag"),
    ],
)
async def test_a_filter_that_is_not_as_it_should_be_is_named(
    rows: Ledger, client: httpx2.AsyncClient, query: str, parameter: str
) -> None:
    answer = await client.get(f"/v1/executions?{query}", headers=READER)
    assert answer.status_code == 400
    assert [error["parameter"] for error in answer.json()["errors"]] == [parameter]


_MANY = """
    INSERT INTO execledger.executions (
        id, tenant_id, external_id, version, status, provisional, attempt, owner_id, workflow_id, created_at, ended_at,
        completed_steps, total_steps, prompt_tokens, completion_tokens, total_tokens, cost_usd, cost_nanos, agents_used,
        tools_invoked, cache_hits, killed_by_budget, root_execution_id, usage_day, tenant_uuid, heard_at, fold,
        session_id,
        error_type, parent_execution_id, started_at, duration_ms, paused_at, waiting_for, query
    )
    SELECT
        (left(execledger.uuid_floor(at)::text, 13) || '-7' || substr(md5(i::text), 1, 3) || '-a'
            || substr(md5(i::text), 4, 3) || '-' || substr(md5(i::text), 8, 12))::uuid,
        'tenant-' || CASE WHEN i % 2 = 0 THEN 0 ELSE i % 20 END, 'run-' || i, 1, status, false, 1,
        'owner-' || i % 97, 'flow-' || i % 23, at, CASE WHEN status <> 'running' THEN at END,
        1, 1, 0, 0, 0, i / 1e9, i, 1, 1, 1, i % 1000 = 2, CASE WHEN i % 100 = 4 THEN 'run-40' ELSE 'run-' || i END,
        at::date, gen_random_uuid(), at, repeat('x', 200), 'session-' || i / 10,
        CASE WHEN i % 100 = 0 THEN 'Refused' END,
        CASE WHEN i % 1000 = 4 THEN 'run-40' END, at + interval '1 s', i,
        CASE WHEN i % 250 = 2 THEN at END, CASE WHEN i % 250 = 2 THEN 'approval' END,
        CASE WHEN i % 1000 = 6 THEN 'albatross' ELSE 'common' END
    FROM (
        SELECT i, timestamptz '2026-03-12 00:00Z' - i * interval '30 s' AS at,
            CASE WHEN i % 100 = 0 THEN 'failed' WHEN i % 250 = 2 THEN 'running' ELSE 'completed' END AS status
        FROM generate_series(1, 30000) AS i
    ) AS made
"""


_LABELS = """
    INSERT INTO execledger.execution_labels
    SELECT id, kind, CASE kind WHEN 'label' THEN 'venture_id' ELSE '' END, word, tenant_id
    FROM execledger.executions,
         unnest(ARRAY['common', CASE WHEN external_id LIKE '%006' THEN 'rare' END]) AS word,
         unnest(ARRAY['tag', 'label']) AS kind
    WHERE word IS NOT NULL
"""
_MIDDLE, _LATE = datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 3, 11, 23, tzinfo=UTC)
"""Half of them started after the one, a hundred after the other."""


async def test_a_list_reads_an_index_stops_at_the_limit_and_sorts_no_more_than_a_page(database: str) -> None:
    async with ledger(database) as rows:
        for month in (2, 3):
            await rows.connection.execute(
                "SELECT execledger.ensure_partition($1)", datetime(2026, month, 2, tzinfo=UTC)
            )
        await rows.connection.execute(_MANY)
        await rows.connection.execute(_LABELS)
        await rows.connection.execute(
            "INSERT INTO execledger.execution_aliases SELECT tenant_id, external_id, id FROM execledger.executions"
        )
        await rows.connection.execute(
            "ANALYZE execledger.executions, execledger.execution_aliases, execledger.execution_labels"
        )
    async with Store.open(Options(database)) as store:
        for who, filters in (
            (TENANT, Filters()),
            (TENANT, Filters(statuses=("failed",))),
            (TENANT, Filters(statuses=("failed", "running", "timed_out"))),
            (TENANT, Filters(statuses=("timed_out",))),
            (TENANT, Filters(workflow_id="flow-4")),
            (TENANT, Filters(owner_id="owner-4")),
            (TENANT, Filters(external_id="run-100")),
            (TENANT, Filters(session_id="session-9")),
            (TENANT, Filters(error_type="Refused")),
            (TENANT, Filters(tags=("rare",))),
            (TENANT, Filters(tags=("common",))),
            (TENANT, Filters(parent="run-40")),
            (TENANT, Filters(root="run-40")),
            (TENANT, Filters(paused=True)),
            (TENANT, Filters(waiting_for="approval")),
            (TENANT, Filters(killed_by_budget=True)),
            (TENANT, Filters(labels=(("venture_id", "rare"),))),
            (TENANT, Filters(labels=(("venture_id", "common"),))),
            (TENANT, Filters(started_before=_LATE)),
            (TENANT, Filters(started_before=_MIDDLE)),
            (TENANT, Filters(started_after=_MIDDLE)),
            (TENANT, Filters(started_after=_LATE)),
            (TENANT, Filters(duration_ms_gte=29_800)),
            (TENANT, Filters(duration_ms_lte=200)),
            (TENANT, Filters(cost_usd_gte=Decimal("0.0000298"))),
            (OWNER, Filters()),
            (OWNER, Filters(statuses=("failed",))),
            (EVERYTHING, Filters()),
            (EVERYTHING, Filters(tenant_id="tenant-1", statuses=("failed",))),
        ):
            await _is_quick(store, who, filters, "-id")
        for sort in SORTS:
            await _is_quick(store, TENANT, Filters(), sort)


async def _is_quick(store: Store, who: Caller, filters: Filters, sort: str) -> None:
    values: dict[type, Any] = {UUID: UUID("019cc5fe-0000-7000-8000-000000000000"), int: 15_000}
    values[datetime] = datetime(2026, 3, 7, tzinfo=UTC)
    for after in (None, tuple(values[kind] for kind in SORTS[sort].key_kinds)):
        query, arguments = executions_statement(filters, SORTS[sort], after, "", own_trees=who.sees is Sees.OWNER)
        plans = {"one_plan": is_walked(filters, SORTS[sort]), "in_order": walks_labels(filters, SORTS[sort])}
        async with store.reading(who, walking=True, **plans) as reader:
            for _ in range(8):  # as often as a connection needs to settle on a plan
                await reader.executions(filters, after, 51, SORTS[sort])
            found = await reader._rows(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", 51, *arguments)
        said = found[0]["QUERY PLAN"]
        plan = (json.loads(said) if isinstance(said, str) else said)[0]["Plan"]
        assert _touched(plan) <= 700, (who.subject, filters.given(), sort, after, plan)
        assert _sorted(plan) <= 200, (who.subject, filters.given(), sort, after, plan)
        assert not _scanned(plan), (who.subject, filters.given(), sort, after, plan)


def _touched(node: dict[str, Any]) -> float:
    """How many rows the plan touched, those that it threw away counted too."""
    below = sum(_touched(child) for child in node.get("Plans", []))
    if "Relation Name" not in node:
        return below
    thrown_away = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float(below + (node["Actual Rows"] + thrown_away) * node["Actual Loops"])


def _sorted(node: dict[str, Any]) -> float:
    """The most rows that a sort was given."""
    below = [_sorted(child) for child in node.get("Plans", [])]
    own = [child["Actual Rows"] for child in node["Plans"]] if node["Node Type"] == "Sort" else []
    return float(max([0, *below, *own]))


def _scanned(node: dict[str, Any]) -> bool:
    """Whether a partition with rows is read from its beginning to its end."""
    here = node["Node Type"] == "Seq Scan" and node["Relation Name"].startswith("executions_m") and node["Actual Rows"]
    return bool(here) or any(_scanned(child) for child in node.get("Plans", []))
