"""The status state machine: each rule of the record and of the outcomes, one example at a time."""

import json
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from execledger_contracts.events import EVENTS, WATCHDOG_SOURCE, Event
from execledger_contracts.status import Status
from execledger_contracts.structs import replaced
from execledger_lifecycle import (
    Entry,
    ExecutionFold,
    ExecutionRecord,
    Judge,
    Outcome,
    StepFold,
    StepRecord,
    Verdict,
    endings,
    enter,
)
from execledger_lifecycle.order import LIST_ORDER, OrderKey
from execledger_lifecycle.tries import try_of
from factories import (
    NOON,
    cancel_requested,
    created,
    event,
    finished,
    llm_called,
    moment,
    nth_id,
    other,
    paused,
    progressed,
    resumed,
    started,
    step_finished,
    step_started,
    tool_called,
    watchdog_ended,
)
from histories import EXTERNAL_ID, folded, records

ENDS = [Status.COMPLETED, Status.FAILED, Status.TIMED_OUT, Status.CANCELLED]
STEP_ENDS = [*ENDS, Status.SKIPPED]


def record_of(*history: Event) -> ExecutionRecord:
    return records(history)[0]


def step_of(
    *history: Event, step_id: str = "draft", iteration: int | None = None, attempt: int = 1, try_number: int = 1
) -> StepRecord:
    return records(history)[1][step_id, iteration, attempt, try_number]


def outcomes(*arrivals: Event) -> list[str]:
    """What becomes of each event, in this order of arrival."""
    return [verdict.outcome for verdict in verdicts(*arrivals)]


def verdicts(*arrivals: Event) -> list[Verdict]:
    judge = Judge()
    return [judge.judge(enter(arrived, arrived.id)) for arrived in arrivals]


def in_order(*history: Event) -> list[str]:
    return [entry.event_id for entry in sorted((enter(e, e.id) for e in history), key=lambda entry: entry.key)]


# The order.


def test_events_are_ordered_by_attempt_then_time_then_sequence() -> None:
    history = [  # from last to first, and so by their ids too
        *(started(at=3, attempt=2, sequence=1), started(at=3, attempt=2, sequence=0), started(at=3, attempt=2)),
        *(started(at=2, attempt=2, sequence=9), started(at=5, attempt=1)),
    ]
    assert in_order(*history) == [e.id for e in reversed(history)]


def test_of_events_at_the_same_time_the_beginning_comes_first_and_the_end_last() -> None:
    history = [  # from last to first, and so by their ids too
        *(finished(status) for status in ("cancelled", "timed_out", "failed", "completed")),
        *(other(), llm_called()),
        *(step_finished(status=status) for status in ("skipped", "cancelled", "timed_out", "failed", "completed")),
        *(step_started(), cancel_requested(), progressed(), started(), created()),
    ]
    assert in_order(*history) == [e.id for e in reversed(history)]


def test_facts_of_the_same_time_are_ordered_by_their_ids() -> None:
    tool, llm = tool_called(event_id=nth_id(1)), llm_called(event_id=nth_id(2))
    assert in_order(llm, tool) == [tool.id, llm.id]


def test_every_kind_of_event_has_a_rank() -> None:
    assert sorted({event.traits.rank for event in EVENTS}) == list(range(18))


def test_statements_order_events_as_the_fold_does() -> None:
    clauses = [
        (file.name, " ".join(clause.replace(" DESC", "").split()).rstrip(") "))
        for file in Path(__file__).parents[2].glob("services/**/*.sql")
        for clause in re.findall(r"ORDER BY(.*?)(?:LIMIT|FILTER|;|$)", file.read_text(), re.DOTALL)
        if re.search(r"\b(sequence|rank)\b", clause)
    ]
    assert {name for name, _ in clauses} == {
        "attempts.sql", "events.sql", "find_owners.sql", "find_parents.sql", "overdue_executions.sql",
        "take_cancel_requests.sql",
    }  # fmt: skip
    for name, clause in clauses:
        assert clause.endswith(", ".join(LIST_ORDER)), name  # where attempts are told apart, that comes before


def test_what_raises_the_attempt_is_a_sign_of_life() -> None:
    """So the watchdog's ending of an attempt that another followed is void."""
    assert not [event for event in EVENTS if event.traits.raises_attempt and not event.traits.is_sign_of_life]


@pytest.mark.parametrize("year", [2000, 2026, 2243, 2300, 9999])
def test_times_are_compared_to_the_microsecond_in_any_year(year: int) -> None:
    """A float64 of seconds holds microseconds until 2242 only."""
    keys = [_at(datetime(year, 12, 30, 23, 59, 59, microsecond, tzinfo=NOON.tzinfo)).at for microsecond in range(4)]
    assert keys == list(range(keys[0], keys[0] + 4))
    assert record_of(_event_at(datetime(year, 12, 30, 1, 2, 3, 456789, tzinfo=NOON.tzinfo))).created_at.year == year


def _at(time: datetime) -> Entry:
    return enter(_event_at(time), nth_id(1))


def _event_at(time: datetime) -> Event:
    return replaced(created(), time=time)


# Status.


def test_an_execution_is_pending_until_something_shows_it_running() -> None:
    assert record_of(created()).status == "pending"
    assert record_of(cancel_requested()).status == "pending"
    assert record_of(other()).status == "pending"


@pytest.mark.parametrize("sign", [started, progressed, step_started, step_finished, llm_called, tool_called])
def test_any_other_event_of_the_table_shows_it_running(sign: Any) -> None:
    assert record_of(created(), sign()).status == "running"


@pytest.mark.parametrize("status", ENDS)
def test_an_ending_gives_the_status(status: Status) -> None:
    record = record_of(started(), finished(status, at=1))
    assert (record.status, record.ended_at, record.provisional) == (status, moment(1), False)


def test_a_finished_execution_stays_finished() -> None:
    late = [progressed(at=3), step_started(at=4), llm_called(at=5), created(at=6), started(at=7)]
    assert record_of(finished(Status.FAILED, at=2), *late).status == "failed"


def test_completed_without_started_is_recorded() -> None:
    record = record_of(finished(at=2))
    assert (record.status, record.started_at, record.created_at) == ("completed", None, moment(2))


def test_a_started_that_comes_later_fills_in_its_part() -> None:
    record = record_of(started(at=1, workflow={"id": "w"}, query="tea"), finished(at=2))
    assert (record.started_at, record.workflow_id, record.query) == (moment(1), "w", "tea")


def test_the_first_ending_in_order_decides_whichever_arrived_first() -> None:
    record = record_of(finished(Status.COMPLETED, at=3), finished(Status.FAILED, at=2))
    assert (record.status, record.ended_at) == ("failed", moment(2))


def test_of_endings_at_the_same_time_completed_decides() -> None:
    assert record_of(finished(Status.CANCELLED), finished(Status.FAILED), finished()).status == "completed"


