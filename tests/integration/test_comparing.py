"""`execledger compare-with`: a table that a team kept, beside the view of it."""

import json
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from command_line import Said, execledger
from compat_tables import columns
from conftest import Servers, Topics
from importing_house import House, open_house
from old_rows import WORDS, Row, children_of, rows_of

CHILDREN: Final = ("token_usage", "tool_executions", "event_logs")


@pytest.fixture
async def house(servers: Servers, topics: Topics, database: str, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(servers, topics, database, tmp_path) as house:
        yield house


@pytest.fixture
async def old(other_database: str) -> AsyncIterator[asyncpg.Connection]:
    """The database of a team."""
    connection = await asyncpg.connect(other_database)
    try:
        yield connection
    finally:
        await connection.close()


async def keep(old: asyncpg.Connection, table: str, rows: Sequence[Row]) -> None:
    """Rows in the table that the team had."""
    said = ", ".join(f'"{name}" {type_}' for name, type_ in columns()[table])
    await old.execute(f'CREATE TABLE public."{table}" ({said}, PRIMARY KEY (id))')
    insert = f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::public.{table}, $1::json)"  # noqa: S608
    await old.execute(insert, json.dumps(rows))


async def compared(house: House, dsn: str, table: str, *arguments: str, **settings: object) -> Said:
    return await execledger("compare-with", table, "--dsn", dsn, *arguments, **{"postgres_dsn": house.dsn, **settings})


@pytest.mark.parametrize("table", WORDS)
async def test_a_table_that_was_imported_is_the_same_as_its_view(
    house: House, old: asyncpg.Connection, other_database: str, table: str
) -> None:
    rows = rows_of(table, 21, 60)
    await keep(old, table, rows)
    await house.bring(table, rows)
    said = await compared(house, other_database, table)
    assert said.out == (
        f"{table}: 60 rows in the table, 60 in the view\n"
        "60 the same, 0 differ, 0 only in the table, 0 only in the view\n"
    )
    assert (said.status, said.err) == (0, "")


@pytest.mark.parametrize("table", [*CHILDREN, "users"])
async def test_what_is_beside_tasks_is_compared_too(
    house: House, old: asyncpg.Connection, other_database: str, table: str
) -> None:
    tasks = [row for row in rows_of("task_executions", 22, 20) if row["user_id"]]
    users = [{"id": task["user_id"], "email": f"{n}@example.org", "name": "Ann ✓"} for n, task in enumerate(tasks)]
    rows = users if table == "users" else children_of(table, tasks, 22, 50)
    await house.bring("task_executions", tasks)
    await house.bring(table, rows)
    await keep(old, table, rows)
    said = await compared(house, other_database, table)
    assert said.out.startswith(
        f"{table}: {len(rows)} rows in the table, {len(rows)} in the view\n{len(rows)} the same,"
    )
    assert said.status == 0
    await old.execute(f"DELETE FROM {table} WHERE id = (SELECT id FROM {table} LIMIT 1)")  # noqa: S608
    said = await compared(house, other_database, table)
    assert (said.status, "1 only in the view" in said.out) == (1, True)


async def test_what_an_import_makes_fit_is_taken_as_equal(
    house: House, old: asyncpg.Connection, other_database: str
) -> None:
    ended = [row for row in rows_of("task_executions", 23, 40) if row["status"] == "COMPLETED"][:3]
    odd: list[dict[str, Any]] = [
        {"completed_at": None, "duration_ms": 1500},
        {"status": "success", "cache_hits": None, "agents_used": None},
        {"status": "TIMEOUT", "result": None},
    ]
    rows = [{**row, **said} for row, said in zip(ended, odd, strict=True)]
    await keep(old, "task_executions", rows)
    await house.bring("task_executions", rows)
    assert (await compared(house, other_database, "task_executions")).out.splitlines()[1].startswith("3 the same, 0")


