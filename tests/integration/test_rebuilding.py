"""Rows damaged by hand: what differs from the log is named, and mended from it."""
# ruff: noqa: S608  # statements are put together from this file's own words

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import pytest
import structlog
from hypothesis import HealthCheck, given, settings

from command_line import Said, execledger
from conftest import Servers, Topics
from execledger_contracts.events import Event
from execledger_lifecycle.state import FORMAT
from execledger_recorder.duties import rebuild as rebuilding
from execledger_recorder.duties import spot_check
from execledger_recorder.duties.rebuild import FIRST_ID, Finding, batches, rebuild, verify
from execledger_recorder.duties.spot_check import Sampler
from execledger_recorder.recording import Folded, Report, restore
from execledger_recorder.store import Batch
from factories_recorder import Desk, Row, Topic, chance, desk, event, history, snapshot
from factories_recorder import batches as cut_at_random
from histories import Arrival, arrivals
from recorded_topic import producing, publish
from running import Service, _environment, eventually, recorder

TABLES = (
    "execution_aliases",
    "executions",
    "execution_events",
    "steps",
    "llm_calls",
    "tool_calls",
    "execution_labels",
    "workflows",
    "owners",
    "usage_daily",
    "usage_marks",
    "duplicates",
    "dead_letters",
    "ledger",
    "outbox",
)
RUN_1 = "(SELECT id FROM execledger.execution_aliases WHERE external_id = 'run-1')"
RUN_2 = "(SELECT id FROM execledger.execution_aliases WHERE external_id = 'run-2')"
GIVE_PRICE = """
UPDATE execledger.llm_calls SET cost_usd = 7, cost_source = 'computed', price_version = 'v1' WHERE cost_usd IS NULL"""

# What is done to the rows; the table, key, field, stored and folded that verify names, texts cut to 20 characters.
DAMAGES: dict[str, tuple[str, set[tuple[Any, ...]]]] = {
    "a field": (
        f"UPDATE execledger.executions SET query = 'x', version = 3 WHERE id = {RUN_1}",
        {("executions", (), "query", "x", None), ("executions", (), "version", 3, 20)},
    ),
    "a clock": (
        f"UPDATE execledger.executions SET heard_at = heard_at + interval '1 day' WHERE id = {RUN_1}",
        {("executions", (), "heard_at", "2026-03-02 12:00:00.", "2026-03-01 12:00:00.")},
    ),
    "whose it is": (
        f"UPDATE execledger.executions SET tenant_id = 'other' WHERE id = {RUN_1}",
        {("executions", (), "tenant_id", "other", "default")},
    ),
    "a JSON value": (
        f"""UPDATE execledger.executions SET metadata = '{{"x": true, "z": null}}' WHERE id = {RUN_1}""",
        {("executions", (), "metadata", '{"x": true, "z": nul', '{"x":1,"z":null}')},
    ),
    "the fold": (
        f"UPDATE execledger.executions SET fold = left(fold, 5) WHERE id = {RUN_1}",
        {("executions", (), "fold", f"[{FORMAT},[2", f"[{FORMAT},[2,17723664161234")},
    ),
    "an execution": (
        f"DELETE FROM execledger.executions WHERE id = {RUN_1}",
        {("executions", (), None, "no row", "a row")},
    ),
    "an alias": (
        "DELETE FROM execledger.execution_aliases WHERE external_id = 'run-1'",
        {("execution_aliases", (), None, "no row", "a row")},
    ),
    "a name": (
        "UPDATE execledger.execution_aliases SET external_id = 'run-7' WHERE external_id = 'run-1'",
        {("execution_aliases", (), "external_id", "run-7", "run-1")},
    ),
    "what a step says": (
        f"UPDATE execledger.steps SET status = 'running', tenant_id = 'other', fold = '' WHERE execution_id = {RUN_1}"
        " AND attempt = 2",
        {
            ("steps", ("draft", 1, 2, 1), "status", "running", "completed"),
            ("steps", ("draft", 1, 2, 1), "tenant_id", "other", "default"),
            ("steps", ("draft", 1, 2, 1), "fold", "", f'[{FORMAT},"draft",1,2,1,fal'),
        },
    ),
    "a step": (
        f"DELETE FROM execledger.steps WHERE execution_id = {RUN_1} AND attempt = 2",
        {("steps", ("draft", 1, 2, 1), None, "no row", "a row")},
    ),
    "a step too many": (
        "INSERT INTO execledger.steps (execution_id, step_id, iteration_key, attempt, try_number, tenant_id, status,"
        " provisional, unexpected, first_event_at, fold)"
        " SELECT execution_id, 'x', -1, 1, 1, tenant_id, status, false, false,"
        f" first_event_at, fold FROM execledger.steps WHERE execution_id = {RUN_1} LIMIT 1",
        {("steps", ("x", -1, 1, 1), None, "a row", "no row")},
    ),
    "a label": (
        f"UPDATE execledger.execution_labels SET value = '9' WHERE execution_id = {RUN_1} AND key = 'prd'",
        {
            ("execution_labels", ("label", "prd", "8"), None, "no row", "a row"),
            ("execution_labels", ("label", "prd", "9"), None, "a row", "no row"),
        },
    ),
    "a tool call": (
        f"UPDATE execledger.tool_calls SET tool_name = NULL WHERE execution_id = {RUN_1}",
        {("tool_calls", ..., "tool_name", None, "search")},
    ),
    "all tool calls": (
        f"DELETE FROM execledger.tool_calls WHERE execution_id = {RUN_1}",
        {("tool_calls", ..., None, "no row", "a row")},
    ),
    "an LLM call": (
        f"UPDATE execledger.llm_calls SET model = 'x', cost_usd = 3, cost_source = 'computed', price_version = 'v0'"
        f" WHERE execution_id = {RUN_1} AND model = 'm'",
        {
            ("llm_calls", ..., "model", "x", "m"),
            ("llm_calls", ..., "cost_usd", "3", "1.23E-7"),
            ("llm_calls", ..., "cost_source", "computed", "reported"),
            ("llm_calls", ..., "price_version", "v0", None),
        },
    ),
    "an LLM call too many": (
        "INSERT INTO execledger.llm_calls (execution_id, event_id, tenant_id, occurred_at, attempt)"
        f" VALUES ({RUN_1}, gen_random_uuid(), 'default', now(), 1)",
        {("llm_calls", ..., None, "a row", "no row")},
    ),
}


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    """A recorder's inner part; four executions are recorded, one of them with a call that was given a price."""
    async with desk(database) as office:
        topic = Topic()
        for part in cut_at_random(topic.add(*history()), chance(1)):
            await office.record(part)
        await settle(office)
        yield office