def test_a_lower_sequence_decides_over_rank() -> None:
    assert record_of(finished(Status.FAILED, sequence=1), finished(sequence=2)).status == "failed"


def test_the_highest_attempt_gives_the_status() -> None:
    record = record_of(finished(Status.FAILED, at=1), started(at=2, attempt=2), finished(at=3, attempt=2))
    assert (record.status, record.attempt) == ("completed", 2)


def test_a_later_attempt_reopens_the_execution() -> None:
    record = record_of(finished(Status.FAILED, at=1), started(at=2, attempt=2))
    assert (record.status, record.attempt, record.ended_at) == ("running", 2, None)


def test_a_later_attempt_that_is_only_created_is_pending() -> None:
    assert record_of(finished(Status.FAILED, at=1), created(at=2, attempt=2)).status == "pending"


def test_an_older_attempt_that_ends_late_changes_no_status() -> None:
    record = record_of(started(at=1, attempt=2), finished(Status.FAILED, at=9, attempt=1))
    assert (record.status, record.ended_at) == ("running", None)


@pytest.mark.parametrize("raising", [created, started, progressed, paused, resumed, finished])
def test_execution_events_raise_the_attempt(raising: Any) -> None:
    assert record_of(started(), raising(at=1, attempt=3)).attempt == 3


@pytest.mark.parametrize(
    "not_raising", [cancel_requested, watchdog_ended, step_started, step_finished, llm_called, tool_called, other]
)
def test_nothing_else_raises_the_attempt(not_raising: Any) -> None:
    record = record_of(started(), not_raising(at=1, attempt=3))
    assert (record.attempt, record.status) == (1, "running")


def test_a_steps_retry_under_a_later_attempt_does_not_reopen_its_execution() -> None:
    history = [
        *(started(), step_started(at=1), step_finished(status=Status.FAILED, at=2)),
        *(step_started(at=3, attempt=2), step_finished(at=4, attempt=2), finished(at=5)),
    ]
    record = record_of(*history)
    assert (record.attempt, record.status, record.ended_at) == (1, "completed", moment(5))
    assert (record.total_steps, record.completed_steps) == (1, 1)
    assert step_of(*history, try_number=2).status == "completed"
    assert outcomes(*history) == ["applied"] * 6


def test_steps_and_facts_belong_to_the_highest_attempt_below_that_began() -> None:
    steps = [step_started(attempt=attempt, step_id=f"sent with {attempt}") for attempt in (1, 2, 3, 4, 5)]
    began = [started(attempt=2), started(attempt=4)]
    _, found = records([*began, *steps])
    assert {key[0]: key[2] for key in found} == {f"sent with {n}": of for n, of in enumerate((1, 2, 2, 4, 4), 1)}
    reported = finished(at=9, attempt=2, usage={"prompt_tokens": 10})
    assert record_of(*began, llm_called(attempt=3, prompt_tokens=5), reported).prompt_tokens == 10
    assert record_of(*began, llm_called(attempt=4, prompt_tokens=5), reported).prompt_tokens == 15


def test_an_attempt_that_begins_takes_over_what_was_sent_with_it() -> None:
    history = [started(), step_started(at=2, attempt=2), llm_called(at=3, attempt=2, prompt_tokens=5)]
    assert step_of(*history).status == "running"
    history += [finished(Status.FAILED, at=1), started(at=4, attempt=2)]
    assert set(records(history)[1]) == {("draft", None, 2, 1)}
    assert record_of(*history).started_at == moment(4)


def test_an_unknown_type_makes_the_row_and_counts_and_sets_nothing_else() -> None:
    known = [started(at=1, total_steps=2), finished(at=3)]
    unknown = other(at=2, status="failed", metadata={"a": 1}, traceparent="00-1")
    assert record_of(*known, unknown)._replace(fold="", version=2) == record_of(*known)._replace(fold="")
    alone = record_of(other(at=2))
    assert (alone.version, alone.status, alone.created_at) == (1, "pending", moment(2))


def test_version_is_the_number_of_events() -> None:
    history = [started(), finished(at=1), finished(Status.FAILED, at=2), other(at=3), watchdog_ended(at=4)]
    assert record_of(*history).version == 5


# What a later ending adds.


def test_a_later_ending_of_the_same_status_fills_what_the_deciding_one_left_null() -> None:
    deciding = finished(Status.FAILED, at=1, duration_ms=9, usage={"prompt_tokens": 1})
    later = finished(
        Status.FAILED,
        at=2,
        duration_ms=8,
        usage={"prompt_tokens": 2, "completion_tokens": 3, "cost_usd": "0.5"},
        result="text",
        output={},
        error={"message": "no"},
        agents_used=4,
        tools_invoked=5,
        cache_hits=6,
    )
    record = record_of(deciding, later)
    assert (record.ended_at, record.duration_ms) == (moment(1), 9)
    assert (record.prompt_tokens, record.completion_tokens, record.cost_usd) == (1, 3, Decimal("0.5"))
    assert (record.error_message, record.error_event_id) == ("no", later.id)
    assert record.output_event_id == record.result_event_id == later.id
    assert (record.agents_used, record.tools_invoked, record.cache_hits) == (4, 5, 6)


def test_the_first_that_fills_wins() -> None:
    history = [finished(at=1), finished(at=3, result="third"), (second := finished(at=2, result="second"))]
    assert record_of(*history).result_event_id == second.id


def test_an_error_is_taken_whole() -> None:
    deciding = finished(Status.FAILED, at=1, error={"type": "ValueError"})
    record = record_of(deciding, finished(Status.FAILED, at=2, error={"type": "KeyError", "message": "no"}))
    assert (record.error_type, record.error_message, record.error_event_id) == ("ValueError", None, deciding.id)


def test_an_empty_error_is_an_error() -> None:
    deciding = finished(Status.FAILED, at=1, error={})
    record = record_of(deciding, finished(Status.FAILED, at=2, error={"message": "no"}))
    assert (record.error_message, record.error_event_id) == (None, deciding.id)


def test_who_cancelled_and_why_is_filled_too() -> None:
    history = [
        finished(Status.CANCELLED, at=1, reason="slow"),
        finished(Status.CANCELLED, at=2, reason="dear", cancelled_by="ann", killed_by_budget=True),
    ]
    record = record_of(*history)
    assert (record.cancel_reason, record.cancelled_by, record.killed_by_budget) == ("slow", "ann", True)


def test_an_ending_of_another_status_contributes_nothing() -> None:
    refused = finished(
        Status.FAILED,
        at=2,
        error={"message": "no"},
        result="text",
        usage={"prompt_tokens": 5},
        metadata={"a": 1},
        traceparent="00-1",
    )
    without = record_of(finished(at=1))
    assert record_of(finished(at=1), refused)._replace(version=1, fold="") == without._replace(fold="")


