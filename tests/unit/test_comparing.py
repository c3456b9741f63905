"""A row of an older table and one of its view: what is taken as equal, and what is not."""

from typing import Any

import pytest

from execledger.comparing.fitting import fitted, read_columns
from execledger.comparing.sides import key_of
from execledger.comparing.tallying import Tally, same
from execledger.importing.shapes.registry import SHAPES
from old_rows import WORDS, Row, rows_of

START = "2026-03-01T12:00:00+00:00"
END = "2026-03-01T12:00:01.5+00:00"


def differing(table: str, old: Row, new: Row) -> set[str]:
    """The columns in which the two differ."""
    columns = SHAPES[table].columns
    one, other = (fitted(table, read_columns(columns, row)) for row in (old, new))
    tally = Tally(1)
    tally.add("k", one, [other], columns)
    return set(tally.columns)


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("task_executions", {"status": "success", "started_at": START, "duration_ms": 1500},
         {"status": "COMPLETED", "started_at": START, "completed_at": END, "duration_ms": 1500, "total_tokens": 0}),
        ("task_executions", {"status": "timeout", "started_at": START},
         {"status": "FAILED", "started_at": "2026-03-01 13:00:00+01", "completed_at": START}),
        ("crewai_flow_executions", {"status": "running", "token_count": 7, "budget_consumed": 3},
         {"status": "running", "token_count": 7, "budget_consumed": 7, "execution_mode": "manual"}),
        ("crewai_flow_executions", {"status": "Canceled", "cost_usd": 1.5, "killed_by_budget": None},
         {"status": "cancelled", "cost_usd": "1.5000", "killed_by_budget": False}),
        ("workflow_executions", {"execution_status": "done", "progress_percent": 98, "tags": None},
         {"execution_status": "completed", "progress_percent": 100, "tags": [], "metadata": {}, "phase_results": {}}),
        ("workflow_executions", {"execution_status": "running", "phase_results": {"a": {"status": "timeout"}}},
         {"execution_status": "running", "phase_results": {"a": {"status": "failed", "output": None}}}),
        ("workflow_execution_log",
         {"status": "running", "steps_log": [{"name": "A", "status": "done", "startedAt": START, "error": "no"}]},
         {"status": "RUNNING", "steps_log": [
             {"stepId": "A", "stepName": "A", "name": "A", "status": "COMPLETED",
              "startedAt": "2026-03-01T12:00:00.000Z", "error": {"message": "no"}}]}),
        ("executions", {"status": "failed", "metrics": None},
         {"status": "failed", "metrics": {"total_tokens": 0, "cost_usd": 0.0, "completed_steps": 0}}),
        ("token_usage", {"task_id": START, "prompt_tokens": 2, "completion_tokens": 3},
         {"task_id": START, "prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5, "cost_usd": 0.25}),
    ],
)  # fmt: skip
def test_what_an_import_may_make_fit_is_equal(table: str, old: Row, new: Row) -> None:
    assert differing(table, old, new) == set()


@pytest.mark.parametrize(
    ("table", "old", "new", "column"),
    [
        ("task_executions", {"status": "RUNNING"}, {"status": "COMPLETED"}, "status"),
        ("task_executions", {"status": "purple"}, {"status": "COMPLETED"}, "status"),
        ("task_executions", {"query": ""}, {}, "query"),
        ("task_executions", {"duration_ms": 5}, {}, "duration_ms"),
        ("crewai_flow_executions", {"status": "failed"}, {"status": "timeout"}, "status"),
        ("workflow_executions", {"progress_percent": 98}, {"progress_percent": 100}, "progress_percent"),
        ("workflow_executions", {"metadata": {"a": 1}}, {"metadata": {"a": True}}, "metadata"),
        ("workflow_execution_log", {"steps_log": [{"name": "A"}]}, {"steps_log": []}, "steps_log"),
        ("executions", {"metrics": {"total_tokens": 1}}, {"metrics": {}}, "metrics"),
        ("token_usage", {"task_id": START, "cost_usd": 0.5}, {"task_id": START, "cost_usd": 0.25}, "cost_usd"),
    ],
)
def test_anything_else_is_a_difference(table: str, old: Row, new: Row, column: str) -> None:
    assert differing(table, old, new) == {column}


@pytest.mark.parametrize("table", WORDS)
def test_a_row_is_equal_to_itself_and_not_without_what_it_says(table: str) -> None:
    for row in rows_of(table, 31, 40):
        assert differing(table, row, row) == set()
        for name in set(row) - {"budget_consumed", *("id", key_of(table))}:
            less = {column: value for column, value in row.items() if column != name}
            assert differing(table, row, less) <= {name, *_follow(name)}


def _follow(name: str) -> set[str]:
    """Columns that are worked out from it."""
    return {
        "token_count": {"budget_consumed"},
        "started_at": {"completed_at", "ended_at"},
        "status": {"completed_at", "ended_at"},
        "execution_status": {"completed_at", "progress_percent"},
    }.get(name, set())


def test_of_several_rows_under_a_key_the_one_with_the_same_id_counts() -> None:
    tally = Tally(1, new=2)
    tally.add("k", {"id": "1", "query": "a"}, [{"id": "2", "query": "b"}, {"id": "1", "query": "a"}], ["id", "query"])
    assert (tally.same, tally.differing, tally.only_new) == (1, 0, 0)


@pytest.mark.parametrize(("one", "other"), [(1, True), (0, False), ([1], [1, 2]), ({"a": 1}, {"b": 1}), ("1", 1)])
def test_json_that_only_python_takes_for_equal_is_not(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert same(1, 1.0)
