"""How an execution went: what ended each attempt, and the step at which it failed."""

from dataclasses import dataclass
from datetime import datetime

import pytest

from execledger_contracts.status import Status
from execledger_lifecycle.timeline import ended_as, failing_step
from factories import NOON, moment


@dataclass(frozen=True)
class Run:
    status: Status = Status.FAILED
    attempt: int = 1
    created_at: datetime = NOON


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