def test_outcome_fields_come_from_the_highest_attempt_only() -> None:
    first = [
        *(started(at=0, total_steps=9), progressed(at=1, progress_percent=50, completed_steps=4)),
        finished(
            Status.CANCELLED, at=2, duration_ms=7, error={"message": "no"}, result="text", output=1, reason="slow"
        ),
    ]
    record = record_of(*first, started(at=3, attempt=2))
    assert (record.started_at, record.ended_at, record.duration_ms) == (moment(3), None, None)
    assert (record.error_event_id, record.output_event_id, record.result_event_id) == (None, None, None)
    assert (record.total_steps, record.completed_steps, record.progress_percent) == (0, 0, None)
    assert (record.cancel_reason, record.cancelled_by) == (None, None)


# Descriptive fields.


def test_the_last_value_said_wins_and_null_says_nothing() -> None:
    record = record_of(
        created(at=1, session_id="s1", mode="fast", query="tea", input=1, timeout_seconds=9, complexity_score=0.1),
        last := started(at=2, session_id="s2", query="", input=[], complexity_score=0),
        started(at=3, session_id=None),
    )
    assert (record.session_id, record.mode, record.query, record.timeout_seconds) == ("s2", "fast", "", 9)
    assert (record.input_event_id, record.complexity_score) == (last.id, 0)


def test_last_is_meant_in_order_so_a_later_attempt_wins_over_a_later_time() -> None:
    assert record_of(started(at=9, mode="first"), started(at=1, attempt=2, mode="second")).mode == "second"


def test_a_created_after_the_end_still_describes() -> None:
    assert record_of(finished(at=1), created(at=2, owner={"id": "ann"})).owner_id == "ann"


def test_an_older_attempt_still_describes() -> None:
    assert record_of(started(at=5, attempt=2), started(at=1, mode="fast")).mode == "fast"


def test_owner_workflow_trigger_and_budget_are_taken_whole() -> None:
    record = record_of(
        created(
            at=1,
            owner={"id": "ann", "email": "ann@acme.example"},
            workflow={"id": "w", "version": "1"},
            trigger={"mode": "manual", "event_id": "e"},
            budget={"token_limit": 5},
        ),
        started(
            at=2,
            owner={"name": "Bob"},
            workflow={"name": "Research"},
            trigger={"event_name": "push"},
            budget={"cost_limit_usd": "0.5"},
        ),
    )
    assert (record.owner_id, record.owner_email, record.owner_name) == (None, None, "Bob")
    assert (record.workflow_id, record.workflow_name, record.workflow_version) == (None, "Research", None)
    assert (record.trigger_mode, record.trigger_event_id, record.trigger_event_name) == (None, None, "push")
    assert (record.token_limit, record.cost_limit_usd) == (None, Decimal("0.5"))


def test_only_who_named_the_first_owner_names_another() -> None:
    first = created(at=1, owner={"id": "ann"}, source="/a")
    intruding = started(at=2, owner={"id": "mallory"}, source="/b")
    own = started(at=3, owner={"id": "bob"}, source="/a")
    assert record_of(first, intruding).owner_id == "ann"
    assert record_of(intruding, own, first).owner_id == "bob"
    # In order: who comes before the first is the first.
    assert record_of(first, intruding, own, created(at=0, owner={"id": "eve"}, source="/b")).owner_id == "mallory"


def test_tags_are_replaced_also_by_none_at_all() -> None:
    assert record_of(created(at=1, tags=["a"]), started(at=2, tags=["b"])).tags == '["b"]'
    assert record_of(created(at=1, tags=["a"]), started(at=2, tags=[])).tags == "[]"


def test_labels_and_metadata_merge_at_the_top_level() -> None:
    record = record_of(
        created(at=1, labels={"prd": "1", "venture": "v"}, metadata={"a": {"x": 1}, "b": 1}),
        started(at=2, labels={"prd": "2", "venture": None}, metadata={"a": {"y": 2}, "b": None}),
        finished(at=3, metadata={"c": 3}),
    )
    assert json.loads(record.labels or "") == {"prd": "2", "venture": "v"}
    assert json.loads(record.metadata or "") == {"a": {"y": 2}, "b": None, "c": 3}


def test_what_nobody_said_is_null() -> None:
    record = record_of(started())
    assert (record.tags, record.labels, record.metadata, record.owner_id, record.error_event_id) == (None,) * 5


def test_root_defaults_to_the_own_id() -> None:
    assert record_of(started()).root_execution_id == EXTERNAL_ID
    record = record_of(started(root_execution_id="r", parent_execution_id="p"))
    assert (record.root_execution_id, record.parent_execution_id) == ("r", "p")


def test_traceparent_comes_from_execution_events() -> None:
    said = [created(at=0, traceparent="00-1"), progressed(at=1, traceparent="00-2"), finished(at=2, traceparent="00-3")]
    unheard = [
        *(step_started(at=3, traceparent="00-4"), llm_called(at=3, traceparent="00-5")),
        *(other(at=3, traceparent="00-6"), cancel_requested(at=3, traceparent="00-7")),
    ]
    assert record_of(*said, *unheard).traceparent == "00-3"


# Clocks.


def test_created_at_is_the_earliest_created() -> None:
    assert record_of(created(at=3), created(at=2, attempt=2), started(at=1), other(at=0)).created_at == moment(2)


def test_without_created_it_is_the_earliest_event_of_the_table() -> None:
    assert record_of(started(at=3), llm_called(at=2, attempt=2), other(at=0)).created_at == moment(2)
    assert record_of(started(at=3), cancel_requested(at=1)).created_at == moment(1)


def test_without_either_it_is_the_earliest_event() -> None:
    assert record_of(other(at=3), other(at=2, attempt=2)).created_at == moment(2)


def test_a_standing_ending_of_the_watchdog_is_an_event_of_the_table() -> None:
    assert record_of(other(at=1), watchdog_ended(at=2)).created_at == moment(2)
    assert record_of(other(at=1), watchdog_ended(at=2), progressed(at=3)).created_at == moment(3)


def test_started_at_is_the_earliest_started_of_the_highest_attempt() -> None:
    history = [started(at=1), started(at=4, attempt=2), started(at=3, attempt=2), progressed(at=2, attempt=2)]
    assert record_of(*history).started_at == moment(3)


def test_earliest_is_meant_by_time_also_after_the_end() -> None:
    assert record_of(finished(at=1), started(at=2)).started_at == moment(2)


@pytest.mark.parametrize("sign", [progressed, step_started, step_finished, llm_called, tool_called])
def test_without_started_the_first_sign_of_life_is_the_start(sign: Any) -> None:
    record = record_of(created(at=0), cancel_requested(at=1), other(at=1), sign(at=2), progressed(at=3), finished(at=4))
    assert record.started_at == moment(2)


