"""How an execution went: what ended each attempt, how its steps lie in each other and in time, and where it failed."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from execledger_contracts.events import model_of
from execledger_contracts.status import FAILURES, Status

_MILLISECOND: Final = timedelta(milliseconds=1)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_ANY_ITERATION: Final = object()


class ShownExecution(Protocol):
    """What these rules ask of an execution's record."""

    @property
    def status(self) -> Status: ...
    @property
    def attempt(self) -> int: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def ended_at(self) -> datetime | None: ...


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
    def unexpected(self) -> bool: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def duration_ms(self) -> int | None: ...


AnyStep = TypeVar("AnyStep", bound=ShownStep)


def ended_as(sent_type: str | None) -> Status:
    """How an attempt ended that another followed: by the type of its first ending; without one it was given up."""
    ending = None if sent_type is None else model_of(sent_type).traits.ends
    return Status.CANCELLED if ending is None else ending


def last_tries(execution: ShownExecution, tries: Iterable[AnyStep]) -> dict[tuple[str, int | None], AnyStep]:
    """Of each step of the last attempt, by its id and iteration, the try that decides it."""
    last: dict[tuple[str, int | None], AnyStep] = {}
    for step in sorted(tries, key=lambda each: each.try_number):
        if step.attempt == execution.attempt:
            last[step.step_id, step.iteration] = step
    return last


def failing_step(execution: ShownExecution, tries: Iterable[AnyStep]) -> AnyStep | None:
    """Of the last attempt's failed steps the innermost and latest: the ones around it failed because it did.

    A step failed when its last try did.
    """
    if execution.status not in FAILURES:
        return None
    failed = [step for step in last_tries(execution, tries).values() if step.status in FAILURES]
    said = [step for step in failed if not step.provisional] or failed
    around = {step.parent_id for step in said}
    innermost = [step for step in said if step.step_id not in around]
    return max(innermost, key=lambda step: step.ended_at or execution.created_at, default=None)


class ShownAttempt(Protocol):
    """What these rules ask of an attempt."""

    @property
    def number(self) -> int: ...
    @property
    def started_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...


class Attempt(NamedTuple):
    """One run of the whole execution."""

    number: int
    status: Status
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Placed(Generic[AnyStep]):
    """A step in the timeline. Milliseconds are cut off, and null where it is not known when the step began."""

    step: AnyStep
    depth: int
    offset_ms: int | None
    """Since its attempt began; below 0 where clocks disagree."""
    gap_before_ms: int | None
    """How long no step at all had run when it began."""
    unexpected_end: bool
    """Nobody knows when it ended: its orchestrator said so, or nothing, and its execution failed."""


class Gap(NamedTuple):
    """A time in which an attempt ran and none of its steps."""

    began_at: datetime
    ended_at: datetime

    @property
    def milliseconds(self) -> int:
        return _milliseconds(self.ended_at - self.began_at)


def attempt_of(told: Mapping[str, Any], execution: ShownExecution) -> Attempt:
    """An attempt as the log tells it. The last is as the execution is; what ended an earlier one is in the log."""
    if told["attempt"] != execution.attempt:
        ended_at = told["ended_at"] or told["last_event_at"]
        return Attempt(told["attempt"], ended_as(told["ending"]), told["started_at"], ended_at)
    started_at = execution.started_at or told["started_at"]
    return Attempt(execution.attempt, execution.status, started_at, execution.ended_at)


def placed(attempts: Iterable[ShownAttempt], steps: Sequence[AnyStep]) -> tuple[list[Placed[AnyStep]], list[Gap]]:
    """The steps of all attempts, each behind the one that it is part of, and the gaps in order of time.

    Steps are given, and stay where they are part of the same, in the order in which they were first heard of.
    """
    shown: list[Placed[AnyStep]] = []
    found: list[Gap] = []
    for attempt in attempts:
        own = [step for step in steps if step.attempt == attempt.number]
        between = gaps(attempt, own)
        before = {gap.ended_at: gap.milliseconds for gap in between}
        found += between
        shown += [_lying(step, depth, attempt, before) for step, depth in nested(own)]
    return shown, found


def nested(steps: Sequence[AnyStep]) -> list[tuple[AnyStep, int]]:
    """The steps of one attempt, each behind the one that it is part of and one deeper.

    A step's id stands for several iterations and tries: it is part of the one of its own iteration, if there is such,
    and of several of the one that began last before it. Steps that are part of each other in a circle begin anew.
    """
    around = _Around(steps)
    parts: dict[int | None, list[int]] = defaultdict(list)
    for number in range(len(steps)):
        parts[around.parent_of(number)].append(number)
    depths: dict[int, int] = {}
    for first in [*parts[None], *range(len(steps))]:  # whoever is in a circle is reached from no first step
        waiting = [(first, 0)]
        while waiting:
            number, depth = waiting.pop()
            if number not in depths:
                depths[number] = depth
                waiting += [(part, depth + 1) for part in reversed(parts[number])]
    return [(steps[number], depth) for number, depth in depths.items()]


def gaps(attempt: ShownAttempt, steps: Iterable[ShownStep]) -> list[Gap]:
    """The times in which none of an attempt's steps ran, if it has any; what has no end lasts as long as it does."""
    spans = sorted(span for step in steps if (span := _span(step, attempt)))
    if not spans:
        return []
    found, busy_until = [], attempt.started_at
    for began_at, ended_at in [*spans, *_end_of(attempt)]:
        if began_at - busy_until >= _MILLISECOND:
            found.append(Gap(busy_until, began_at))
        busy_until = max(busy_until, ended_at)
    return found


def slowest(steps: Iterable[AnyStep], most: int) -> list[AnyStep]:
    """The steps that took longest, those that are part of others among them, the longest first."""
    timed = [step for step in steps if step.duration_ms is not None]
    return sorted(timed, key=lambda step: -(step.duration_ms or 0))[:most]


class _Around:
    """Finds of each step the one that it is part of."""

    def __init__(self, steps: Sequence[ShownStep]) -> None:
        self._steps = steps
        self._of_id: dict[tuple[str, Any], list[int]] = defaultdict(list)
        for number, step in enumerate(steps):
            self._of_id[step.step_id, _ANY_ITERATION].append(number)
            self._of_id[step.step_id, step.iteration].append(number)

    def parent_of(self, number: int) -> int | None:
        step = self._steps[number]
        if step.parent_id is None or step.parent_id == step.step_id:
            return None
        candidates = (step.iteration is not None and self._of_id.get((step.parent_id, step.iteration))) or None
        candidates = candidates or self._of_id.get((step.parent_id, _ANY_ITERATION))
        return None if candidates is None else candidates[max(0, bisect_left(candidates, number) - 1)]


def _lying(step: AnyStep, depth: int, attempt: ShownAttempt, before: Mapping[datetime, int]) -> Placed[AnyStep]:
    at = step.started_at
    offset = None if at is None else _milliseconds(at - attempt.started_at)
    unexpected = step.unexpected or (step.provisional and step.status in FAILURES)
    return Placed(step, depth, offset, None if at is None else before.get(at, 0), unexpected)


def _span(step: ShownStep, attempt: ShownAttempt) -> tuple[datetime, datetime] | None:
    began_at = step.started_at or step.ended_at
    if began_at is None:
        return None
    return began_at, max(began_at, step.ended_at or attempt.ended_at or _NEVER)


def _end_of(attempt: ShownAttempt) -> list[tuple[datetime, datetime]]:
    return [] if attempt.ended_at is None else [(attempt.ended_at, attempt.ended_at)]


def _milliseconds(span: timedelta) -> int:
    return span // _MILLISECOND
