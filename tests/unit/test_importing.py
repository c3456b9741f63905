"""Rows of older tables: how they are read, which events they become, and which are refused."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger.errors import UserError
from execledger.importing.columns import Column, Refused, document, moment, money, read_row, text, uuid, whole
from execledger.importing.drafts import Draft, Home, written
from execledger.importing.progress import Place, note_place, read_place
from execledger.importing.reading import Sent, Wanted, rows_of
from execledger.importing.report import Report
from execledger.importing.shapes.children import Named, Parent, parent_of
from execledger.importing.shapes.registry import SHAPES, Child, Whole
from execledger_contracts.cleaning import Limits
from execledger_contracts.decoding import Decoded, decode
from old_rows import WORDS, Row, children_of
from old_rows import rows_of as made

NOW_MS = 1_790_000_000_000
THREE = {"id": Column(text, is_required=True), "note": Column(text), "data": Column(document)}
WANTED = Wanted("file", THREE)


def events(table: str, row: Row) -> list[Any]:
    """The events of a row as a recorder reads them; Refused where it would not."""
    shape = SHAPES[table]
    read = read_row(shape.columns, row, frozenset(), is_csv=False)
    assert isinstance(shape, Whole)
    return [_decoded(draft, table) for draft in shape.events(read, "default")]


def _decoded(draft: Draft, table: str) -> Any:
    decoded = decode(written(draft, table, Limits(), NOW_MS), (), NOW_MS)
    assert isinstance(decoded, Decoded)
    return decoded.event


def refused(table: str, row: Row) -> str:
    """The field for which a row is refused."""
    with pytest.raises(Refused) as caught:
        events(table, row)
    return caught.value.field


def row_of(table: str, status: str) -> Row:
    """A row with that status."""
    column = "execution_status" if table == "workflow_executions" else "status"
    return next(row for row in made(table, 1, 200) if row[column] == status)


@pytest.mark.parametrize(
    ("table", "status", "said", "field"),
    [
        ("crewai_flow_executions", "completed", {"cost_usd": -1}, "cost_usd"),
        ("crewai_flow_executions", "completed", {"input_state": "x" * 300_000}, "input_state"),
        ("crewai_flow_executions", "completed", {"execution_mode": "odd"}, "execution_mode"),
        ("workflow_executions", "failed", {"tags": [5]}, "tags"),
    ],
)
def test_what_a_recorder_would_leave_out_cut_or_change_is_refused(
    table: str, status: str, said: Row, field: str
) -> None:
    assert field in refused(table, {**row_of(table, status), **said})


@pytest.mark.parametrize("table", WORDS)
def test_every_row_that_an_older_system_writes_is_taken(table: str) -> None:
    for row in made(table, 20, 60):
        assert events(table, row)


@pytest.mark.parametrize("table", WORDS)
def test_the_events_of_a_row_are_the_same_whenever_it_is_read(table: str) -> None:
    for row in made(table, 21, 10):
        assert events(table, row) == events(table, json.loads(json.dumps(row)))


@pytest.mark.parametrize(("table", "words"), WORDS.items())
def test_a_status_is_read_in_any_common_spelling(table: str, words: tuple[str, ...]) -> None:
    row = row_of(table, words[-1])
    column = "execution_status" if table == "workflow_executions" else "status"
    kinds = [event.canonical for event in events(table, row)]
    assert [event.canonical for event in events(table, {**row, column: words[-1].upper()})] == kinds
    assert refused(table, {**row, column: "purple"}) == column
    assert refused(table, {**row, column: "skipped"}) == column


@pytest.mark.parametrize(
    ("table", "status", "said", "field"),
    [
        ("crewai_flow_executions", "completed", {"error_message": "e"}, "error_message"),
        ("crewai_flow_executions", "failed", {"killed_by_budget": True}, "killed_by_budget"),
        ("crewai_flow_executions", "running", {"token_count": 5}, "token_count"),
        ("crewai_flow_executions", "running", {"cost_usd": 0.5}, "cost_usd"),
        ("crewai_flow_executions", "running", {"completed_at": "2026-03-01T12:00:00Z"}, "completed_at"),
        ("crewai_flow_executions", "completed", {"token_count": -1}, "token_count"),
        ("crewai_flow_executions", "completed", {"started_at": "1990-01-01T00:00:00Z"}, "started_at"),
        ("crewai_flow_executions", "completed", {"execution_key": "k" * 256}, "execution_key"),
        ("crewai_flow_executions", "failed", {"error_stack": "a\0b"}, "error_stack"),
        ("crewai_flow_executions", "failed", {"error_stack": "\ud800"}, "error"),
        ("task_executions", "COMPLETED", {"metadata": [1]}, "metadata"),
        ("task_executions", "COMPLETED", {"complexity_score": 1.5}, "complexity_score"),
        ("task_executions", "COMPLETED", {"user_id": "ann"}, "user_id"),
        ("task_executions", "COMPLETED", {"workflow_id": None}, "workflow_id"),
        ("workflow_executions", "pending", {"started_at": "2026-03-01T12:00:00Z"}, "started_at"),
        ("workflow_executions", "pending", {"progress_percent": 5}, "progress_percent"),
        ("workflow_executions", "running", {"started_at": None}, "started_at"),
        ("workflow_executions", "cancelled", {"started_at": None, "duration_ms": 5}, "duration_ms"),
        ("workflow_executions", "failed", {"phase_results": []}, "phase_results"),
        ("workflow_executions", "failed", {"phase_results": {"a": {"status": "running"}}}, "phase_results.a"),
        ("workflow_executions", "failed", {"phase_results": {"a": {"status": "x"}}}, "phase_results.a.status"),
        (
            "workflow_executions",
            "failed",
            {"phase_results": {"a": {"status": "failed", "error": {"code": 5}}}},
            "phase_results.a.error",
        ),
        ("workflow_executions", "pending", {"phase_results": {"a": {"status": "failed"}}}, "phase_results.a"),
        ("workflow_execution_log", "FAILED", {"steps_log": {}}, "steps_log"),
        ("workflow_execution_log", "FAILED", {"steps_log": [{"status": "RUNNING", "stepId": "a"}]}, "steps_log[0]"),
        ("workflow_execution_log", "FAILED", {"steps_log": [{"status": "FAILED"}]}, "steps_log[0].stepId"),
        (
            "workflow_execution_log",
            "FAILED",
            {"steps_log": [{"status": "FAILED", "stepId": "a", "endedAt": "noon"}]},
            "steps_log[0].endedAt",
        ),
        ("executions", "completed", {"metrics": {"wine": 1}}, "metrics.wine"),
        ("executions", "completed", {"metrics": {"cost_usd": "much"}}, "metrics.cost_usd"),
        ("executions", "running", {"metrics": {"total_tokens": 5}}, "metrics.total_tokens"),
    ],
)
def test_what_no_events_say_is_refused(table: str, status: str, said: Row, field: str) -> None:
    assert field in refused(table, {**row_of(table, status), **said})


def test_an_end_that_nobody_wrote_down_is_the_start_and_the_duration() -> None:
    row = {**row_of("task_executions", "COMPLETED"), "started_at": "2026-03-01T12:00:00Z", "completed_at": None}
    assert (
        events("task_executions", {**row, "duration_ms": 1500})[-1].time.isoformat()
        == "2026-03-01T12:00:01.500000+00:00"
    )
    assert events("task_executions", {**row, "duration_ms": None})[-1].time == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_failed_step_without_an_end_ended_unexpectedly_and_a_second_go_is_a_try() -> None:
    step = {"status": "FAILED", "stepId": "a", "startedAt": "2026-03-01T12:00:00Z", "iteration": 2, "totalItems": 3}
    row = {**row_of("workflow_execution_log", "FAILED"), "steps_log": [step, step]}
    steps = [event for event in events("workflow_execution_log", row) if event.kind == "step"]
    assert [event.data.step.try_number for event in steps] == [1, 1, 2, 2]
    assert [event.data.unexpected for event in steps if event.canonical == "step.failed"] == [True, True]


@pytest.mark.parametrize("sent", ["task.completed", "com.acme.task.failed", "tool.called", "execution.started"])
def test_what_an_older_log_held_has_no_effect(sent: str) -> None:
    shape, parent = SHAPES["event_logs"], Parent(Home("default", "run-1", "run-1"), None)
    assert isinstance(shape, Child)
    [task] = made("task_executions", 1, 1)
    row = {**children_of("event_logs", [task], 1, 1)[0], "type": sent, "workflow_id": "run-1"}
    [draft] = shape.events(read_row(shape.columns, row, frozenset(), is_csv=False), parent)
    assert _decoded(draft, "event_logs").kind == "other"


def test_an_execution_that_is_named_must_be_there_and_be_one() -> None:
    one = Parent(Home("a", "run-1", "run-1"), None)
    named = Named("id", None)
    assert parent_of(named, {named: [one]}) is one
    for found in ({}, {named: [one, one]}):
        with pytest.raises(Refused):
            parent_of(named, found)


@given(
    st.lists(
        st.lists(st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=2, max_size=2)
    )
)
def test_csv_is_read_as_postgres_writes_it(values: list[list[str | None]]) -> None:
    written = io.StringIO()
    written.write("id,note\n")
    for row in values:
        written.write(",".join(_as_postgres_writes(value) for value in row) + "\n")
    lines = io.BytesIO(written.getvalue().encode()).readlines()
    read = [[sent.row["id"], sent.row["note"]] for sent in rows_of(lines, WANTED) if not sent.fault]
    assert read == values


def _as_postgres_writes(value: str | None) -> str:
    """With quotes where they are needed: around an empty text, and what could be taken for something else."""
    if value is None:
        return ""
    plain = value and not set(value) & set(',"\r\n') and value.strip() == value
    return value if plain else '"' + value.replace('"', '""') + '"'


@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"), min_size=1))
    )
)
def test_csv_of_other_programs_is_read_too(values: list[tuple[str, str]]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([("id", "note"), *values])
    lines = io.BytesIO(written.getvalue().encode()).readlines()
    assert [(sent.row["id"], sent.row["note"]) for sent in rows_of(lines, WANTED)] == values


def test_a_bad_line_is_named_and_the_rest_goes_on() -> None:
    lines = [b'{"id": "a"}\n', b"\n", b"nonsense\n", b'{"id": NaN}\n', b"[]\n", b'{"id": "b"}\n']
    read = list(rows_of(lines, WANTED))
    assert [(sent.line, bool(sent.fault)) for sent in read] == [(1, False), (3, True), (4, True), (5, True), (6, False)]
    lines = [b"id,note\n", b"a,b,c\n", b'x"y,z\n', b'"\xff",b\n', b'a,"b\n', b"\n", b'c"\n', b'd,"\n']
    read = list(rows_of(lines, WANTED))
    assert [(sent.line, bool(sent.fault)) for sent in read] == [(2, True), (3, True), (4, True), (5, False), (8, True)]
    assert read[3].row == {"id": "a", "note": "b\n\nc"}


def test_json_in_csv_is_json_and_text_in_json_is_text() -> None:
    assert read_row(THREE, {"id": "a", "data": '{"b": 1}'}, frozenset(), is_csv=True)["data"] == {"b": 1}
    assert read_row(THREE, {"id": "a", "data": '{"b": 1}'}, frozenset(), is_csv=False)["data"] == '{"b": 1}'
    for bad in ("{", "NaN", "1e400"):
        with pytest.raises(Refused):
            read_row(THREE, {"id": "a", "data": bad}, frozenset(), is_csv=True)


def test_an_unknown_column_is_refused_unless_it_is_left_out() -> None:
    with pytest.raises(Refused, match="colour"):
        read_row(THREE, {"id": "a", "colour": None}, frozenset(), is_csv=False)
    assert read_row(THREE, {"id": "a", "colour": "red"}, frozenset({"colour"}), is_csv=False) == {"id": "a"}


@pytest.mark.parametrize(
    ("read", "sent", "value"),
    [
        (whole, "12", 12),
        (whole, 12.0, 12),
        (whole, "12.000", 12),
        (whole, "-3", -3),
        (money, "1.50", "1.50"),
        (money, 1e-7, "0.0000001"),
        (uuid, "0B5F2B2E-6C0C-4F0E-9C2A-111111111111", "0b5f2b2e-6c0c-4f0e-9c2a-111111111111"),
        (moment, "2026-03-01 13:00:00.123456+01", datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)),
        (moment, "2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
    ],
)
def test_a_value_is_read_as_files_hold_it(read: Any, sent: Any, value: Any) -> None:
    assert read(sent) == value


@pytest.mark.parametrize(
    ("read", "sent"),
    [
        *((whole, sent) for sent in (True, 1.5, "1.5", "many")),
        *((money, sent) for sent in ("NaN", True, "much")),
        *((moment, sent) for sent in ("2026-03-01T12:00:00", 5, "infinity")),
        (text, 5),
        (uuid, "ann"),
    ],
)
def test_what_is_no_such_value_is_not_made_one(read: Any, sent: Any) -> None:
    with pytest.raises(ValueError, match="should"):
        read(sent)


def test_what_was_refused_is_kept_when_an_import_goes_on_and_not_when_it_begins_anew(tmp_path: Path) -> None:
    file, why = tmp_path / "refused", Refused("id", "is odd")
    for number, is_continued in enumerate((False, True, False), 1):
        with Report(file, is_continued=is_continued) as report:
            report.refuse(Sent(number, {"id": number}, 1), why)
        assert [json.loads(line)["line"] for line in file.read_text().splitlines()] == {1: [1], 2: [1, 2], 3: [3]}[
            number
        ]
    assert list(tmp_path.iterdir()) == [file]


def test_how_far_an_import_is_is_noted_whole_and_for_that_import(tmp_path: Path) -> None:
    file = tmp_path / "progress"
    assert read_place(file, "users from a") == Place("users from a")
    note_place(file, Place("users from a", 5, "key"))
    assert read_place(file, "users from a") == Place("users from a", 5, "key")
    with pytest.raises(UserError, match="not of users from b"):
        read_place(file, "users from b")
    file.write_text("{")
    with pytest.raises(UserError, match="does not say"):
        read_place(file, "users from a")