def test_a_sign_of_life_after_the_end_is_no_start() -> None:
    assert record_of(finished(at=1), llm_called(at=2)).started_at is None


def test_without_any_sign_the_start_is_the_end_less_the_duration() -> None:
    record = record_of(created(at=0), finished(at=5, duration_ms=2000))
    assert (record.started_at, record.duration_ms) == (moment(3), 2000)


def test_a_duration_longer_than_the_calendar_gives_no_start() -> None:
    record = record_of(finished(duration_ms=2**53 - 1))
    assert (record.started_at, record.duration_ms) == (None, 2**53 - 1)


def test_duration_is_as_reported() -> None:
    assert record_of(started(at=0), finished(at=5, duration_ms=7)).duration_ms == 7


def test_else_duration_is_from_start_to_end_rounded_down() -> None:
    assert record_of(started(at=0), finished(at=1.234999)).duration_ms == 1234


def test_a_duration_is_never_negative() -> None:
    assert record_of(finished(at=1), started(at=9)).duration_ms == 0


def test_what_has_not_ended_has_no_duration() -> None:
    assert record_of(started()).duration_ms is None


def test_usage_counts_on_the_day_it_started_else_was_created() -> None:
    assert record_of(created(at=0), started(at=43200)).usage_day == date(2026, 3, 2)
    assert record_of(created(at=0)).usage_day == date(2026, 3, 1)


# Steps of an execution.


def test_steps_are_counted_when_nobody_reports_them() -> None:
    record = record_of(
        *(step_started("draft", iteration=1), step_finished("draft", iteration=1), step_started("draft", iteration=2)),
        *(step_finished("review", Status.SKIPPED), step_finished("send", Status.FAILED)),
    )
    assert (record.total_steps, record.completed_steps, record.progress_percent) == (4, 2, 50)


def test_only_the_highest_attempts_steps_count() -> None:
    record = record_of(step_finished("draft"), step_finished("send"), started(attempt=2), step_started(attempt=2))
    assert (record.total_steps, record.completed_steps) == (1, 0)


def test_facts_show_no_step() -> None:
    assert record_of(llm_called(step_id="draft"), tool_called(step_id="send")).total_steps == 0


def test_steps_are_as_last_reported() -> None:
    record = record_of(
        created(at=0, total_steps=9),
        started(at=1, total_steps=8),
        step_finished(at=2),
        progressed(at=3, total_steps=6, completed_steps=3),
        progressed(at=4, message="still here"),
    )
    assert (record.total_steps, record.completed_steps, record.progress_percent) == (6, 3, 50)


def test_progress_is_as_last_reported() -> None:
    history = [progressed(at=1, progress_percent=90), progressed(at=2, progress_percent=40), step_finished(at=3)]
    assert record_of(*history).progress_percent == 40


def test_else_progress_is_completed_of_total_rounded_down_and_at_most_all() -> None:
    assert record_of(progressed(total_steps=3, completed_steps=2)).progress_percent == 66
    assert record_of(progressed(total_steps=3, completed_steps=9)).progress_percent == 100


def test_without_steps_there_is_no_progress() -> None:
    assert record_of(started()).progress_percent is None
    assert record_of(started(total_steps=0)).progress_percent is None


def test_what_is_completed_is_at_100_percent() -> None:
    assert record_of(progressed(progress_percent=40), finished(at=1)).progress_percent == 100
    assert record_of(progressed(progress_percent=40), finished(Status.FAILED, at=1)).progress_percent == 40


# Each step.


def test_a_step_is_known_by_id_iteration_attempt_and_try() -> None:
    history = [started(attempt=2), step_started(), step_started(iteration=1), step_started(attempt=2), step_finished()]
    _, steps = records([*history, step_started(at=1)])
    assert set(steps) == {("draft", None, 1, 1), ("draft", 1, 1, 1), ("draft", None, 2, 1), ("draft", None, 1, 2)}


def test_an_iteration_of_0_is_not_none_at_all() -> None:
    history = [step_started("translate"), *(step_started("translate", iteration=n) for n in range(3))]
    record, steps = records(history)
    assert [key[1] for key in steps] == [None, 0, 1, 2]
    assert record.total_steps == 4


def test_a_steps_id_defaults_to_its_name() -> None:
    step = step_of(event("step.started", {"step": {"name": "draft"}}))
    assert (step.step_id, step.name) == ("draft", "draft")


@pytest.mark.parametrize("status", STEP_ENDS)
def test_a_step_ends_as_its_first_ending_says(status: Status) -> None:
    step = step_of(step_started(at=0), step_finished(status=status, at=1), step_finished(status=Status.FAILED, at=2))
    assert (step.status, step.started_at, step.ended_at, step.duration_ms) == (status, moment(0), moment(1), 1000)


def test_a_later_ending_of_a_step_fills_or_contributes_nothing() -> None:
    deciding = step_finished(at=1, agent_id="a1")
    filling = step_finished(at=2, output=1, duration_ms=9, agent_id="a2")
    refused = step_finished(status=Status.FAILED, at=3, error={"message": "no"}, metadata={"a": 1}, agent_id="a3")
    step = step_of(deciding, filling, refused)
    assert (step.output_event_id, step.duration_ms, step.ended_at) == (filling.id, 9, moment(1))
    assert (step.error_event_id, step.metadata, step.agent_id) == (None, None, "a2")
    assert record_of(deciding, filling, refused).agents_used == 2


def test_a_step_is_described_by_all_its_events() -> None:
    last = step_finished(
        at=2, operation="edit", total_items=7, parent_id="root", metadata={"a": 2, "c": None}, input=""
    )
    step = step_of(step_finished(at=1, name="Draft", operation="write", input=1, metadata={"a": 1, "b": 1}), last)
    assert (step.name, step.operation, step.total_items, step.parent_id) == ("Draft", "edit", 7, "root")
    assert (step.input_event_id, json.loads(step.metadata or "")) == (last.id, {"a": 2, "b": 1, "c": None})


def test_a_step_without_started_began_its_duration_before_its_end() -> None:
    assert step_of(step_finished(at=3, duration_ms=1000)).started_at == moment(2)
    assert step_of(step_finished(at=3)).started_at is None


def test_a_step_that_ended_unexpectedly_has_no_end_time() -> None:
    step = step_of(step_started(at=0), step_finished(status=Status.FAILED, at=9, unexpected=True))
    assert (step.status, step.unexpected, step.ended_at, step.duration_ms) == ("failed", True, None, None)
    assert step.provisional is False


def test_the_deciding_event_says_whether_an_end_was_unexpected() -> None:
    step = step_of(step_finished(at=1), step_finished(at=2, unexpected=True))
    assert (step.unexpected, step.ended_at) == (False, moment(1))


# Provisional endings of steps.


