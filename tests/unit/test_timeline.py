"""How an execution went: what ended each attempt, how its steps lie in each other and in time, and where it failed."""

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_contracts.status import Status
from execledger_lifecycle.timeline import Attempt, ended_as, failing_step, gaps, nested, placed, slowest
from factories import NOON, moment


@dataclass(frozen=True)
class Run:
    status: Status = Status.FAILED
    attempt: int = 1
    created_at: datetime = NOON
    started_at: datetime | None = NOON
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Part:
    step_id: str
    status: Status = Status.FAILED
    ended_at: datetime | None = NOON
    attempt: int = 1
    provisional: bool = False
    parent_id: str | None = None
    iteration: int | None = None
    try_number: int = 1
    started_at: datetime | None = None
    duration_ms: int | None = None
    unexpected: bool = False


def failing(*steps: Part, execution: Run = Run()) -> str | None:
    found = failing_step(execution, steps)
    return None if found is None else found.step_id


@pytest.mark.parametrize(
    ("sent", "status"),
    [("execution.completed", "completed"), ("run.succeeded", "completed"), ("com.acme.task.terminated", "cancelled")],
)
def test_an_attempt_ended_as_its_first_ending_says_in_any_spelling(sent: str, status: str) -> None:
    assert ended_as(sent) == status


def test_an_attempt_that_another_followed_without_an_ending_was_given_up() -> None:
    assert ended_as(None) is Status.CANCELLED


def test_the_latest_of_the_failed_steps_is_the_failing_one() -> None:
    assert failing(Part("a", ended_at=moment(2)), Part("b", ended_at=moment(1))) == "a"
    assert failing(Part("a", ended_at=moment(1)), Part("b", Status.TIMED_OUT, ended_at=moment(2))) == "b"


def test_a_step_around_the_failing_one_failed_because_it_did() -> None:
    assert failing(Part("outer", ended_at=moment(3)), Part("inner", ended_at=moment(2), parent_id="outer")) == "inner"


def test_a_step_that_succeeded_when_it_was_tried_again_is_not_failing() -> None:
    again = Part("a", Status.COMPLETED, try_number=2)
    assert failing(again, Part("a")) is None
    assert failing(again, Part("a"), Part("a", iteration=0)) == "a"
    found = failing_step(Run(), [Part("a", try_number=2), Part("a", ended_at=moment(9))])
    assert found is not None
    assert found.try_number == 2


def test_a_step_that_nobody_ended_is_failing_only_when_no_other_says_that_it_failed() -> None:
    open_step = Part("open", ended_at=None, provisional=True)
    assert failing(open_step, Part("said", ended_at=moment(1))) == "said"
    assert failing(open_step) == "open"


def test_steps_of_earlier_attempts_and_those_that_did_not_fail_are_not_failing() -> None:
    assert failing(Part("a", attempt=1), Part("b", Status.COMPLETED, attempt=2), execution=Run(attempt=2)) is None


@pytest.mark.parametrize("status", [Status.RUNNING, Status.COMPLETED, Status.CANCELLED])
def test_an_execution_that_did_not_fail_has_no_failing_step(status: Status) -> None:
    assert failing(Part("a"), execution=Run(status)) is None


def part(step_id: str, began: float, ended: float | None, **said: Any) -> Part:
    ended_at = None if ended is None else moment(ended)
    return Part(step_id, Status.COMPLETED, started_at=moment(began), ended_at=ended_at, **said)


def run(ended: float | None = 10, status: Status = Status.COMPLETED, number: int = 1) -> Attempt:
    return Attempt(number, status, NOON, None if ended is None else moment(ended))


def shape(*steps: Part) -> list[tuple[str, int]]:
    return [(step.step_id, depth) for step, depth in nested(steps)]


def test_steps_stand_behind_the_one_that_they_are_part_of() -> None:
    steps = [Part("a"), Part("b"), Part("a1", parent_id="a"), Part("b1", parent_id="b"), Part("a11", parent_id="a1")]
    assert shape(*steps) == [("a", 0), ("a1", 1), ("a11", 2), ("b", 0), ("b1", 1)]
    assert shape(Part("orphan", parent_id="unheard of")) == [("orphan", 0)]


def test_a_part_of_a_loop_stands_behind_its_own_iteration_or_the_one_that_began_last() -> None:
    loop = [Part("item", iteration=1), Part("item", iteration=2), Part("fetch", parent_id="item", iteration=1)]
    assert [(step.step_id, step.iteration, depth) for step, depth in nested(loop)] == [
        ("item", 1, 0),
        ("fetch", 1, 1),
        ("item", 2, 0),
    ]
    tried = [Part("outer"), Part("inner", parent_id="outer"), Part("outer", try_number=2)]
    tried.append(Part("inner", parent_id="outer", try_number=2))
    assert [(step.step_id, step.try_number) for step, _ in nested(tried)] == [
        ("outer", 1),
        ("inner", 1),
        ("outer", 2),
        ("inner", 2),
    ]


