"""Nobody sees what is another's: on no route of the document, with no token, and also where a statement forgets it."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import jwt
import pytest
from fastapi import FastAPI

from execledger_query import openapi
from execledger_query.app import create_app
from execledger_query.store.reads import Reads
from execledger_recorder.duties.rollups import settle
from execledger_recorder.duties.trees import sum_trees
from execledger_recorder.rules.commands import DEFAULT_POLICY
from factories_query import bearing, settings_of, token
from factories_recorder import Desk, Topic, desk, event
from walking import Answered, Asked, ask, operations

MARK = "s3cr3t"  # in all that ann says in acme
OF_TENANT = "wf-t3nant"  # what her tenant shares
EXECUTION = {"tenantid": "acme", "subject": "ann-run"}
DOCUMENT = openapi.document()
# For anybody who reaches this machine; metrics name workflows, and are elsewhere where others do: docs/security.md.
OPEN = {"/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"}

STRANGERS = {
    "without a token": {},
    "expired": {"Authorization": f"Bearer {token('ann', 'acme', 'admin', exp=datetime.now(UTC) - timedelta(hours=1))}"},
    "forged": {"Authorization": f"Bearer {token('ann', 'acme', 'admin', secret='z' * 40)}"},
    "of no tenant": {"Authorization": f"Bearer {token('ann', None, 'admin')}"},
    "unsigned": {
        "Authorization": "Bearer "
        + jwt.encode({"sub": "ann", "tenant": "acme", "roles": ["admin"], "exp": 2**33}, "", algorithm="none")
    },
}
OTHERS = {
    "another owner": bearing("bob", "acme"),
    "the same name in another tenant": bearing("ann", "umbra"),
    "a reader of another tenant": bearing("ann", "umbra", "reader", "payloads"),
    "a service of another tenant": bearing("sam", "umbra", "service", "payloads"),
}
ADMIN = bearing("root", "x", "admin", "payloads")


def spoken(subject: str, tenant: str, owner: str, mark: str, shared: str) -> list[dict[str, Any]]:
    """A history that says the mark wherever something can be said."""
    of = {"subject": subject, "tenantid": tenant, "source": "urn:test"}
    error = {"message": mark, "type": mark, "stack": mark}
    step = {"step": {"id": mark, "name": mark, "operation": mark, "agent_id": mark}}
    begun = {
        "workflow": {"id": shared, "name": shared, "version": shared},
        "owner": {"id": owner, "name": mark, "email": mark}, "session_id": mark, "query": mark, "input": mark,
        "tags": [mark], "labels": {mark: mark}, "metadata": {mark: mark}, "mode": mark,
        "trigger": {"mode": "manual", "event_id": mark, "event_name": mark}, "budget": {"token_limit": 9},
    }  # fmt: skip
    child = {"owner": {"id": owner, "name": mark, "email": mark}, "root_execution_id": subject,
             "parent_execution_id": subject, "query": mark}  # fmt: skip
    return [
        event("execution.started", begun, at=0, **of),
        event("execution.started", child, at=1, **{**of, "subject": f"{subject}-{mark}"}),
        event("step.started", {**step, "input": mark}, at=1, **of),
        event("llm.called", {"provider": mark, "model": mark, "prompt_tokens": 5, "agent_id": mark}, at=2, **of),
        event("tool.called", {"tool_name": mark, "input": mark, "output": mark, "agent_id": mark}, at=2, **of),
        event("step.failed", {**step, "error": error, "output": mark}, at=3, **of),
        event("agent.thinking", {"thought": mark}, at=3, **of),
        event("execution.failed", {"error": error, "output": mark, "result": mark}, at=4, **of),
    ]


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    async with desk(database) as office:
        topic = Topic()
        await office.record(topic.add(*spoken("ann-run", "acme", "ann", MARK, OF_TENANT)))
        await office.record(topic.add(*spoken("umbra-run", "umbra", "zoe", "own", "own")))
        await office.record(topic.add(f"{{{MARK}".encode(), key=MARK.encode()))
        await office.connection.execute("UPDATE execledger.dead_letters SET tenant_id = 'acme'")
        while (await sum_trees(office.store, DEFAULT_POLICY.topic, DEFAULT_POLICY.warning_share))[0]:
            pass
        while await office.store.usage.recompute():
            pass
        await settle(office.store)
        yield office


@asynccontextmanager
async def running(dsn: str) -> AsyncIterator[FastAPI]:
    app = create_app(settings_of(dsn, query_subject_requests_per_second=1e6))
    async with app.router.lifespan_context(app):
        yield app


async def all_requests(office: Desk) -> Sequence[Asked]:
    execution = str(await office.value("SELECT id FROM execledger.executions WHERE external_id = 'ann-run'"))
    letter = str(await office.value("SELECT id FROM execledger.dead_letters"))
    now = datetime.now(UTC)
    times = {"from": (now - timedelta(days=400)).isoformat(), "to": now.isoformat()}
    return [
        asked
        for name in (execution, "ann-run")
        for asked in operations(
            DOCUMENT,
            {
                "/": {"id": name, "execution_id": name, "workflow_id": OF_TENANT, "a": name, "b": name, **times},
                "/v1/workflows": {"id": OF_TENANT, "workflow_id": OF_TENANT},
                "/v1/dead-letters": {"id": letter},
            },
        )
    ]


def shows(answer: Answered, mark: str) -> bool:
    return mark in (answer.body + str(answer.headers).encode()).decode(errors="replace")


async def test_every_route_is_asked_for_something_that_is_there(office: Desk) -> None:
    """Else the tests below would prove nothing of it."""
    async with running(office.dsn) as app:
        told = {str(asked): (asked, await ask(app, asked, ADMIN)) for asked in await all_requests(office)}
    assert {
        name for name, (asked, answer) in told.items() if answer.status >= 400 and "cancel" not in asked.route
    } == set()
    of_executions = [
        each for each in told.values() if each[0].route.startswith("/v1/executions") and each[0].method == "GET"
    ]
    assert [str(asked) for asked, answer in of_executions if not shows(answer, MARK)] == []


@pytest.mark.parametrize("who", STRANGERS)
async def test_who_is_nobody_is_told_nothing_on_any_route(office: Desk, who: str) -> None:
    async with running(office.dsn) as app:
        for asked in await all_requests(office):
            answer = await ask(app, asked, STRANGERS[who])
            assert not shows(answer, MARK), asked
            if asked.route not in OPEN:
                assert answer.status == 401, asked
                assert not shows(answer, OF_TENANT), asked


@pytest.mark.parametrize("who", OTHERS)
async def test_another_is_shown_nothing_on_any_route(office: Desk, who: str) -> None:
    async with running(office.dsn) as app:
        for asked in await all_requests(office):
            answer = await ask(app, asked, OTHERS[who])
            assert not shows(answer, MARK), asked
            is_of_tenant = who == "another owner"  # who shares with ann what her tenant shares
            assert is_of_tenant or asked.route in OPEN or not shows(answer, OF_TENANT), asked
            if "{id}" in asked.route and not (is_of_tenant and asked.route.startswith("/v1/workflows")):
                assert answer.status in (403, 404), asked


@pytest.mark.parametrize("who", OTHERS)
async def test_nor_where_statements_forget_whose_rows_they_want(
    office: Desk, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every comparison with a tenant, an owner or an execution is taken out of what is sent to Postgres."""
    rows, sent = Reads._rows, []

    async def forgetful(self: Reads, query: str, *arguments: Any) -> Any:
        sent.append(query)
        return await rows(self, _WHOSE.sub(r"(true OR \g<0>)", query), *arguments)

    monkeypatch.setattr(Reads, "_rows", forgetful)
    async with running(office.dsn) as app:
        shown = [(asked, await ask(app, asked, OTHERS[who])) for asked in await all_requests(office)]
    assert any(_WHOSE.search(query) for query in sent)
    assert [str(asked) for asked, answer in shown if shows(answer, MARK)] == []
    if "another tenant" in who:
        assert {asked.route for asked, answer in shown if shows(answer, OF_TENANT)} <= OPEN
    if "reader" in who:  # it is shown what it may see, and did not ask for: the conditions are gone indeed
        assert any(
            answer.status == 200 and shows(answer, "umbra-run") for asked, answer in shown if "{id}" in asked.route
        )


_WHOSE = re.compile(
    r"(?:\b\w+\.)?\b(?:tenant_id|owner_id|execution_id|external_id|root_execution_id|id) = \$\d+(?:::\w+)?"
)


@pytest.mark.parametrize(("role", "tenant", "owner"), [("owner", "acme", "bob"), ("tenant", "umbra", "sam")])
async def test_no_table_shows_a_role_what_is_another_s(office: Desk, role: str, tenant: str, owner: str) -> None:
    """Whole tables, as a statement would read them that has no condition at all."""
    tables = await office.rows(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'execledger'"
    )
    seen = 0
    for table in sorted(each["name"] for each in tables):
        async with office.connection.transaction():
            await office.connection.execute(
                "SELECT set_config('role', $1, true), set_config('execledger.tenant', $2, true),"
                " set_config('execledger.owner', $3, true)",
                f"execledger_{role}",
                tenant,
                owner,
            )
            try:
                async with office.connection.transaction():
                    rows = await office.connection.fetch(f'SELECT * FROM execledger."{table}"')  # noqa: S608
            except asyncpg.InsufficientPrivilegeError:
                continue
        seen += 1
        assert MARK not in str(rows), table
    assert seen > 5