@pytest.mark.parametrize("status", ENDS)
def test_an_open_step_takes_the_ending_of_its_execution(status: Status) -> None:
    step = step_of(step_started(at=0), finished(status, at=1))
    assert (step.status, step.provisional, step.ended_at, step.duration_ms) == (status, True, None, None)


def test_so_does_a_step_that_began_after_the_end() -> None:
    assert step_of(finished(at=1), step_started(at=2)).status == "completed"


def test_such_a_step_counts_in_total_but_not_as_completed() -> None:
    record = record_of(step_started(at=0), finished(at=1))
    assert (record.total_steps, record.completed_steps) == (1, 0)


def test_a_real_ending_overrides_also_when_it_comes_later() -> None:
    step = step_of(step_started(at=0), finished(Status.CANCELLED, at=1), step_finished(at=2))
    assert (step.status, step.provisional, step.ended_at) == ("completed", False, moment(2))


def test_a_step_left_open_by_an_older_attempt_takes_that_attempts_ending() -> None:
    history = [step_started(at=0), finished(Status.FAILED, at=1), finished(at=2, attempt=2)]
    assert step_of(*history).status == "failed"


def test_else_it_was_cancelled() -> None:
    step = step_of(step_started(at=0), started(at=1, attempt=2), finished(at=2, attempt=2))
    assert (step.status, step.provisional) == ("cancelled", True)


def test_a_step_of_the_present_attempt_runs_on_when_an_older_one_ended() -> None:
    history = [finished(Status.FAILED, at=0), started(attempt=2), step_started(at=1, attempt=2)]
    assert step_of(*history, attempt=2).status == "running"


def test_endings_change_when_open_steps_must_be_read_anew() -> None:
    running = endings(folded([started()])[0])
    assert endings(folded([started(), progressed(at=1), step_started(at=2)])[0]) == running
    changes = [finished(at=1), watchdog_ended(at=1), started(at=1, attempt=2)]
    assert all(endings(folded([started(), change])[0]) != running for change in changes)


# Tries of a step.


class Tried(NamedTuple):
    try_number: int
    status: Status | None
    decided: OrderKey | None = None
    decided_in: int | None = None


def statuses(*history: Event) -> dict[int, str]:
    """How the tries of the step stand, by number."""
    return {step.try_number: step.status for step in records(history)[1].values()}


FAILED_ONCE = [step_started(at=1), step_finished(status=Status.FAILED, at=2)]


def test_a_step_that_starts_after_its_end_is_tried_again() -> None:
    history = [started(), *FAILED_ONCE, step_started(at=3), step_finished(at=4), finished(at=5)]
    assert statuses(*history) == {1: "failed", 2: "completed"}
    assert (record_of(*history).total_steps, record_of(*history).completed_steps) == (1, 1)
    assert outcomes(*history) == ["applied"] * 6
    assert outcomes(*reversed(history)) == ["applied", "applied", "late", "late", "late", "late"]


def test_the_last_try_decides_the_step() -> None:
    assert record_of(step_finished(at=1), step_started(at=2)).completed_steps == 0
    assert (
        record_of(step_finished(at=1), step_started(at=2), step_finished(status="skipped", at=3)).completed_steps == 1
    )
    assert record_of(step_finished(at=1), step_finished(at=2, status="failed", try_number=2)).completed_steps == 0
    assert (
        record_of(step_finished(at=1, try_number=3), step_finished(at=2, status="failed", try_number=2)).total_steps
        == 1
    )


def test_each_try_has_its_own_input_output_and_times() -> None:
    first = [step_started(at=1, input="a"), step_finished(status=Status.FAILED, at=2, output="b")]
    second = [step_started(at=4, input="c"), step_finished(at=7, output="d")]
    one, two = (step_of(*first, *second, try_number=number) for number in (1, 2))
    assert [(each.input_event_id, each.output_event_id) for each in (one, two)] == [
        (first[0].id, first[1].id),
        (second[0].id, second[1].id),
    ]
    assert [(each.started_at, each.duration_ms) for each in (one, two)] == [(moment(1), 1000), (moment(4), 3000)]


def test_a_second_started_before_the_end_begins_no_try() -> None:
    assert statuses(step_started(at=1), step_started(at=2), step_finished(at=3)) == {1: "completed"}


def test_an_ending_begins_no_try() -> None:
    assert statuses(*FAILED_ONCE, step_finished(at=3)) == {1: "failed"}


def test_a_try_that_says_its_number_is_that() -> None:
    said = [step_started(at=1, try_number=2), step_finished(at=2, status=Status.FAILED, try_number=1)]
    assert statuses(*said) == {1: "failed", 2: "running"}
    assert statuses(*said, step_finished(at=3)) == {1: "failed", 2: "completed"}  # of the greatest so far
    assert statuses(step_finished(at=1, try_number=7), step_started(at=2)) == {7: "completed", 8: "running"}


def test_an_open_try_that_another_follows_is_cancelled_or_as_its_execution() -> None:
    history = [step_started(at=1), step_started(at=2, try_number=2)]
    assert statuses(*history) == {1: "cancelled", 2: "running"}
    assert step_of(*history).provisional is True
    assert statuses(*history, finished(Status.FAILED, at=3)) == {1: "failed", 2: "failed"}


def test_a_lower_sequence_says_that_a_start_was_before_the_end_whatever_the_clocks_say() -> None:
    ended = step_finished(at=2, sequence=5)
    assert statuses(ended, step_started(at=3, sequence=4)) == {1: "completed"}
    assert statuses(ended, step_started(at=3, sequence=5)) == {1: "completed"}
    assert statuses(ended, step_started(at=3, sequence=6)) == {1: "completed", 2: "running"}
    assert statuses(ended, step_started(at=3)) == {1: "completed", 2: "running"}
    assert statuses(step_finished(at=2), step_started(at=3, sequence=4)) == {1: "completed", 2: "running"}
    sent_with_another_attempt = step_started(at=3, sequence=4, attempt=2)
    assert statuses(ended, sent_with_another_attempt) == {1: "completed", 2: "running"}


def test_the_end_that_counts_against_a_sequence_is_the_one_that_decides_the_newest_try() -> None:
    history = [step_finished(at=1, sequence=1), step_finished(at=2, sequence=9), step_started(at=3, sequence=4)]
    assert statuses(*history) == {1: "completed", 2: "running"}


def test_no_try_has_a_number_that_no_column_holds() -> None:
    last = 2**31 - 1
    assert {*statuses(step_finished(at=1, try_number=last), step_started(at=2))} == {last, last + 1}
    again: Any = step_started()
    assert try_of(again, Tried(2**63 - 1, Status.FAILED)) == 2**63 - 1