def test_steps_that_are_part_of_each_other_begin_anew() -> None:
    assert shape(Part("a", parent_id="b"), Part("b", parent_id="a")) == [("a", 0), ("b", 1)]
    assert shape(Part("self", parent_id="self")) == [("self", 0)]


PARTS = st.builds(
    Part,
    st.sampled_from("abcde"),
    parent_id=st.none() | st.sampled_from("abcdefg"),
    iteration=st.none() | st.integers(0, 2),
    try_number=st.integers(1, 3),
    started_at=st.none() | st.integers(0, 20).map(moment),
    ended_at=st.none() | st.integers(0, 20).map(moment),
)


@given(st.lists(PARTS, max_size=12))
def test_every_step_is_shown_once_and_none_deeper_than_one_below_the_step_before(steps: list[Part]) -> None:
    shown = nested(steps)
    assert sorted(map(id, (step for step, _ in shown))) == sorted(map(id, steps))
    assert all(depth == 0 for _, depth in shown[:1])
    assert all(after <= before + 1 for (_, before), (_, after) in pairwise(shown))
    assert all(step.parent_id is not None for step, depth in shown if depth)


@given(st.lists(PARTS, max_size=12), st.none() | st.integers(0, 20))
def test_in_a_gap_no_step_runs_and_outside_of_gaps_one_does(steps: list[Part], ended: int | None) -> None:
    attempt = run(ended)
    found = gaps(attempt, steps)
    assert all(earlier.ended_at <= later.began_at for earlier, later in pairwise(found))
    timed = [(at, step.ended_at) for step in steps if (at := step.started_at or step.ended_at)]
    for half in range(41):
        at = moment(half / 2 + 0.25)
        runs = any(began <= at < (end or attempt.ended_at or moment(99)) for began, end in timed)
        in_gap = any(gap.began_at <= at < gap.ended_at for gap in found)
        assert not (runs and in_gap)
        if timed and ended is not None and at < moment(ended):
            assert runs or in_gap


def test_gaps_are_where_nothing_ran() -> None:
    steps = [part("a", 1, 2), part("b", 1.5, 4), part("c", 6, 7)]
    found = gaps(run(10), steps)
    assert [(gap.began_at, gap.ended_at, gap.milliseconds) for gap in found] == [
        (NOON, moment(1), 1000),
        (moment(4), moment(6), 2000),
        (moment(7), moment(10), 3000),
    ]
    around = [part("outer", 0, 8), part("inner", 1, 2), part("later", 9, 10)]
    assert [gap.milliseconds for gap in gaps(run(10), around)] == [1000]
    assert gaps(run(10), []) == []
    assert [gap.milliseconds for gap in gaps(run(None), steps)] == [1000, 2000]
    assert [gap.milliseconds for gap in gaps(run(10), [part("open", 3, None)])] == [3000]


def test_a_step_says_where_it_lies_in_its_attempt_and_what_nobody_did_before_it() -> None:
    steps = [part("a", 1, 2), part("b", 5, 6), part("c", 5.5, 7), part("late", 0, 1, attempt=2), Part("unknown")]
    shown, found = placed([run(7), run(3, number=2)], steps)
    assert [(each.step.step_id, each.offset_ms, each.gap_before_ms) for each in shown] == [
        ("a", 1000, 1000),
        ("b", 5000, 3000),
        ("c", 5500, 0),
        ("unknown", None, None),
        ("late", 0, 0),
    ]
    assert [gap.milliseconds for gap in found] == [1000, 3000, 2000]


def test_an_end_that_nobody_knows_the_time_of_is_unexpected_unless_it_was_cleaned_up() -> None:
    said = [
        Part("said", Status.CANCELLED, unexpected=True),
        Part("never ended", Status.FAILED, provisional=True),
        Part("cleaned up", Status.CANCELLED, provisional=True),
        Part("failed"),
    ]
    shown, _ = placed([run()], said)
    assert [each.unexpected_end for each in shown] == [True, True, False, False]


def test_the_slowest_steps_come_first() -> None:
    steps = [Part("a", duration_ms=5), Part("b"), Part("c", duration_ms=9), Part("d", duration_ms=5)]
    assert [step.step_id for step in slowest(steps, 2)] == ["c", "a"]
