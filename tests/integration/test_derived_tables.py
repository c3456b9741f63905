"""A derived table is an entry, a row type and a migration: then it is recorded, compared with the log and rebuilt."""
# ruff: noqa: S608  # statements are put together from this file's own words

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, NamedTuple

import pytest

from execledger_contracts.events import ExecutionCancelRequested
from execledger_recorder.duties.rebuild import FIRST_ID, batches, rebuild, verify
from execledger_recorder.rules import tables
from execledger_recorder.rules.change import Change
from execledger_recorder.rules.tables import Table, Writing
from factories_recorder import Desk, Row, Topic, desk, history


class RequestRow(NamedTuple):
    execution_id: str
    event_id: str
    tenant_id: str
    reason: str | None


class TotalRow(NamedTuple):
    execution_id: str
    tenant_id: str
    total_tokens: int


class TagRow(NamedTuple):
    execution_id: str
    place: int
    tag: str
    tenant_id: str


def requests(change: Change) -> Iterator[RequestRow]:
    for entry in change.judged.entries:
        if isinstance(event := entry.event, ExecutionCancelRequested):
            yield RequestRow(change.judged.id, entry.event_id, change.judged.tenant_id, event.data.reason)


def totals(change: Change) -> Iterator[TotalRow]:
    yield TotalRow(change.judged.id, change.judged.tenant_id, change.record.total_tokens)


def is_relabelled(change: Change) -> bool:
    return change.is_relabelled


def tags(change: Change) -> Iterator[TagRow]:
    for place, tag in enumerate(change.tags):
        yield TagRow(change.judged.id, place, tag, change.judged.tenant_id)


# The entry, its migration, and a value that is damaged in one column.
ADDED: Final = {
    "append": (
        Table("requests", ("event_id",), RequestRow._fields, Writing.APPEND, requests),
        """CREATE TABLE execledger.requests (
            execution_id uuid, event_id uuid, tenant_id text NOT NULL, reason text, PRIMARY KEY (execution_id, event_id)
        ) PARTITION BY RANGE (execution_id)""",
        "reason = 'damaged'",
    ),
    "upsert": (
        Table("totals", (), TotalRow._fields, Writing.UPSERT, totals),
        """CREATE TABLE execledger.totals (
            execution_id uuid PRIMARY KEY, tenant_id text NOT NULL, total_tokens bigint NOT NULL
        ) PARTITION BY RANGE (execution_id)""",
        "total_tokens = -1",
    ),
    "replace": (
        Table("tags", ("place",), TagRow._fields, Writing.REPLACE, tags, is_changed=is_relabelled),
        """CREATE TABLE execledger.tags (
            execution_id uuid, place integer, tag text NOT NULL, tenant_id text NOT NULL,
            PRIMARY KEY (execution_id, place)
        )""",
        "tag = 'damaged'",
    ),
}


@pytest.fixture(params=ADDED)
async def added(
    request: pytest.FixtureRequest, database: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Desk, Table, str]]:
    """A recorder, in its own role, that knows of one more table."""
    table, migration, damage = ADDED[request.param]
    async with desk(f"{database}?role=execledger_recorder") as office:
        await office.connection.execute("SET ROLE NONE")
        await office.connection.execute(migration)
        await office.value("SELECT execledger.add_derived_table($1)", table.name)
        monkeypatch.setattr(tables, "TABLES", (*tables.TABLES, table))
        yield office, table, damage


async def stored(office: Desk, table: Table) -> list[Row]:
    return await office.rows(f"SELECT * FROM execledger.{table.name} ORDER BY 1, 2, 3")


async def found(office: Desk) -> list[tuple[str, Any]]:
    """What differs from the log: table and field."""
    ids = [id_ async for batch in batches(office.store, FIRST_ID, None) for id_ in batch]
    findings = await verify(office.store, ids)
    return [(difference.table, difference.field) for finding in findings for difference in finding.differences]


async def test_a_table_that_is_added_is_recorded_whatever_the_order(added: tuple[Desk, Table, str]) -> None:
    office, table, _ = added
    await office.record(Topic("whole").add(*history(tenantid="whole")))
    backwards = Topic("backwards")
    for said in reversed(history(tenantid="backwards")):
        await office.record(backwards.add(said))
    rows = [[*row.values()][1:] for row in await stored(office, table)]
    whole, other = ([row for row in rows if tenant in row] for tenant in ("whole", "backwards"))
    assert len(whole) >= 1
    assert str(sorted(whole, key=str)).replace("whole", "backwards") == str(sorted(other, key=str))
    assert await found(office) == []


async def test_a_table_that_is_added_is_compared_and_rebuilt(added: tuple[Desk, Table, str]) -> None:
    office, table, damage = added
    await office.record(Topic().add(*history()))
    before = await stored(office, table)
    ids = [id_ async for batch in batches(office.store, FIRST_ID, None) for id_ in batch]
    for statement, field in (
        (f"UPDATE execledger.{table.name} SET {damage}", damage.partition(" ")[0]),
        (f"DELETE FROM execledger.{table.name}", None),
    ):
        await office.connection.execute(statement)
        assert set(await found(office)) == {(table.name, field)}
        assert (await rebuild(office.store, ids)).left == []
        assert await stored(office, table) == before
        assert await found(office) == []