def test_a_try_is_judged_by_the_tries_before_it_in_order() -> None:
    again = [step_started(at=3), step_finished(at=4)]
    assert outcomes(*FAILED_ONCE, again[1], again[0]) == ["applied", "applied", "rejected", "late"]
    assert outcomes(*FAILED_ONCE, *again, step_finished(status=Status.FAILED, at=5)) == [*["applied"] * 4, "rejected"]
    # It lies between the two tries: an end of the first.
    assert outcomes(*FAILED_ONCE, *again, step_finished(at=2.5)) == [*["applied"] * 4, "rejected"]
    assert outcomes(*FAILED_ONCE, *again, step_finished(status=Status.FAILED, at=2.5)) == [*["applied"] * 4, "late"]


def test_an_attempt_that_begins_changes_what_events_are_judged_against() -> None:
    early = [step_started(at=5, attempt=2), step_finished(at=6, attempt=2)]
    assert outcomes(started(), *early, started(at=1, attempt=2))[-1] == "late"
    ended = [*early, started(at=1, attempt=2), step_finished(status=Status.FAILED, at=7, attempt=2)]
    assert outcomes(started(), *ended)[-1] == "rejected"
    of_the_first = [step_finished(status=Status.FAILED, at=2), *ended[:-1], step_finished(at=3)]
    assert outcomes(started(), *of_the_first)[-1] == "rejected"


# Pauses.


def test_a_pause_that_is_on_is_shown() -> None:
    history = [started(), paused(at=1, waiting_for="approval")]
    assert (record_of(*history).paused_at, record_of(*history).waiting_for) == (moment(1), "approval")
    assert record_of(*history).status == "running"
    again = [*history, paused(at=2)]
    assert (record_of(*again).paused_at, record_of(*again).waiting_for) == (moment(2), None)


@pytest.mark.parametrize("end", [resumed, finished, watchdog_ended])
def test_a_pause_is_over_once_it_is_resumed_or_all_has_ended(end: Any) -> None:
    record = record_of(started(), paused(at=1, waiting_for="approval"), end(at=2))
    assert (record.paused_at, record.waiting_for) == (None, None)


def test_a_pause_of_an_older_attempt_is_over() -> None:
    assert record_of(paused(at=1), started(at=2, attempt=2)).paused_at is None


def test_a_pause_is_on_again_when_the_watchdogs_ending_is_void() -> None:
    assert record_of(paused(at=1), watchdog_ended(at=2), other(at=3)).paused_at == moment(1)


# Figures.


