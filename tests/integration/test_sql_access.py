"""Who logs in by SQL sees through the views what the table of access says of its login, whatever it sets."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from command_line import Said, execledger
from compat_tables import columns
from execledger_recorder.store.sql_access import Access
from factories_recorder import Desk, Topic, desk, event

# What a login may try in its session. Each is as good as nothing.
SETTINGS = (
    "SET execledger.tenant = 'acme'",
    "SET execledger.owner = 'ann'",
    "SET row_security = off",
    "SET search_path = compat, execledger, pg_catalog",
    "SET default_transaction_read_only = off",
)


class Logins:
    """Roles of this test alone: the server's others keep theirs."""

    def __init__(self, office: Desk) -> None:
        self.office = office
        self.names: list[str] = []

    def named(self, word: str) -> str:
        name = f"{word} {secrets.token_hex(4)}"
        self.names.append(name)
        return name

    async def granted(self, role: str, tenant: str | None, owner: str | None = None) -> str:
        name = self.named(role)
        assert await self.office.store.sql_access.grant(Access(name, role, tenant, owner)) is None
        return name

    @asynccontextmanager
    async def session(self, name: str) -> AsyncIterator[asyncpg.Connection]:
        password = secrets.token_hex(8)
        await self.office.connection.execute(f"ALTER ROLE \"{name}\" PASSWORD '{password}'")
        connection = await asyncpg.connect(self.office.dsn, user=name, password=password)
        try:
            yield connection
        finally:
            await connection.close()


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    async with desk(database) as office:
        yield office


@pytest.fixture
async def logins(office: Desk) -> AsyncIterator[Logins]:
    """With executions of ann and bob in acme, and of another ann in umbra, each with steps and calls."""
    topic = Topic()
    for subject, tenant, owner in (("a", "acme", "ann"), ("b", "acme", "bob"), ("c", "umbra", "ann")):
        of: dict[str, Any] = {"subject": subject, "tenantid": tenant}
        workflow = {"owner": {"id": owner, "name": owner}, "workflow": {"id": "w"}, "input": {"of": subject}}
        await office.record(
            topic.add(
                event("execution.started", workflow, **of),
                event("step.started", {"step": {"id": "s"}, "input": subject}, at=1, **of),
                event("llm.called", {"model": "m", "prompt_tokens": 3}, at=2, **of),
                event("tool.called", {"tool_name": subject, "input": subject}, at=3, **of),
            )
        )
    while await office.store.usage.recompute():
        pass
    logins = Logins(office)
    yield logins
    for name in logins.names:
        if await office.value("SELECT true FROM pg_roles WHERE rolname = $1", name):
            await office.connection.execute(f'DROP OWNED BY "{name}"')
            await office.connection.execute(f'DROP ROLE "{name}"')
    await office.connection.execute("DELETE FROM execledger.sql_access")


async def seen(connection: asyncpg.Connection) -> dict[str, list[Any]]:
    """All rows of all views."""
    return {
        view: [tuple(row) for row in await connection.fetch(f"SELECT * FROM {view} ORDER BY 1, 2")]  # noqa: S608
        for view in columns()
    }


async def subjects(connection: asyncpg.Connection) -> str:
    return "".join(row[0] for row in await connection.fetch("SELECT run_id FROM workflow_execution_log ORDER BY 1"))


@pytest.mark.parametrize(
    ("role", "tenant", "owner", "whose"),
    [
        ("owner", "acme", "ann", "a"),
        ("owner", "acme", "bob", "b"),
        ("owner", "umbra", "ann", "c"),
        ("owner", "umbra", "bob", ""),
        ("reader", "acme", None, "ab"),
        ("service", "umbra", None, "c"),
        ("service", "nobody", None, ""),
        ("admin", None, None, "abc"),
    ],
)
async def test_a_login_sees_what_it_was_granted(
    logins: Logins, role: str, tenant: str | None, owner: str | None, whose: str
) -> None:
    async with logins.session(await logins.granted(role, tenant, owner)) as connection:
        assert await subjects(connection) == whose
        found = await seen(connection)
        counted = {view: len(rows) for view, rows in found.items()}
        assert counted["event_logs"] == 4 * len(whose)
        assert counted["usage_daily_aggregates"] == len(whose)
        for view in ("crewai_flow_executions", "task_executions", "workflow_executions", "executions",
                     "token_usage", "tool_executions"):  # fmt: skip
            assert counted[view] == len(whose), view
        assert counted["users"] == (2 if role == "admin" else len(whose))  # both tenants' ann is one uuid
        flows = await connection.fetch("SELECT execution_count FROM crewai_flows")
        assert sum(row["execution_count"] for row in flows) == len(whose)
        # A payload comes from the log, which has policies of its own.
        inputs = await connection.fetch("SELECT initial_input ->> 'of' AS said FROM workflow_executions ORDER BY 1")
        assert "".join(row["said"] for row in inputs) == whose