async def settle(office: Desk) -> None:
    while await office.store.usage.recompute():
        pass


async def contents(connection: asyncpg.Connection, *, updated: bool = True) -> dict[str, list[Row]]:
    """All that stands in the tables."""
    left_out = "'updated_at'" if updated else "''"
    return {
        table: [
            json.loads(row["row"])
            for row in await connection.fetch(
                f"SELECT to_jsonb(each) - {left_out} AS row FROM execledger.{table} AS each ORDER BY 1"
            )
        ]
        for table in TABLES
    }


async def all_ids(office: Desk) -> list[str]:
    return [id_ async for batch in batches(office.store, FIRST_ID, None) for id_ in batch]


async def found(office: Desk) -> set[tuple[Any, ...]]:
    """What verify finds in all executions: table, key, field, stored, folded."""
    findings = await verify(office.store, await all_ids(office))
    documents = [each.as_document() for finding in findings for each in finding.differences]
    return {(each["table"], tuple(each["key"]), each["field"], *map(_short, _values(each))) for each in documents}


def _values(document: Mapping[str, Any]) -> tuple[Any, Any]:
    return document["stored"], document["folded"]


def _short(value: Any) -> Any:
    return value[:20] if isinstance(value, str) else value


def _same(named: set[tuple[Any, ...]], expected: set[tuple[Any, ...]]) -> bool:
    """Keys that are event ids are not spelt out."""
    open_tables = {each[0] for each in expected if each[1] is ...}
    return {(each[0], ... if each[0] in open_tables else each[1], *each[2:]) for each in named} == expected


