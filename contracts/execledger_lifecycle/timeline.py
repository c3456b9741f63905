"""How an execution went: what ended each attempt, and the step at which it failed."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, TypeVar

from execledger_contracts.events import model_of
from execledger_contracts.status import FAILURES, Status


class ShownExecution(Protocol):
    """What these rules ask of an execution's record."""

    @property
    def status(self) -> Status: ...
    @property
    def attempt(self) -> int: ...
    @property
    def created_at(self) -> datetime: ...


class ShownStep(Protocol):
    """What these rules ask of a step's record."""

    @property
    def step_id(self) -> str: ...
    @property
    def iteration(self) -> int | None: ...
    @property
    def try_number(self) -> int: ...
    @property
    def parent_id(self) -> str | None: ...
    @property
    def attempt(self) -> int: ...
    @property
    def status(self) -> Status: ...
    @property
    def provisional(self) -> bool: ...
    @property
    def ended_at(self) -> datetime | None: ...


AnyStep = TypeVar("AnyStep", bound=ShownStep)


def ended_as(sent_type: str | None) -> Status:
    """How an attempt ended that another followed: by the type of its first ending; without one it was given up."""
    ending = None if sent_type is None else model_of(sent_type).traits.ends
    return Status.CANCELLED if ending is None else ending


def failing_step(execution: ShownExecution, tries: Iterable[AnyStep]) -> AnyStep | None:
    """Of the last attempt's failed steps the innermost and latest: the ones around it failed because it did.

    A step failed when its last try did.
    """
    if execution.status not in FAILURES:
        return None
    last: dict[tuple[str, int | None], AnyStep] = {}
    for step in sorted(tries, key=lambda each: each.try_number):
        if step.attempt == execution.attempt:
            last[step.step_id, step.iteration] = step
    failed = [step for step in last.values() if step.status in FAILURES]
    said = [step for step in failed if not step.provisional] or failed
    around = {step.parent_id for step in said}
    innermost = [step for step in said if step.step_id not in around]
    return max(innermost, key=lambda step: step.ended_at or execution.created_at, default=None)