def test_figures_are_summed_over_the_attempts() -> None:
    record = record_of(
        llm_called(at=0, prompt_tokens=1, completion_tokens=2, cost_usd="0.1", cache_hit=True),
        tool_called(at=1, cache_hit=False),
        finished(Status.FAILED, at=2),
        finished(
            at=3,
            attempt=2,
            usage={"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 35, "cost_usd": "0.25"},
            tools_invoked=4,
            cache_hits=5,
        ),
    )
    assert (record.prompt_tokens, record.completion_tokens, record.total_tokens) == (11, 22, 38)
    assert (record.cost_usd, record.cost_nanos) == (Decimal("0.35"), 350_000_000)
    assert (record.tools_invoked, record.cache_hits) == (5, 6)


def test_what_is_reported_stands_in_for_the_facts_figure_by_figure() -> None:
    record = record_of(
        llm_called(at=0, prompt_tokens=1, completion_tokens=2, cost_usd="0.1"),
        finished(at=1, usage={"prompt_tokens": 10}, tools_invoked=0),
        tool_called(at=2),
    )
    assert (record.prompt_tokens, record.completion_tokens, record.total_tokens) == (10, 2, 12)
    assert (record.cost_usd, record.tools_invoked) == (Decimal("0.1"), 0)


def test_facts_count_whenever_they_arrive_and_of_whatever_attempt() -> None:
    record = record_of(finished(at=1), llm_called(at=2, prompt_tokens=3), llm_called(at=0, attempt=7, prompt_tokens=4))
    assert (record.prompt_tokens, record.attempt) == (7, 1)


def test_a_reported_total_stands_alone() -> None:
    record = record_of(finished(usage={"total_tokens": 9}))
    assert (record.prompt_tokens, record.completion_tokens, record.total_tokens) == (0, 0, 9)


def test_sums_over_nothing_are_zero() -> None:
    record = record_of(created())
    assert (record.total_tokens, record.cost_nanos, record.tools_invoked, record.cache_hits) == (0, 0, 0, 0)
    assert (record.agents_used, record.completed_steps, record.total_steps) == (0, 0, 0)


def test_a_sum_too_large_for_a_bigint_is_shown_as_the_largest() -> None:
    facts = [llm_called(prompt_tokens=2**53 - 1, cost_usd="1000000000") for _ in range(1025)]
    record = record_of(*facts)
    assert (record.prompt_tokens, record.cost_nanos) == (2**63 - 1, 2**63 - 1)


def test_agents_are_the_distinct_ones_over_facts_and_steps_of_all_attempts() -> None:
    history = [
        *(llm_called(agent_id="a1"), tool_called(agent_id="a2"), step_started(agent_id="a1")),
        step_started(attempt=2, agent_id="a3"),
    ]
    assert record_of(*history).agents_used == 3


def test_agents_are_as_the_highest_attempt_reported_them() -> None:
    facts = [llm_called(agent_id="a1"), finished(Status.FAILED, at=1, agents_used=7)]
    assert record_of(*facts, finished(at=2, attempt=2, agents_used=0)).agents_used == 0
    assert record_of(*facts, finished(at=2, attempt=2)).agents_used == 1


def test_the_source_of_cost_is_the_weakest_of_its_parts() -> None:
    fact, report = llm_called(cost_usd="0.1"), finished(at=1, attempt=2, usage={"cost_usd": "0"})
    assert record_of(llm_called(prompt_tokens=1)).cost_source is None
    assert record_of(llm_called(cost_usd="0")).cost_source == "facts"
    assert record_of(report).cost_source == "reported"
    assert record_of(fact, report).cost_source == "facts"
    assert record_of(fact, finished(at=1, usage={"cost_usd": "0.2"}), report).cost_source == "reported"


def test_cost_that_nobody_reported_is_the_stored_price() -> None:
    calls = [llm_called(cost_usd="0.1"), llm_called(prompt_tokens=1), llm_called(at=1, attempt=2)]
    record, _ = records(calls, {call.id: 200_000_000 for call in calls})
    assert (record.cost_usd, record.cost_nanos, record.cost_source) == (Decimal("0.5"), 500_000_000, "computed")


def test_a_price_of_nothing_is_a_cost() -> None:
    call = llm_called(cache_hit=True)
    assert records([call], {call.id: 0})[0].cost_source == "computed"


def test_computed_cost_is_no_part_of_what_an_ending_reported() -> None:
    call, report = llm_called(prompt_tokens=1), finished(at=1, usage={"cost_usd": "0.2"})
    record, _ = records([call, report], {call.id: 10**9})
    assert (record.cost_usd, record.cost_source) == (Decimal("0.2"), "reported")


# Cancelling and budgets.


def test_a_request_to_cancel_sets_its_time_and_nothing_else() -> None:
    known = [created(at=0), started(at=1)]
    record = record_of(*known, cancel_requested(at=2, requested_by="ann", reason="slow", traceparent="00-1"))
    assert record.cancel_requested_at == moment(2)
    assert record._replace(cancel_requested_at=None, version=2, fold="") == record_of(*known)._replace(fold="")


def test_the_earliest_request_of_the_records_attempt_or_a_later_one_counts() -> None:
    requests = [cancel_requested(at=1), cancel_requested(at=4, attempt=2), cancel_requested(at=3, attempt=3)]
    assert record_of(started(), *requests).cancel_requested_at == moment(1)
    assert record_of(started(attempt=2), *requests).cancel_requested_at == moment(3)
    assert record_of(started(attempt=4), *requests).cancel_requested_at is None


def test_a_cancellation_says_whether_a_budget_killed_it() -> None:
    assert record_of(finished(Status.CANCELLED, killed_by_budget=True)).killed_by_budget is True
    assert record_of(finished(Status.CANCELLED)).killed_by_budget is False


@pytest.mark.parametrize("budget", [{"token_limit": 5}, {"cost_limit_usd": "0.2"}])
def test_facts_before_a_cancellation_that_exceed_the_budget_killed_it(budget: dict[str, Any]) -> None:
    call = {"prompt_tokens": 3, "completion_tokens": 3, "cost_usd": "0.3"}
    begun = started(at=0, budget=budget)
    assert record_of(begun, llm_called(at=1, **call), finished(Status.CANCELLED, at=2)).killed_by_budget is True
    assert record_of(begun, llm_called(at=3, **call), finished(Status.CANCELLED, at=2)).killed_by_budget is False
    assert record_of(begun, llm_called(at=1, **call), finished(Status.FAILED, at=2)).killed_by_budget is False


def test_computed_cost_counts_towards_the_budget() -> None:
    call = llm_called(at=1, prompt_tokens=1)
    history = [started(at=0, budget={"cost_limit_usd": "0.2"}), call, finished(Status.CANCELLED, at=2)]
    assert records(history, {call.id: 200_000_001})[0].killed_by_budget is True
    assert records(history, {call.id: 200_000_000})[0].killed_by_budget is False


def test_a_budget_that_is_just_used_up_kills_nothing() -> None:
    begun = started(budget={"token_limit": 5, "cost_limit_usd": "0.3"})
    call = llm_called(prompt_tokens=5, cost_usd="0.3")
    assert record_of(begun, call, finished(Status.CANCELLED)).killed_by_budget is False


def test_facts_of_older_attempts_count_towards_the_budget() -> None:
    history = [
        *(started(budget={"token_limit": 5}), llm_called(prompt_tokens=4)),
        *(llm_called(attempt=2, prompt_tokens=4), finished(Status.CANCELLED, at=1, attempt=2)),
    ]
    assert record_of(*history).killed_by_budget is True


def test_reported_usage_is_no_fact_that_kills() -> None:
    history = [started(budget={"token_limit": 5}), finished(Status.CANCELLED, at=1, usage={"prompt_tokens": 9})]
    assert record_of(*history).killed_by_budget is False


def test_the_budget_that_counts_is_the_last_one_said() -> None:
    history = [llm_called(at=1, prompt_tokens=9), finished(Status.CANCELLED, at=2)]
    assert record_of(*history, created(at=3, budget={"token_limit": 5})).killed_by_budget is True


# The watchdog.


def test_the_watchdogs_ending_is_provisional() -> None:
    record = record_of(started(at=0), watchdog_ended(at=9))
    assert (record.status, record.provisional, record.ended_at) == ("timed_out", True, moment(9))
    assert (record.duration_ms, record.error_event_id) == (9000, None)


def test_a_step_left_open_when_the_watchdog_ends_it_is_timed_out() -> None:
    assert step_of(step_started(at=0), watchdog_ended(at=9)).status == "timed_out"


@pytest.mark.parametrize(
    "sign",
    [created, started, progressed, paused, resumed, step_started, step_finished, llm_called, tool_called, other],
)
def test_any_event_after_it_makes_it_void(sign: Any) -> None:
    record = record_of(started(at=0), watchdog_ended(at=5), sign(at=6))
    assert (record.status, record.provisional, record.ended_at) == ("running", False, None)


def test_so_does_an_event_of_a_later_attempt_that_raises_nothing() -> None:
    assert record_of(started(at=0), watchdog_ended(at=5), other(at=1, attempt=2)).status == "running"
    # A fact is of the attempt that began: it lies before the ending.
    assert record_of(started(at=0), watchdog_ended(at=5), llm_called(at=1, attempt=2)).status == "timed_out"


def test_a_void_ending_is_as_if_it_had_never_been() -> None:
    assert record_of(created(at=0), watchdog_ended(at=5), created(at=6)).status == "pending"


def test_a_real_ending_after_it_decides() -> None:
    record = record_of(started(at=0), watchdog_ended(at=5), finished(at=6))
    assert (record.status, record.provisional, record.ended_at) == ("completed", False, moment(6))


def test_a_real_time_out_after_it_decides_too() -> None:
    record = record_of(started(at=0), watchdog_ended(at=5), finished(Status.TIMED_OUT, at=6))
    assert (record.provisional, record.ended_at) == (False, moment(6))


def test_requests_and_the_watchdog_itself_leave_it_standing() -> None:
    history = [started(at=0), watchdog_ended(at=5), cancel_requested(at=6), watchdog_ended(at=8)]
    record = record_of(*history)
    assert (record.provisional, record.ended_at) == (True, moment(5))


def test_events_before_it_leave_it_standing() -> None:
    assert record_of(started(at=0), watchdog_ended(at=5), progressed(at=4)).provisional is True


def test_an_ending_that_is_refused_by_its_step_is_a_sign_of_life() -> None:
    history = [step_finished(at=0), watchdog_ended(at=5), step_finished(status=Status.FAILED, at=6)]
    assert record_of(*history).status == "running"


def test_it_can_end_again_what_came_back_to_life() -> None:
    record = record_of(started(at=0), watchdog_ended(at=5), progressed(at=6), watchdog_ended(at=9))
    assert (record.provisional, record.ended_at) == (True, moment(9))


def test_it_ends_nothing_that_has_ended() -> None:
    record = record_of(finished(at=1), watchdog_ended(at=2))
    assert (record.status, record.provisional) == ("completed", False)


def test_the_marker_counts_from_nobody_else() -> None:
    record = record_of(finished(Status.TIMED_OUT, at=5, provisional=True), progressed(at=6))
    assert (record.status, record.provisional) == ("timed_out", False)


def test_without_the_marker_its_word_is_as_anyones() -> None:
    history = [finished(Status.TIMED_OUT, at=5, source=WATCHDOG_SOURCE), progressed(at=6)]
    assert (record_of(*history).status, record_of(*history).provisional) == ("timed_out", False)


# Outcomes, judged on arrival.


def test_what_comes_in_order_is_applied() -> None:
    history = [created(at=0), started(at=1), step_started(at=2), step_finished(at=3), progressed(at=4), finished(at=5)]
    assert outcomes(*history) == ["applied"] * 6


def test_what_lies_before_a_recorded_event_is_late() -> None:
    assert outcomes(finished(at=5), started(at=1), created(at=0)) == ["applied", "late", "late"]


def test_the_latest_event_recorded_is_what_others_are_late_against() -> None:
    assert outcomes(progressed(at=5), started(at=1), progressed(at=3)) == ["applied", "late", "late"]
    assert outcomes(step_finished(at=5), step_started(at=1), step_started(at=3)) == ["applied", "late", "late"]


def test_a_step_event_is_late_only_against_its_step() -> None:
    arrivals = [step_finished("draft", at=5), step_started("review", at=1), step_started("draft", at=0)]
    assert outcomes(*arrivals) == ["applied", "applied", "late"]


def test_events_of_an_older_attempt_are_late() -> None:
    arrivals = [
        started(at=0, attempt=2),
        *(progressed(at=9), step_started(at=9), step_finished(at=10), finished(at=11), cancel_requested(at=12)),
    ]
    assert outcomes(*arrivals) == ["applied", "late", "late", "late", "late", "late"]


def test_facts_and_unknown_types_are_always_applied() -> None:
    arrivals = [finished(at=5, attempt=2), llm_called(at=0), tool_called(at=0), other(at=0)]
    assert outcomes(*arrivals) == ["applied"] * 4


def test_others_are_late_against_facts_and_unknown_types_too() -> None:
    assert outcomes(llm_called(at=5), started(at=1)) == ["applied", "late"]
    assert outcomes(other(at=5), started(at=1)) == ["applied", "late"]


def test_an_ending_after_the_deciding_one_with_another_status_is_rejected() -> None:
    judged = verdicts(finished(at=1), finished(Status.FAILED, at=2))
    assert judged == [Verdict(Outcome.APPLIED), Verdict(Outcome.REJECTED, "already completed")]


def test_an_ending_after_the_deciding_one_with_the_same_status_is_applied() -> None:
    assert outcomes(finished(at=1), finished(at=2)) == ["applied", "applied"]


def test_an_ending_before_the_deciding_one_is_late_and_decides_from_then_on() -> None:
    arrivals = [finished(at=5), finished(Status.FAILED, at=1), finished(at=6), finished(Status.FAILED, at=7)]
    assert outcomes(*arrivals) == ["applied", "late", "rejected", "applied"]


def test_an_ending_between_the_deciding_one_and_the_head_is_rejected_not_late() -> None:
    assert outcomes(finished(at=1), progressed(at=9), finished(Status.FAILED, at=5))[-1] == "rejected"


def test_a_later_attempt_has_an_ending_of_its_own() -> None:
    arrivals = [finished(Status.FAILED, at=1), finished(at=2, attempt=2), finished(Status.FAILED, at=3, attempt=2)]
    assert outcomes(*arrivals) == ["applied", "applied", "rejected"]


def test_an_ending_of_an_older_attempt_is_late_whatever_it_says() -> None:
    assert outcomes(finished(at=1), started(at=2, attempt=2), finished(Status.FAILED, at=3))[-1] == "late"


def test_a_steps_ending_is_rejected_also_in_an_older_attempt() -> None:
    arrivals = [step_finished(at=1), started(at=2, attempt=2), step_finished(status=Status.FAILED, at=3)]
    assert verdicts(*arrivals)[-1] == Verdict(Outcome.REJECTED, "already completed")


def test_a_provisional_ending_rejects_nothing() -> None:
    assert outcomes(started(at=0), watchdog_ended(at=5), finished(at=6)) == ["applied"] * 3


def test_a_steps_provisional_ending_rejects_nothing() -> None:
    arrivals = [step_started(at=0), finished(Status.CANCELLED, at=1), step_finished(at=2)]
    assert outcomes(*arrivals) == ["applied"] * 3


def test_the_watchdogs_ending_is_rejected_like_any_other() -> None:
    assert outcomes(finished(at=1), watchdog_ended(at=2)) == ["applied", "rejected"]
    assert outcomes(finished(Status.TIMED_OUT, at=1), watchdog_ended(at=2)) == ["applied", "applied"]


def test_the_watchdogs_ending_of_a_later_attempt_is_not_judged_by_the_highest() -> None:
    """Found in review: it raises no attempt, and was held against the ending of the attempt before."""
    assert outcomes(finished(at=1), watchdog_ended(at=2, attempt=2)) == ["applied", "applied"]


def test_a_judge_knows_what_was_recorded_before() -> None:
    recorded = [finished(at=5), step_finished("draft", at=4)]
    judge = Judge.after(*folded(recorded))
    arrivals = [
        *(finished(Status.FAILED, at=6), step_finished("draft", Status.FAILED, at=7)),
        *(started(at=1), step_started("draft", at=1), started(at=0, attempt=2)),
    ]
    judged = [judge.judge(enter(e, e.id)).outcome for e in arrivals]
    assert judged == ["rejected", "rejected", "late", "late", "applied"]


def test_a_judge_that_goes_on_from_a_provisional_ending_rejects_nothing() -> None:
    judge = Judge.after(*folded([started(at=0), watchdog_ended(at=5)]))
    ending = finished(at=6)
    assert judge.judge(enter(ending, ending.id)).outcome is Outcome.APPLIED


# What is stored.


def test_a_fold_of_another_format_is_not_read() -> None:
    stored = json.loads(folded([started()])[0].dump())
    assert ExecutionFold.load(json.dumps(stored)) is not None
    assert ExecutionFold.load(json.dumps([stored[0] + 1, *stored[1:]])) is None


@pytest.mark.parametrize("damage", ["", "x", "5", "[]", "{}", "[1]", "[1, [1, 2, 3, 4], {}]", "cut", "short", "head"])
def test_a_fold_that_was_damaged_is_not_read(damage: str) -> None:
    text = folded([started()])[0].dump()
    stored = json.loads(text)
    of_it = {"cut": text[:-9], "short": json.dumps([*stored[:3], *stored[4:]]), "head": json.dumps([1, 7, *stored[2:]])}
    assert ExecutionFold.load(of_it.get(damage, damage)) is None
    assert StepFold.load(of_it.get(damage, damage)) is None
