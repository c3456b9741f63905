"""How an execution went: its attempts, its steps in each other and in time, where it failed, and who belongs to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic import ConfigDict, Field, JsonValue

from execledger_contracts.status import ExecutionStatus, Status
from execledger_lifecycle.timeline import Attempt, Gap, Placed, attempt_of, failing_step, placed, slowest
from execledger_query.execution.tree import Relative, relative_of
from execledger_query.store import Reader, Row
from execledger_query.views import (
    Error,
    Execution,
    Payloads,
    Shape,
    Step,
    Timestamp,
    Trees,
    execution_of,
    execution_sources,
    step_of,
    step_sources,
)

_SLOWEST: Final = 5
_GAPS: Final = 100
CHILDREN: Final = 200


class TimelineAttempt(Shape):
    """One run of the whole execution."""

    attempt: int = Field(description="its number, from 1", examples=[1])
    status: ExecutionStatus = Field(description="how it ended, or stands", examples=["failed"])
    started_at: Timestamp = Field(
        description="when it began, else was first heard of", examples=["2026-03-01T12:00:00.123Z"]
    )
    ended_at: Timestamp | None = Field(
        description="of one that was given up, when it was last heard of", examples=["2026-03-01T12:00:00.123Z"]
    )


class TimelineStep(Step):
    """A step, and where it lies."""

    depth: int = Field(description="0, and one more than the step that it is part of", examples=[1])
    offset_ms: int | None = Field(
        description="from the start of its attempt; below 0 where clocks disagree", examples=[2000]
    )
    gap_before_ms: int | None = Field(description="how long no step at all had run when it began", examples=[0])
    unexpected_end: bool = Field(
        description="nobody knows when it ended: it was said so, or its execution failed", examples=[False]
    )


class FailingStep(Shape):
    """The step at which an execution failed: the innermost and latest of those that failed."""

    step_id: str = Field(description="its id", examples=["draft"])
    name: str | None = Field(description="its name", examples=["Draft"])
    iteration: int | None = Field(description="which item of a loop", examples=[2])
    total_items: int | None = Field(description="of how many", examples=[3])
    attempt: int = Field(description="the attempt", examples=[1])
    try_number: int = Field(description="the last try", examples=[1])
    input: JsonValue = Field(description="a payload: null without include=payloads", examples=[{"chapter": 2}])
    error: Error | None = Field(
        description="why it failed", examples=[{"message": "too slow", "type": "TimeoutError", "stack": None}]
    )


class SlowStep(Shape):
    """One of the steps that took longest."""

    step_id: str = Field(description="its id", examples=["draft"])
    iteration: int | None = Field(description="which item of a loop", examples=[2])
    attempt: int = Field(description="the attempt", examples=[1])
    try_number: int = Field(description="the try", examples=[1])
    duration_ms: int = Field(description="how long it took", examples=[6000])


class TimelineGap(Shape):
    """A time in which an attempt ran and none of its steps."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)

    from_: Timestamp = Field(
        alias="from", description="when the last step before it ended", examples=["2026-03-01T12:00:00.123Z"]
    )
    to: Timestamp = Field(description="when the next one began", examples=["2026-03-01T12:00:01.123Z"])
    ms: int = Field(description="how long it is", examples=[1000])


class Timeline(Shape):
    """How an execution went."""

    execution: Execution
    attempts: list[TimelineAttempt] = Field(
        description="by number",
        examples=[[{"attempt": 1, "status": "failed", "started_at": "2026-03-01T12:00:00.123Z", "ended_at": None}]],
    )
    steps: list[TimelineStep] = Field(
        description="by attempt and the time of their first event, each behind the one that it is part of"
    )
    failing: FailingStep | None = Field(description="of an execution that failed or timed out")
    slowest: list[SlowStep] = Field(description=f"the {_SLOWEST} that took longest, the longest first")
    gaps: list[TimelineGap] = Field(description=f"the {_GAPS} longest, in order of time")
    parent: Relative | None = Field(description="null when there is none, or none that you see")
    root: Relative | None = Field(description="itself, when it is one; null when you see none")
    children: list[Relative] = Field(description=f"at most {CHILDREN}, in the order in which they were created")
    has_more_children: bool = Field(
        description="the rest is in …/tree, and in the list with `parent`", examples=[False]
    )


class TimedStep(NamedTuple):
    """A row of a step, as the rules of timelines read it."""

    step_id: str
    iteration: int | None
    try_number: int
    parent_id: str | None
    attempt: int
    status: Status
    provisional: bool
    unexpected: bool
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None
    row: Row

    @classmethod
    def of(cls, row: Row) -> "TimedStep":
        *names, _ = cls._fields
        return cls._make([*(row[name] for name in names), row])._replace(status=Status(row["status"]))