async def test_a_healthy_store_is_left_as_it_is(office: Desk) -> None:
    before = await contents(office.connection, updated=False)
    assert all(
        before[table] for table in TABLES if table not in ("usage_marks", "duplicates", "dead_letters", "outbox")
    )
    ids = await all_ids(office)
    assert len(ids) == 4
    assert await found(office) == set()
    assert await rebuild(office.store, ids) == (0, 0, ())
    assert await contents(office.connection, updated=False) == before


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damage_is_named_and_mended(office: Desk, damage: str) -> None:
    statement, expected = DAMAGES[damage]
    before = await contents(office.connection)
    await office.connection.execute(statement)
    damaged = await contents(office.connection)
    assert json.dumps(damaged) != json.dumps(before)  # Python takes true for 1
    named = await found(office)
    assert _same(named, expected), named
    assert await contents(office.connection) == damaged
    result = await rebuild(office.store, await all_ids(office))
    assert (result.mended, result.rows, result.left) == (1, len({each[:2] for each in named}), [])
    assert await found(office) == set()
    await settle(office)
    assert await contents(office.connection) == before


async def test_a_price_that_was_computed_survives(office: Desk) -> None:
    await office.record(Topic(ends=await _ends(office)).add(event("llm.called", {"prompt_tokens": 5}, subject="run-3")))
    await office.connection.execute(GIVE_PRICE)
    await settle(office)
    priced = await contents(office.connection)
    await office.connection.execute("UPDATE execledger.llm_calls SET model = 'x'")
    result = await rebuild(office.store, await all_ids(office))
    assert result.mended == 3
    assert (await contents(office.connection))["llm_calls"] == priced["llm_calls"]
    assert "computed" in {row["cost_source"] for row in priced["llm_calls"]}


async def test_usage_follows_what_was_mended(office: Desk) -> None:
    before = await contents(office.connection)
    await office.connection.execute(
        f"UPDATE execledger.executions SET owner_id = 'eve', usage_day = usage_day - 9 WHERE id = {RUN_1}"
    )
    await office.connection.execute(
        "INSERT INTO execledger.usage_marks SELECT tenant_id, coalesce(owner_id, ''), usage_day"
        " FROM execledger.executions"
    )
    await settle(office)
    assert "eve" in {row["owner_id"] for row in (await contents(office.connection))["usage_daily"]}
    await rebuild(office.store, await all_ids(office))
    await settle(office)
    assert await contents(office.connection) == before


async def test_everything_but_the_log_can_be_made_again(office: Desk) -> None:
    before = await contents(office.connection)
    for table in ("execution_aliases", "executions", "steps", "tool_calls", "llm_calls", "execution_labels"):
        await office.connection.execute(f"DELETE FROM execledger.{table}")
    await office.connection.execute("DELETE FROM execledger.workflows")
    await office.connection.execute("DELETE FROM execledger.owners")
    await office.connection.execute("DELETE FROM execledger.usage_daily")
    assert (await rebuild(office.store, await all_ids(office))).mended == 4
    await settle(office)
    assert await contents(office.connection) == before


async def test_a_fold_of_another_format_is_no_difference_and_is_brought_up_to_date(office: Desk) -> None:
    before = await contents(office.connection)
    for table in ("executions", "steps"):
        await office.connection.execute(
            f"UPDATE execledger.{table} SET fold = regexp_replace(fold, '^.{FORMAT}', '[0')"
        )
    assert await found(office) == set()
    result = await rebuild(office.store, await all_ids(office))
    assert (result.mended, result.rows) == (4, 4)
    await settle(office)
    assert await contents(office.connection) == before


async def test_an_execution_without_a_log_is_named_and_left_alone(office: Desk) -> None:
    await office.connection.execute("UPDATE execledger.ledger SET next_offset = 0, applied = 0, late = 0, rejected = 0")
    await office.connection.execute("DELETE FROM execledger.execution_events")
    before = await contents(office.connection)
    ids = await all_ids(office)
    result = await rebuild(office.store, ids)
    assert [(each.execution_id, each.stored) for each in result.left] == [(id_, "no event") for id_ in ids]
    assert (result.mended, result.rows, len(ids)) == (0, 0, 4)
    assert await contents(office.connection) == before