async def test_each_difference_is_shown_with_its_column(
    house: House, old: asyncpg.Connection, other_database: str
) -> None:
    rows = rows_of("task_executions", 24, 12)
    await house.bring("task_executions", rows[:11])
    changed = {**rows[0], "query": "why \x1b[2J?", "metadata": {"a": True}}
    end = datetime.fromisoformat(rows[1]["created_at"]) - timedelta(days=1)
    await keep(old, "task_executions", [changed, {**rows[1], "created_at": end.isoformat()}, *rows[2:10], rows[11]])
    said = await compared(house, other_database, "task_executions")
    counts, tally, named, *examples = said.out.splitlines()
    assert counts == "task_executions: 11 rows in the table, 11 in the view"
    assert tally == "8 the same, 2 differ, 1 only in the table, 1 only in the view"
    assert named.startswith("columns that differ: ")
    assert set(named.removeprefix("columns that differ: ").split(", ")) == {
        "query (1)", "metadata (1)", "created_at (1)",
    }  # fmt: skip
    name = rows[0]["workflow_id"]
    assert [line for line in examples if line.startswith(f"  {name}: query: ")] == [
        f'  {name}: query: "why \\u001b[2J?" in the table, {shown(rows[0]["query"])} in the view'
    ]
    assert examples[-2:] == [
        f"only in the table: {rows[11]['workflow_id']}",
        f"only in the view: {rows[10]['workflow_id']}",
    ]
    assert said.status == 1
    fewer = await compared(house, other_database, "task_executions", "--examples", "0", "--without", "query")
    assert fewer.out.splitlines()[2:] == ["columns that differ: metadata (1), created_at (1)"]


def shown(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"


async def test_a_tenant_is_compared_alone(house: House, old: asyncpg.Connection, other_database: str) -> None:
    rows = rows_of("executions", 25, 8)
    await house.bring("executions", rows[:5], "--tenant", "acme")
    await house.bring("executions", rows[5:])
    await keep(old, "executions", rows[:5])
    assert (await compared(house, other_database, "executions")).status == 1
    alone = await compared(house, other_database, "executions", "--tenant", "acme")
    assert (alone.status, alone.out.splitlines()[0]) == (0, "executions: 5 rows in the table, 5 in the view")


async def test_a_login_by_sql_compares_what_it_sees(house: House, old: asyncpg.Connection, other_database: str) -> None:
    rows = rows_of("executions", 26, 6)
    await house.bring("executions", rows[:4], "--tenant", "acme")
    await house.bring("executions", rows[4:])
    await keep(old, "executions", rows[:4])
    login = f"reader_{secrets.token_hex(4)}"
    await execledger("sql-access", "grant", login, "--tenant", "acme", postgres_dsn=house.dsn)
    await house.connection.execute(f"ALTER ROLE {login} PASSWORD 'secret'")
    _, _, server = house.dsn.rpartition("@")
    try:
        said = await compared(house, other_database, "executions", postgres_dsn=f"postgresql://{login}:secret@{server}")
        assert (said.status, said.err) == (0, "")
    finally:
        await house.connection.execute(f"DROP OWNED BY {login}; DROP ROLE {login}")


async def test_what_cannot_be_compared_is_one_clear_line(
    house: House, old: asyncpg.Connection, other_database: str
) -> None:
    await old.execute("CREATE TABLE odd (id uuid, colour text)")
    await old.execute("CREATE TABLE numbered (id bigint)")
    nobody = f"nobody_{secrets.token_hex(4)}"
    await old.execute(f"CREATE ROLE {nobody} LOGIN PASSWORD 'secret'")
    _, _, server = house.dsn.rpartition("@")
    try:
        for arguments, settings, status, reason in (
            (("users", "--dsn", other_database, "--table", "nowhere"), {}, 1, 'relation "nowhere" does not exist'),
            (("users", "--dsn", "postgresql://127.0.0.1:1/x"), {}, 1, "the database of --dsn cannot be reached"),
            (("users", "--dsn", other_database, "--table", "odd"), {}, 1, "has columns that users has not: colour"),
            (("users", "--dsn", other_database, "--table", "numbered"), {}, 1, "numbered.id is of type int8"),
            (
                ("task_executions", "--dsn", other_database, "--table", "odd", "--without", "colour"),
                {},
                1,
                "workflow_id",
            ),
            (("cows", "--dsn", other_database), {}, 2, "is one of"),
            (
                ("task_executions", "--dsn", other_database, "--table", "numbered"),
                {},
                1,
                "lacks the column workflow_id",
            ),
            (
                ("users", "--dsn", other_database, "--table", "odd", "--without", "colour"),
                {"postgres_dsn": f"postgresql://{nobody}:secret@{server}"},
                1,
                "the account of EXECLEDGER_POSTGRES_DSN may not: permission denied for schema compat",
            ),
        ):
            said = await execledger("compare-with", *arguments, **{"postgres_dsn": house.dsn, **settings})
            assert (said.status, said.err.count("\n")) == (status, 1), (arguments, said)
            assert reason in said.err
    finally:
        await old.execute(f"DROP ROLE {nobody}")
