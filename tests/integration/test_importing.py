"""`execledger import`: rows of older tables go through Kafka into the record, and come out of it as they went in."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncpg
import pytest

from conftest import Servers, Topics
from consuming import consumed
from importing_house import House, open_house
from old_rows import WORDS, Row, children_of, rows_of


@pytest.fixture
async def house(servers: Servers, topics: Topics, database: str, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(servers, topics, database, tmp_path) as house:
        yield house


def with_status(rows: Sequence[Row], word: str) -> list[Row]:
    return [row for row in rows if row["status"] == word]


async def test_what_is_imported_twice_counts_once(house: House) -> None:
    rows = rows_of("task_executions", 1, 40)
    said = await house.bring("task_executions", rows)
    assert (said.status, said.out.split(",")[0]) == (0, "40 rows"), said.err
    before = await house.connection.fetch("SELECT external_id, version, status FROM execledger.executions")
    assert (await house.bring("task_executions", reversed(rows))).status == 0
    after = await house.connection.fetch("SELECT external_id, version, status FROM execledger.executions")
    assert sorted(map(tuple, before)) == sorted(map(tuple, after))
    assert await house.value("SELECT count(*) FROM execledger.duplicates WHERE reason = 'conflict'") == 0


async def test_an_execution_that_ran_on_is_brought_to_its_end_by_the_next_import(house: House) -> None:
    ended = with_status(rows_of("task_executions", 2, 30), "COMPLETED")[0]
    of_its_end = ("completed_at", "duration_ms", "result", "response", "total_tokens", "prompt_tokens")
    figures = ("completion_tokens", "total_cost_usd", "agents_used", "tools_invoked", "cache_hits")
    running = {**ended, "status": "RUNNING", **dict.fromkeys((*of_its_end, *figures))}
    await house.bring("task_executions", [running])
    assert await house.value("SELECT status FROM execledger.executions") == "running"
    await house.bring("task_executions", [ended])
    assert await house.value("SELECT status FROM execledger.executions") == "completed"
    assert await house.value("SELECT duration_ms FROM execledger.executions") == ended["duration_ms"]


async def test_a_bad_row_is_told_with_line_and_field_and_can_be_imported_again(house: House) -> None:
    rows = rows_of("crewai_flow_executions", 3, 4)
    bad = [{**rows[0], "status": "purple"}, {**rows[1], "started_at": "noon"}, {**rows[2], "colour": "red"}]
    said = await house.bring("crewai_flow_executions", [rows[3], *bad])
    assert said.status == 1
    assert said.out.endswith(f"3 rows refused; they are in {house.refused}\n")
    assert [(line, field) for line, field, _ in house.reasons()] == [(2, "status"), (3, "started_at"), (4, "colour")]
    assert "line 2: status: is no status of an execution" in said.err
    told = [json.loads(line) for line in house.refused.read_text().splitlines()]
    assert [each["row"] for each in told] == bad
    mended = [{**each, "row": row} for each, row in zip(told, [*rows[:2], bad[2]], strict=True)]
    house.file(mended, house.refused.name)
    await house.run("crewai_flow_executions", str(house.refused))
    assert [(line, field) for line, field, _ in house.reasons()] == [(3, "colour")]
    said = await house.run("crewai_flow_executions", str(house.refused), "--without", "colour")
    assert said.status == 0
    await house.record()
    assert await house.value("SELECT count(*) FROM execledger.executions") == 4


async def test_a_row_of_a_child_table_waits_for_its_execution(house: House) -> None:
    tasks = rows_of("task_executions", 4, 5)
    calls = children_of("token_usage", tasks, 4, 6)
    said = await house.bring("token_usage", calls)
    assert (said.status, len(house.reasons())) == (1, 6)
    assert {field for _, field, _ in house.reasons()} == {"task_id"}
    await house.bring("task_executions", tasks)
    again = [json.loads(line) for line in house.refused.read_text().splitlines()]
    for _ in range(2):
        assert (await house.bring("token_usage", again)).status == 0
    assert await house.value("SELECT count(*) FROM execledger.llm_calls") == 6


async def test_what_an_older_log_says_changes_nothing(house: House) -> None:
    [task] = with_status(rows_of("task_executions", 5, 20), "FAILED")[:1]
    await house.bring("task_executions", [task])
    record = "SELECT status, started_at, ended_at, total_tokens, cost_usd, tools_invoked FROM execledger.executions"
    before = await house.connection.fetchrow(record)
    logged = children_of("event_logs", [task], 5, 30)
    for _ in range(2):
        assert (await house.bring("event_logs", logged)).status == 0
    assert await house.connection.fetchrow(record) == before
    assert await house.value("SELECT count(*) FROM execledger.execution_events WHERE type LIKE 'imported:%'") == 30
    assert await house.value("SELECT count(*) FROM execledger.tool_calls") == 0


async def test_owners_are_called_what_their_rows_say(house: House) -> None:
    tasks = [row for row in rows_of("task_executions", 6, 30) if row["user_id"]][:3]
    await house.bring("task_executions", tasks)
    users = [{"id": task["user_id"], "email": f"{n}@example.org", "name": "Ann ✓"} for n, task in enumerate(tasks)]
    stranger = {"id": "0b5f2b2e-6c0c-4f0e-9c2a-999999999999", "email": None, "name": "?"}
    record = "SELECT external_id, status, created_at, started_at FROM execledger.executions ORDER BY 1"
    before = await house.connection.fetch(record)
    said = await house.bring("users", [*users, stranger])
    assert [(line, field) for line, field, _ in house.reasons()] == [(4, "id")]
    owners = await house.connection.fetch("SELECT id, email, name FROM execledger.owners")
    assert sorted(map(tuple, owners)) == sorted((row["id"], row["email"], row["name"]) for row in users)
    assert await house.connection.fetch(record) == before
    said = await house.bring("users", users)
    assert said.out.startswith("3 rows, 0 events sent")


async def test_an_import_goes_on_where_it_is_noted_to_be(house: House) -> None:
    rows, noted = rows_of("executions", 7, 25), house.folder / "progress.json"
    await house.run("executions", str(house.file(rows[:10])), "--progress", str(noted))
    said = await house.run("executions", str(house.file(rows)), "--progress", str(noted))
    assert said.out.startswith("15 rows, ")
    await house.record()
    assert await house.value("SELECT count(*) FROM execledger.executions") == 25
    wrong = await house.run("users", str(house.file(rows)), "--progress", str(noted))
    assert (wrong.status, "not of users" in wrong.err) == (2, True)


async def test_the_older_table_is_read_itself_and_from_a_key_on(house: House, other_database: str) -> None:
    rows, noted = rows_of("executions", 8, 30), house.folder / "progress.json"
    old = await asyncpg.connect(other_database)
    try:
        await old.execute('CREATE SCHEMA "old one"')
        await old.execute(
            """CREATE TABLE "old one".crews (id uuid PRIMARY KEY, status varchar(20), message_id text, graph_id text,
            result text, output jsonb, error text, error_type text, created_at timestamptz, started_at timestamptz,
            completed_at timestamptz, duration_ms integer, metrics jsonb)"""
        )
        insert = 'INSERT INTO "old one".crews SELECT * FROM json_populate_recordset(NULL::"old one".crews, $1::json)'
        await old.execute(insert, json.dumps(rows[:20]))
        from_there = ("--from-dsn", other_database, "--table", "old one.crews", "--progress", str(noted))
        said = await house.run("executions", *from_there)
        assert (said.status, said.out.split(",")[0]) == (0, "20 rows"), said.err
        last = json.loads(noted.read_text())["key"]
        assert last == max(row["id"] for row in rows[:20])
        await old.execute(insert, json.dumps(rows[20:]))
        said = await house.run("executions", *from_there)
        assert said.out.startswith(f"{sum(row['id'] > last for row in rows[20:])} rows")
    finally:
        await old.close()
    await house.record()
    gone = await house.run("executions", "--from-dsn", other_database, "--table", "nowhere")
    assert (gone.status, "nowhere" in gone.err) == (1, True)


async def test_events_of_an_import_are_signed_and_lie_under_their_execution(house: House) -> None:
    [row] = rows_of("workflow_execution_log", 9, 1)
    await house.bring("workflow_execution_log", [row])
    records = await consumed(house.servers.bootstrap_servers, house.topics.events)
    assert {record.key for record in records} == {row["run_id"].encode()}
    assert all("execledger-signature" in dict(record.headers) for record in records)
    assert await house.value("SELECT count(*) FROM execledger.dead_letters") == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[{}]\n", "is a JSON array"),
        ("hello\n", "is neither JSON lines nor CSV with a header"),
        ('{"specversion": "1.0", "id": "1"}\n', "has columns that the table has not: specversion"),
        ("id,colour\n1,red\n", "has columns that the table has not: colour"),
        ("id,email\n1,a@example.org\n", "has columns that the table has not: email"),
        ("id,status\n1,running\n", "lacks columns of the table: created_at"),
        ('{"id": 5\n', "is neither JSON lines nor CSV: line 1 is no JSON object"),
    ],
)
async def test_a_file_that_is_not_what_it_says_is_one_clear_line(house: House, text: str, said: str) -> None:
    path = house.folder / "odd"
    path.write_text(text)
    answer = await house.run("executions", str(path))
    assert answer.status == 1
    assert said in answer.err
    assert answer.err.count("\n") == 1
    assert not house.refused.exists()


async def test_what_is_asked_wrongly_is_said(house: House) -> None:
    for arguments in (("cows", "-"), ("users",), ("users", "-", "--from-dsn", "postgresql://nowhere/x")):
        assert (await house.run(*arguments)).status == 2
    gone = await house.run("users", str(house.folder / "gone"))
    assert (gone.status, "Cannot read" in gone.err) == (1, True)


async def hold(connection: asyncpg.Connection, table: str, rows: Sequence[Row]) -> None:
    """Rows in a table with the columns of the view."""
    await connection.execute(f"CREATE TEMP TABLE old_{table} AS SELECT * FROM compat.{table} WITH NO DATA")  # noqa: S608
    insert = f"INSERT INTO old_{table} SELECT * FROM json_populate_recordset(NULL::old_{table}, $1::json)"  # noqa: S608
    await connection.execute(insert, json.dumps(rows))


async def assert_equal(connection: asyncpg.Connection, table: str) -> None:
    """The view shows what that table holds."""
    held = await connection.fetch(f"SELECT row_to_json(old)::text FROM old_{table} AS old ORDER BY id")  # noqa: S608
    seen = await connection.fetch(f"SELECT row_to_json(new)::text FROM compat.{table} AS new ORDER BY id")  # noqa: S608
    for (old,), (new,) in zip(held, seen, strict=True):
        assert json.loads(new) == json.loads(old)


@pytest.mark.parametrize("table", WORDS)
async def test_what_goes_in_comes_out_of_the_view_equal(house: House, table: str) -> None:
    rows = rows_of(table, 11, 120)
    said = await house.bring(table, rows)
    assert said.status == 0, said.err
    await hold(house.connection, table, rows)
    await assert_equal(house.connection, table)


@pytest.mark.parametrize("table", WORDS)
async def test_what_postgres_writes_as_csv_comes_out_of_the_view_equal(house: House, table: str) -> None:
    await hold(house.connection, table, rows_of(table, 14, 60))
    file = house.folder / "rows.csv"
    await house.connection.copy_from_table(f"old_{table}", output=file, format="csv", header=True)
    said = await house.run(table, str(file))
    assert said.status == 0, said.err
    await house.record()
    await assert_equal(house.connection, table)


@pytest.mark.parametrize("table", ["token_usage", "tool_executions", "event_logs"])
async def test_what_is_said_of_tasks_comes_out_of_its_view_equal(house: House, table: str) -> None:
    tasks = rows_of("task_executions", 12, 20)
    await house.bring("task_executions", tasks)
    rows = children_of(table, tasks, 12, 150)
    said = await house.bring(table, rows)
    assert said.status == 0, said.err
    await hold(house.connection, table, rows)
    await assert_equal(house.connection, table)


async def test_users_come_out_of_their_view(house: House) -> None:
    tasks = [row for row in rows_of("task_executions", 13, 30) if row["user_id"]]
    await house.bring("task_executions", tasks)
    users = [{"id": task["user_id"], "email": f"{n}@example.org", "name": "Ann ✓"} for n, task in enumerate(tasks)]
    await house.bring("users", users)
    await hold(house.connection, "users", users)
    await assert_equal(house.connection, "users")