async def test_an_event_that_cannot_be_read_is_named_and_the_others_are_mended(office: Desk) -> None:
    await office.connection.execute(
        f"""UPDATE execledger.execution_events SET raw = '{{"id": 1}}' WHERE execution_id = {RUN_2} AND "offset" ="""
        f""" (SELECT min("offset") FROM execledger.execution_events WHERE execution_id = {RUN_2})"""
    )
    await office.connection.execute("UPDATE execledger.executions SET query = 'x'")
    before = await office.rows(f"SELECT * FROM execledger.executions WHERE id = {RUN_2}")
    result = await rebuild(office.store, await all_ids(office))
    assert [(each.execution_id, each.field, each.folded) for each in result.left] == [
        (str(await office.value(f"SELECT {RUN_2}")), "raw", "an event that can be read")
    ]
    assert result.mended == 3
    assert await office.rows(f"SELECT * FROM execledger.executions WHERE id = {RUN_2}") == before
    said = await _verify(office)
    assert (said.status, said.err) == (1, "")
    assert re.search(r"execution_events/\S+/raw +a damaged event +an event that can be read", said.out)


BROKEN = {
    "empty": "''",
    "cut": "left(fold, length(fold) / 2)",
    "no list": "'{}'",
    "too short": "'[1]'",
    "too long": "left(fold, -1) || ',null]'",
    "other values": f"regexp_replace(fold, '\\[{FORMAT},', '[\"2\",')",
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize(("table", "warnings"), [("executions", 3), ("steps", 2)])
async def test_an_event_of_an_execution_whose_fold_is_damaged_has_it_folded_again(
    office: Desk, table: str, warnings: int, broken: str
) -> None:
    """Whether it touches a step that is stored, adds one, or reads anew those that are open."""
    said = [
        event("step.started", {"step": {"id": "draft", "iteration": 1}}, at=90, attempt=2),
        event("step.started", {"step": {"id": "review"}}, at=91, attempt=2),
        event("execution.started", at=92, attempt=3),
    ]
    with structlog.testing.capture_logs() as lines:
        for each in said:
            await office.connection.execute(f"UPDATE execledger.{table} SET fold = {BROKEN[broken]}")
            await office.record(Topic(ends=await _ends(office)).add(each))
    assert [(line["event"], line["table"]) for line in lines] == [("fold_damaged", table)] * warnings
    (finding,) = await verify(office.store, [str(await office.value(f"SELECT {RUN_1}"))])
    assert {difference.field for difference in finding.differences} <= {"fold"}


async def test_an_event_of_an_execution_whose_row_is_gone_brings_it_back_from_the_log(office: Desk) -> None:
    ends = await _ends(office)
    again = event("execution.progressed", {"message": "again"}, at=90, attempt=2)
    await office.connection.execute(f"DELETE FROM execledger.executions WHERE id = {RUN_1}")
    report = await office.record(Topic(ends=ends).add(again, again, *history()[:3]))
    assert (report.executions, report.duplicates) == (1, 4)
    assert await found(office) == set()
    assert await office.value(f"SELECT version FROM execledger.executions WHERE id = {RUN_1}") == 21


async def test_a_name_that_another_execution_bears_stays_with_it(office: Desk) -> None:
    run_1, run_2 = [str(await office.value(f"SELECT {run}")) for run in (RUN_1, RUN_2)]
    await office.connection.execute("DELETE FROM execledger.execution_aliases WHERE external_id = 'run-1'")
    await office.connection.execute(
        f"UPDATE execledger.execution_aliases SET external_id = 'run-1' WHERE id = '{run_2}'"
    )
    assert (await rebuild(office.store, [run_1])).left[0].execution_id == run_1
    assert (await rebuild(office.store, sorted([run_1, run_2]))).left == []
    assert await found(office) == set()


async def test_verify_sees_one_moment_and_waits_for_nobody(office: Desk) -> None:
    async with office.connection.transaction():
        await office.connection.execute("LOCK TABLE execledger.executions IN ROW EXCLUSIVE MODE")
        await office.connection.execute("UPDATE execledger.executions SET query = 'x'")
        assert await found(office) == set()
    assert await found(office) == {("executions", (), "query", "x", None)}


async def test_what_is_recorded_between_look_and_lock_is_kept(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    topic, mend = Topic(ends=await _ends(office)), rebuilding._mend

    async def mend_later(tx: Batch, wrong: Sequence[Finding]) -> None:
        await office.record(topic.add(event("execution.progressed", {"completed_steps": 3}, at=11.5, attempt=2)))
        await mend(tx, wrong)

    monkeypatch.setattr(rebuilding, "_mend", mend_later)
    await office.connection.execute(f"UPDATE execledger.executions SET heard_at = 'epoch' WHERE id = {RUN_1}")
    await office.connection.execute(f"DELETE FROM execledger.tool_calls WHERE execution_id = {RUN_1}")
    assert (await rebuild(office.store, await all_ids(office))).left == []
    assert await office.value(f"SELECT completed_steps FROM execledger.executions WHERE id = {RUN_1}") == 3
    assert await found(office) == set()


async def test_what_is_recorded_while_a_row_that_was_gone_is_written_is_kept(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that is not there cannot be locked: the recorder may bring it back at the same time."""
    topic = Topic(ends=await _ends(office))
    more = event("execution.progressed", {"completed_steps": 3}, at=11.5, attempt=2)
    recording: list[asyncio.Task[Report]] = []

    async def save_later(tx: Batch, folded: Sequence[Folded]) -> None:
        recording.append(asyncio.create_task(office.record(topic.add(more))))
        await eventually(lambda: _is_done_or_waits(office, recording[0]))
        await restore(tx, folded)

    monkeypatch.setattr(rebuilding, "restore", save_later)
    await office.connection.execute(f"DELETE FROM execledger.executions WHERE id = {RUN_1}")
    await rebuild(office.store, await all_ids(office))
    await recording[0]
    assert await found(office) == set()
    assert await office.value(f"SELECT completed_steps FROM execledger.executions WHERE id = {RUN_1}") == 3


async def _is_done_or_waits(office: Desk, recording: asyncio.Task[Report]) -> bool:
    return recording.done() or await _waits(office)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(arrival=arrivals())
async def test_whatever_is_recorded_is_what_the_log_gives(office: Desk, arrival: Arrival) -> None:
    """The fold that goes on from the row gives, byte for byte, what the fold from the first event gives."""
    mark = uuid4().hex
    topic = Topic(mark)
    for batch in arrival.batches:
        if batch:
            await office.record(topic.add(*(_sent(each, mark) for each in batch)))
    execution_id = await office.value("SELECT id FROM execledger.executions WHERE tenant_id = $1", mark)
    (finding,) = await verify(office.store, [str(execution_id)])
    assert finding.folded is not None
    assert finding.differences == []


def _sent(said: Event, tenant: str) -> Row:
    return {**msgspec.to_builtins(said), "tenantid": tenant}


def test_batches_are_cut_where_their_events_are_too_many() -> None:
    many = rebuilding._BATCH_EVENTS
    assert list(rebuilding.cut([])) == []
    assert list(rebuilding.cut([("a", 1), ("b", many), ("c", 1), ("d", 1)])) == [["a"], ["b"], ["c", "d"]]


async def test_all_executions_come_in_order_and_once(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "_BATCH_EXECUTIONS", 3)
    ids = await all_ids(office)
    await office.connection.execute(f"DELETE FROM execledger.executions WHERE id = '{ids[1]}'")
    assert await all_ids(office) == ids == sorted(ids)
    assert [batch async for batch in batches(office.store, ids[1], "default")] == [ids[2:]]
    assert [batch async for batch in batches(office.store, FIRST_ID, "other")] == []


async def test_the_command_verifies_rebuilds_and_says_so(office: Desk) -> None:
    clean = await execledger("rebuild", "--verify", postgres_dsn=office.dsn)
    assert (clean.status, clean.out) == (0, "4 executions compared, 0 differences\n")
    await office.connection.execute(f"UPDATE execledger.executions SET query = 'x' WHERE id = {RUN_1}")
    table, lines = await _verify(office), await _verify(office, "--json")
    assert (table.status, lines.status) == (1, 1)
    assert re.search(r"executions/query +x +None", table.out)
    assert table.out.endswith("4 executions compared, 1 differences\n")
    run_1 = str(await office.value(f"SELECT {RUN_1}"))
    assert json.loads(lines.out) == {
        "execution_id": run_1,
        "table": "executions",
        "key": [],
        "field": "query",
        "stored": "x",
        "folded": None,
    }
    other = await execledger("rebuild", "run-2", postgres_dsn=office.dsn)
    assert (other.status, other.out) == (0, "1 executions folded again, 0 mended, 0 rows written\n")
    mended = await execledger("rebuild", run_1, "run-2", postgres_dsn=office.dsn)
    assert (mended.status, mended.out) == (0, "2 executions folded again, 1 mended, 1 rows written\n")
    assert (await _verify(office)).status == 0


async def test_the_command_finds_executions_by_either_id(office: Desk) -> None:
    await office.record(Topic(ends=await _ends(office)).add(event(subject="run-1", tenantid="acme")))
    several = await _verify(office, "run-1")
    assert several.status == 1
    assert several.err == (
        "execledger: several tenants have an execution 'run-1': say --tenant, one of acme, default\n"
    )
    assert (await _verify(office, "run-1", "--tenant", "acme")).out.startswith("1 executions compared")
    assert (await _verify(office, "--tenant", "acme")).out.startswith("1 executions compared")
    unknown = await _verify(office, "run-9")
    assert (unknown.status, unknown.err) == (1, "execledger: there is no execution 'run-9'\n")
    ids = await all_ids(office)
    assert (await _verify(office, "--after", ids[2])).out.startswith("2 executions compared")
    wrong = await _verify(office, "--after", "run-1")
    assert wrong.status == 2
    assert wrong.err.startswith("execledger: --after: should be")


async def test_stopped_it_says_where_it_goes_on(office: Desk, tmp_path: Path) -> None:
    await office.connection.execute(f"UPDATE execledger.executions SET query = 'x' WHERE id = {RUN_1}")
    run_4 = (await all_ids(office))[-1]
    async with office.connection.transaction():
        await office.connection.execute(f"SELECT FROM execledger.executions WHERE id = {RUN_1} FOR UPDATE")
        process = _rebuilding(office.dsn, tmp_path / "first")
        await eventually(lambda: _waits(office))
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait) == 130, (tmp_path / "first").read_text()
    assert "interrupted: nothing was done yet" in (tmp_path / "first").read_text()
    one_at_a_time = "from execledger_recorder.duties import rebuild; rebuild._BATCH_EXECUTIONS = 1;"
    await office.connection.execute("UPDATE execledger.executions SET query = 'x' WHERE id = $1", run_4)
    async with office.connection.transaction():
        await office.connection.execute("SELECT FROM execledger.executions WHERE id = $1 FOR UPDATE", run_4)
        process = _rebuilding(office.dsn, tmp_path / "second", one_at_a_time)
        await eventually(lambda: _waits(office))
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait) == 130, (tmp_path / "second").read_text()
    said = (tmp_path / "second").read_text()
    assert "3 executions folded again, 1 mended, 1 rows written" in said
    last = re.search(r"interrupted: go on with execledger rebuild --after (\S+)", said)
    assert last is not None
    assert last[1] == sorted(await all_ids(office))[2]
    rest = await execledger("rebuild", "--after", last[1], postgres_dsn=office.dsn)
    assert (rest.status, rest.out) == (0, "1 executions folded again, 1 mended, 1 rows written\n")


def _rebuilding(dsn: str, output: Path, before: str = "") -> subprocess.Popen[bytes]:
    """The command in a process of its own, which signals reach."""
    program = f"import sys; {before} sys.argv = ['execledger', 'rebuild']; from execledger.__main__ import main; main()"
    with output.open("wb") as file:
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", program], env=_environment({"postgres_dsn": dsn}), stdout=file, stderr=file
        )


async def _waits(office: Desk) -> bool:
    return await office.waiting() > 0


async def test_it_mends_while_the_recorder_records(office: Desk) -> None:
    random = chance(7)
    events = [{**said, "subject": f"{said['subject']}-{n}"} for n in range(10) for said in history()]
    random.shuffle(events)
    quiet = Topic("quiet").add(*[{**said, "tenantid": "quiet"} for said in events])
    busy = Topic("busy").add(*[{**said, "tenantid": "busy"} for said in events])
    for part in cut_at_random(quiet, random, most=40):
        await office.record(part)
    deadlocks = await office.value(_DEADLOCKS)
    recorded = asyncio.Event()
    connection, mended = await asyncpg.connect(office.dsn), 0

    async def mend() -> None:
        nonlocal mended
        while not recorded.is_set():
            mended += (await rebuild(office.store, await all_ids(office))).mended

    async def damage() -> None:
        while not recorded.is_set():
            await connection.execute(random.choice(_HARMS))
            await asyncio.sleep(0.01)

    async def record() -> None:
        try:
            for part in cut_at_random(busy, random, most=10):
                await office.record(part)
        finally:
            recorded.set()

    try:
        await asyncio.gather(record(), damage(), mend(), mend())
    finally:
        await connection.close()
    await rebuild(office.store, await all_ids(office))
    await settle(office)
    assert mended > 0
    assert await found(office) == set()
    assert await snapshot(office.connection, "busy") == await snapshot(office.connection, "quiet")
    assert await office.value(_DEADLOCKS) == deadlocks


_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
_ANY = "(SELECT id FROM execledger.executions WHERE tenant_id = 'busy' ORDER BY random() LIMIT 1)"
_HARMS = (
    f"UPDATE execledger.executions SET query = 'x', status = 'pending', ended_at = NULL WHERE id = {_ANY}",
    f"DELETE FROM execledger.execution_labels WHERE execution_id = {_ANY}",
    f"DELETE FROM execledger.tool_calls WHERE execution_id = {_ANY}",
    f"UPDATE execledger.steps SET name = 'x' WHERE execution_id = {_ANY}",
)


async def test_the_recorder_finds_a_damaged_record_by_itself(
    servers: Servers, topics: Topics, database: str, tmp_path: Path
) -> None:
    async with producing(servers) as producer:
        await publish(producer, topics.events, *history())
    connection = await asyncpg.connect(database)
    try:
        async with recorder(
            tmp_path,
            kafka_bootstrap_servers=servers.bootstrap_servers,
            postgres_dsn=database,
            events_topic=topics.events,
            dead_letter_topic=topics.dead_letter,
            consumer_group=topics.group,
            self_audit_interval_seconds=0.1,
        ) as service:
            await eventually(lambda: _recorded(connection, len(history())))
            assert (await service.metrics())["execledger_record_mismatches"] == 0
            await connection.execute(f"UPDATE execledger.executions SET query = 'x' WHERE id = {RUN_1}")
            await eventually(lambda: _mismatches(service, 1))
            (line,) = service.said("record_mismatch")
            said = {name: line[name] for name in ("execution_id", "table", "field", "stored", "folded")}
            run_1 = str(await connection.fetchval(f"SELECT {RUN_1}"))
            assert said == {
                "execution_id": run_1,
                "table": "executions",
                "field": "query",
                "stored": "x",
                "folded": None,
            }
            await connection.execute(f"UPDATE execledger.execution_events SET raw = '1' WHERE execution_id = {RUN_2}")
            await eventually(lambda: _mismatches(service, 2))
            mended = await execledger("rebuild", run_1, postgres_dsn=database)
            assert mended.status == 0
            await eventually(lambda: _mismatches(service, 1))
            assert await service.stop() == 0
    finally:
        await connection.close()


async def test_every_execution_has_its_turn_in_the_self_audit(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await all_ids(office)
    sampler = Sampler(office.store, chance(3))
    assert set().union(*[await sampler.draw(1) for _ in range(6)]) == set(ids)
    assert await sampler.draw(100) == set(ids)
    monkeypatch.setattr(spot_check, "_NEWEST_EVENTS", 1)
    assert ids[-1] in await sampler.draw(2)
    monkeypatch.setattr(spot_check, "_MOST_EVENTS", 6)
    assert await sampler.draw(100) | await sampler.draw(100) == {*ids} - {str(await office.value(f"SELECT {RUN_1}"))}


async def test_of_an_empty_log_there_is_no_sample(database: str) -> None:
    async with desk(database) as office:
        assert await Sampler(office.store, chance(1)).draw(20) == set()


async def _recorded(connection: asyncpg.Connection, events: int) -> bool:
    return bool(await connection.fetchval("SELECT count(*) FROM execledger.execution_events") == events)


async def _mismatches(service: Service, number: int) -> bool:
    return (await service.metrics())["execledger_record_mismatches"] == number


async def _verify(office: Desk, *arguments: str) -> Said:
    return await execledger("rebuild", "--verify", *arguments, postgres_dsn=office.dsn)


async def _ends(office: Desk) -> Counter[int]:
    return Counter({row["partition"]: row["next_offset"] for row in await office.rows("TABLE execledger.ledger")})