class ShownRow(NamedTuple):
    """A row of an execution, as the rules of timelines read it."""

    status: Status
    attempt: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, row: Row) -> "ShownRow":
        return cls(*(row[name] for name in cls._fields))._replace(status=Status(row["status"]))


@dataclass(frozen=True, slots=True)
class Told:
    """All that a timeline is made from."""

    execution: Row
    attempts: Sequence[Row]
    steps: Sequence[Row]
    trees: Trees
    relatives: Mapping[str, Row]
    """Parent and root, by external id."""
    children: Sequence[Row]
    payloads: Payloads
    is_whole: bool


async def read(reader: Reader, execution: Row, most_steps: int, most_bytes: int, *, with_payloads: bool) -> Told:
    """All that a timeline is made from; it is not whole when there are more steps, or they come to more bytes.

    Of payloads those of the execution and of the step at which it failed in any case, the rest as far as they come to
    that many bytes.
    """
    steps, is_whole = await read_steps(reader, execution, most_steps, most_bytes)
    failing = failing_step(ShownRow.of(execution), map(TimedStep.of, steps))
    first = [*execution_sources([execution]), *step_sources([failing.row] if failing else ())]
    sources = [*dict.fromkeys([*first, *step_sources(steps)])] if with_payloads else []
    names = {execution["parent_execution_id"], execution["root_execution_id"]} - {None}
    return Told(
        execution,
        await reader.attempts(execution["id"]),
        steps,
        await reader.trees([execution]),
        await reader.named(execution["tenant_id"], names),
        await reader.children(execution["tenant_id"], execution["external_id"], CHILDREN + 1),
        await reader.payloads(sources, most_bytes, whole=len(first)),
        is_whole,
    )


async def read_steps(reader: Reader, execution: Row, most: int, most_bytes: int) -> tuple[Sequence[Row], bool]:
    """The steps of an execution, and whether these are all."""
    steps = await reader.steps(execution["id"], None, most + 1, most_bytes)
    return steps, len(steps) <= most and not any(row["goes_on"] for row in steps[-1:])


def timeline_of(told: Told) -> Timeline:
    """The timeline, as it is shown. Raises DamagedError.

    Takes 0.05 ms a step, measured with 10,000 of them: not for the event loop.
    """
    execution = ShownRow.of(told.execution)
    attempts = [attempt_of(row, execution) for row in told.attempts if row["attempt"] <= execution.attempt]
    steps = [TimedStep.of(row) for row in told.steps]
    shown, gaps = placed(attempts, steps)
    failing = failing_step(execution, steps)
    return Timeline(
        execution=execution_of(told.execution, told.payloads, told.trees),
        attempts=[_attempt(attempt) for attempt in attempts],
        steps=[_step(step, told.payloads) for step in shown],
        failing=failing and FailingStep(**_said(step_of(failing.row, told.payloads), FailingStep)),
        slowest=[_slow(step) for step in slowest(steps, _SLOWEST)],
        gaps=_gaps(gaps),
        parent=_relative(told.relatives.get(told.execution["parent_execution_id"])),
        root=_relative(told.relatives.get(told.execution["root_execution_id"])),
        children=[relative_of(row) for row in told.children[:CHILDREN]],
        has_more_children=len(told.children) > CHILDREN,
    )


def _attempt(attempt: Attempt) -> TimelineAttempt:
    return TimelineAttempt(
        attempt=attempt.number, status=attempt.status, started_at=attempt.started_at, ended_at=attempt.ended_at
    )


def _step(at: Placed[TimedStep], payloads: Payloads) -> TimelineStep:
    shown = _said(step_of(at.step.row, payloads), Step)
    return TimelineStep.model_construct(
        **shown,
        depth=at.depth,
        offset_ms=at.offset_ms,
        gap_before_ms=at.gap_before_ms,
        unexpected_end=at.unexpected_end,
    )


def _slow(step: TimedStep) -> SlowStep:
    return SlowStep(**_said(step, SlowStep))


def _gaps(found: Sequence[Gap]) -> list[TimelineGap]:
    least = sorted((gap.milliseconds for gap in found), reverse=True)[:_GAPS][-1:]
    longest = [gap for gap in found if gap.milliseconds >= least[0]][:_GAPS]
    return [TimelineGap(from_=gap.began_at, to=gap.ended_at, ms=gap.milliseconds) for gap in longest]


def _relative(row: Row | None) -> Relative | None:
    return None if row is None else relative_of(row)


def _said(model: Any, shape: type[Shape]) -> dict[str, Any]:
    return {name: getattr(model, name) for name in shape.model_fields}
