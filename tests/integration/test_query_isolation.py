"""Who sees what: the database keeps tenants and owners apart, whatever a statement forgets."""

import asyncpg
import pytest

from execledger_query.caller import EVERYTHING, NOBODY, Caller, Role
from execledger_query.store import Filters, Options, Store
from factories_query import bearing, ledger, serving

READER = frozenset({Role.READER})
TABLES = (
    *("executions", "execution_aliases", "execution_events", "steps", "llm_calls", "tool_calls"),
    *("execution_labels", "workflows", "owners", "usage_daily"),
)


@pytest.fixture
async def peopled(database: str) -> str:
    """Ann and Bob of acme have an execution each, and so has another Ann of umbra; all with an event and a step."""
    async with ledger(database) as rows:
        for tenant, owner in (("acme", "ann"), ("acme", "bob"), ("umbra", "ann")):
            execution = await rows.execution(tenant_id=tenant, owner_id=owner, external_id=f"{owner}-run")
            await rows.event(execution, tenant_id=tenant)
            await rows.step(execution, tenant_id=tenant)
    return database


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        pytest.param(Caller("ann", "acme"), {("acme", "ann-run")}, id="owner"),
        pytest.param(Caller("ann", "acme", READER), {("acme", "ann-run"), ("acme", "bob-run")}, id="reader"),
        pytest.param(Caller("ann", "umbra", READER), {("umbra", "ann-run")}, id="reader-of-umbra"),
        pytest.param(Caller("ann", "nowhere", READER), set(), id="reader-of-nowhere"),
        pytest.param(Caller("", ""), set(), id="nameless"),
        pytest.param(NOBODY, set(), id="nobody"),
        pytest.param(EVERYTHING, {("acme", "ann-run"), ("acme", "bob-run"), ("umbra", "ann-run")}, id="admin"),
    ],
)
async def test_a_query_that_forgets_its_where_shows_only_what_the_reader_may_see(
    peopled: str, who: Caller, seen: set[tuple[str, str]]
) -> None:
    async with Store.open(Options(peopled)) as store, store.reading(who) as reader:
        for table in ("executions", "execution_aliases"):
            found = await reader._rows(f"SELECT tenant_id, external_id FROM execledger.{table}")  # noqa: S608
            assert {tuple(row.values()) for row in found} == seen
        for table in ("execution_events", "steps"):
            found = await reader._rows(f"SELECT tenant_id FROM execledger.{table}")  # noqa: S608
            assert len(found) == len(seen), table


async def test_a_statement_outside_a_reading_finds_nothing(peopled: str) -> None:
    async with Store.open(Options(peopled)) as store:
        for table in TABLES:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with store._connection(store._database) as connection:
                    await connection.fetch(f"SELECT FROM execledger.{table}")


async def test_a_connection_remembers_nobody(peopled: str, caplog: pytest.LogCaptureFixture) -> None:
    """One connection serves an admin, an owner and nobody in turn, with the same prepared statement."""
    async with Store.open(Options(peopled, pool_size=1)) as store:
        for who, count in ((EVERYTHING, 3), (Caller("ann", "acme"), 1), (NOBODY, 0), (EVERYTHING, 3)) * 3:
            async with store.reading(who) as reader:
                assert len(await reader.executions(Filters(), None, 10)) == count
        async with store._connection(store._database) as connection:
            assert await connection.fetchval("SELECT current_user::text") == "execledger_query"
            assert await connection.fetchval("SELECT current_setting('execledger.tenant', true)") in (None, "")
    assert "active transaction" not in caplog.text  # the client would end what is open, and complain of it


async def test_a_reading_changes_nothing(peopled: str) -> None:
    async with Store.open(Options(peopled)) as store:
        with pytest.raises((asyncpg.ReadOnlySQLTransactionError, asyncpg.InsufficientPrivilegeError)):
            async with store.reading(EVERYTHING) as reader:
                await reader._rows("DELETE FROM execledger.executions")


async def test_partitions_are_not_to_be_read_past_the_policies(peopled: str) -> None:
    async with Store.open(Options(peopled)) as store:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with store.reading(Caller("ann", "acme")) as reader:
                await reader._rows("SELECT FROM execledger.executions_m2026_03")


@pytest.mark.parametrize(
    "part", ["", "/steps", "/events", "/explain", "/llm-calls", "/tool-calls", "/timeline", "/tree?limit=9"]
)
async def test_what_one_may_not_see_is_not_there(peopled: str, part: str) -> None:
    async with serving(peopled) as client:
        for headers in (bearing("ann", "acme"), bearing("ann", "umbra", "reader"), bearing("bob", "umbra", "service")):
            asked = part if "?" in part else f"{part}?include=payloads"
            hidden = await client.get(f"/v1/executions/bob-run{asked}", headers=headers)
            assert hidden.status_code == 404
            assert hidden.json()["type"] == "urn:execledger:problem:not-found"
        for headers in (bearing("bob", "acme"), bearing("ann", "acme", "reader")):
            assert (await client.get(f"/v1/executions/bob-run{part}", headers=headers)).status_code == 200


async def test_an_internal_id_opens_no_door_either(peopled: str) -> None:
    async with serving(peopled) as client:
        listed = await client.get("/v1/executions?owner_id=bob", headers=bearing("x", "acme", "reader"))
        path = f"/v1/executions/{listed.json()['items'][0]['id']}"
        assert (await client.get(path, headers=bearing("bob", "acme"))).status_code == 200
        for headers in (bearing("ann", "acme"), bearing("bob", "umbra"), bearing("x", "umbra", "reader")):
            assert (await client.get(path, headers=headers)).status_code == 404


async def test_a_tenant_with_quotes_and_dots_in_its_name_is_only_a_name(database: str) -> None:
    name = "o'brien\"; SET ROLE postgres; --"
    async with ledger(database) as rows, serving(database) as client:
        await rows.execution(tenant_id=name, external_id="mine")
        await rows.execution(tenant_id="other")
        listed = await client.get("/v1/executions", headers=bearing("ann", name, "reader"))
        assert [item["external_id"] for item in listed.json()["items"]] == ["mine"]


async def test_an_admin_who_means_several_is_told_which(peopled: str) -> None:
    async with serving(peopled) as client:
        several = await client.get("/v1/executions/ann-run", headers=bearing("root", "ops", "admin"))
        assert several.status_code == 409
        assert several.json()["type"] == "urn:execledger:problem:conflict"
        assert [bearer["tenant_id"] for bearer in several.json()["executions"]] == ["acme", "umbra"]
        for bearer in several.json()["executions"]:
            one = await client.get(f"/v1/executions/{bearer['id']}", headers=bearing("root", "ops", "admin"))
            assert one.json()["tenant_id"] == bearer["tenant_id"]


async def test_an_internal_id_wins_over_the_same_external_id(database: str) -> None:
    async with ledger(database) as rows, serving(database) as client:
        first = await rows.execution(external_id="first")
        await rows.execution(external_id=str(first))
        shown = await client.get(f"/v1/executions/{first}", headers=bearing("x", "acme", "reader"))
        assert shown.json()["external_id"] == "first"