async def test_what_a_login_sets_changes_nothing(logins: Logins) -> None:
    async with logins.session(await logins.granted("owner", "acme", "bob")) as connection:
        before = await seen(connection)
        for setting in SETTINGS:
            await connection.execute(setting)
            if "row_security" in setting:
                with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                    await seen(connection)
                await connection.execute("RESET row_security")
        assert await seen(connection) == before
        for role in (
            "execledger_admin",
            "execledger_tenant",
            "execledger_recorder",
            "execledger_sql_admin",
            "postgres",
        ):
            with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InvalidParameterValueError)):
                await connection.execute(f"SET ROLE {role}")


async def test_a_login_reads_nothing_but_the_views_and_writes_nothing(logins: Logins) -> None:
    async with logins.session(await logins.granted("admin", None)) as connection:
        for forbidden in (
            "SELECT * FROM execledger.executions",
            "SELECT * FROM execledger.sql_access",
            "SELECT execledger.grant_sql_access(session_user, 'admin', NULL, NULL)",
            "DELETE FROM compat.executions",
            "CREATE TABLE compat.mine ()",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(forbidden)


async def test_who_has_no_access_sees_nothing(logins: Logins) -> None:
    """A login that nobody granted anything, and one that is in the group but no longer in the table."""
    stranger, member = logins.named("stranger"), await logins.granted("service", "acme")
    await logins.office.connection.execute(f'CREATE ROLE "{stranger}" LOGIN')
    await logins.office.connection.execute("DELETE FROM execledger.sql_access WHERE role_name = $1", member)
    async with logins.session(stranger) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM compat.task_executions")
    async with logins.session(member) as connection:
        assert not any((await seen(connection)).values())


async def test_access_can_be_changed_and_taken_away(logins: Logins) -> None:
    access = logins.office.store.sql_access
    name = await logins.granted("service", "acme")
    assert await access.grant(Access(name, "owner", "acme", "bob")) is None
    assert Access(name, "owner", "acme", "bob") in await access.all()
    async with logins.session(name) as connection:
        assert await subjects(connection) == "b"
    assert await access.revoke(name)
    assert not await access.revoke(name)
    async with logins.session(name) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM compat.executions")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ("CREATE ROLE {} LOGIN SUPERUSER", "row-level security"),
        ("CREATE ROLE {} LOGIN BYPASSRLS", "row-level security"),
        ("CREATE ROLE {} LOGIN IN ROLE postgres", "row-level security"),
        ("CREATE ROLE {} LOGIN IN ROLE execledger_admin", "role of the services"),
    ],
)
async def test_who_could_see_more_by_another_way_gets_no_access(logins: Logins, made: str, reason: str) -> None:
    name = logins.named("mighty")
    await logins.office.connection.execute(made.format(f'"{name}"'))
    refused = await logins.office.store.sql_access.grant(Access(name, "owner", "acme", "ann"))
    assert refused is not None
    assert reason in refused
    assert await logins.office.store.sql_access.all() == []


async def test_the_command_grants_lists_and_revokes(logins: Logins) -> None:
    async def said(*words: str) -> Said:
        return await execledger("sql-access", *words, postgres_dsn=logins.office.dsn)

    name = logins.named("grafana")
    granted = await said("grant", name, "--tenant", "acme", "--owner", "bob")
    assert (granted.status, granted.out) == (0, f"{name} reads as owner bob of tenant acme\n")
    assert (await said("list")).out == granted.out
    async with logins.session(name) as connection:
        assert await subjects(connection) == "b"
    assert (await said("revoke", name)).out == f"{name} has no access\n"
    assert (await said("list", "--json")).out == "[]\n"
    again = await said("revoke", name)
    assert (again.status, "has no access" in again.err) == (1, True)
    assert (await said("grant", name, "--role", "owner")).status == 2
