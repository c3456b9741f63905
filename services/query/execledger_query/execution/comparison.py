"""Two executions side by side: status, figures, the time of each step, and what came out differently."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import Field, JsonValue, PlainSerializer, WithJsonSchema

from execledger_contracts.status import ExecutionStatus, StepStatus
from execledger_lifecycle.timeline import last_tries
from execledger_query.execution.difference import difference
from execledger_query.execution.timeline import ShownRow, TimedStep, read_steps
from execledger_query.store import Reader, Row
from execledger_query.views import Execution, Money, Payloads, Shape, Trees, execution_of, execution_sources, show_money

Change = Annotated[
    Decimal,
    PlainSerializer(show_money, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d+(\.\d*[1-9])?$", "examples": ["-0.0125"]}),
]
_Figures: Final = ("prompt_tokens", "completion_tokens", "total_tokens")


class Statuses(Shape):
    """How both stand."""

    a: ExecutionStatus = Field(description="how a stands", examples=["completed"])
    b: ExecutionStatus = Field(description="how b stands", examples=["failed"])


class Counts(Shape):
    """A figure of both; null where one has none."""

    a: int | None = Field(description="of a", examples=[5000])
    b: int | None = Field(description="of b", examples=[9000])
    difference: int | None = Field(description="b less a", examples=[4000])


class Costs(Shape):
    """What both cost."""

    a: Money = Field(description="of a", examples=["0.5"])
    b: Money = Field(description="of b", examples=["0.25"])
    difference: Change = Field(description="b less a", examples=["-0.25"])


class ComparedUsage(Shape):
    """What both consumed."""

    prompt_tokens: Counts = Field(description="tokens that were sent", examples=[{"a": 3, "b": 5, "difference": 2}])
    completion_tokens: Counts = Field(description="tokens that came back", examples=[{"a": 3, "b": 5, "difference": 2}])
    total_tokens: Counts = Field(description="both", examples=[{"a": 3, "b": 5, "difference": 2}])
    cost_usd: Costs = Field(description="what they cost", examples=[{"a": "0.5", "b": "0.25", "difference": "-0.25"}])


class StepOfOne(Shape):
    """A step in one of them: the last try of its last attempt."""

    status: StepStatus = Field(description="how it ended, or stands", examples=["completed"])
    try_number: int = Field(description="which try it is", examples=[1])
    offset_ms: int | None = Field(description="from the start of the attempt", examples=[2000])
    duration_ms: int | None = Field(description="how long it took", examples=[6000])


class ComparedStep(Shape):
    """A step of both, by its id and iteration; null where one has none."""

    step_id: str = Field(description="its id", examples=["draft"])
    iteration: int | None = Field(description="which item of a loop", examples=[2])
    a: StepOfOne | None = Field(description="in a", examples=[None])
    b: StepOfOne | None = Field(
        description="in b", examples=[{"status": "completed", "try_number": 1, "offset_ms": 2000, "duration_ms": 6000}]
    )
    duration_ms: Counts = Field(description="how long it took", examples=[{"a": None, "b": 6000, "difference": None}])


class PatchOperation(Shape):
    """An operation of a JSON Patch, RFC 6902."""

    op: Literal["add", "remove", "replace"] = Field(description="what to do", examples=["replace"])
    path: str = Field(description="a JSON pointer", examples=["/pages/2"])
    value: JsonValue = Field(description="null of a removal", examples=[3])


class Comparison(Shape):
    """Two executions side by side."""

    a: Execution
    b: Execution
    status: Statuses
    duration_ms: Counts
    usage: ComparedUsage
    steps: list[ComparedStep] = Field(description="of the last attempts, in the order of a; those of b alone come last")
    output: list[PatchOperation] | None = Field(
        description="what makes b's output of a's; a payload: null without include=payloads"
    )


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two, as it was read."""

    execution: Row
    steps: Sequence[Row]
    payloads: Payloads
    trees: Trees
    is_whole: bool


async def read(reader: Reader, execution: Row, most_steps: int, most_bytes: int, *, with_payloads: bool) -> Side:
    """All that is compared of an execution; it is not whole when it has more steps, or they come to more bytes."""
    steps, is_whole = await read_steps(reader, execution, most_steps, most_bytes)
    return Side(
        execution,
        steps,
        await reader.payloads(execution_sources([execution]) if with_payloads else ()),
        await reader.trees([execution]),
        is_whole,
    )


def comparison_of(a: Side, b: Side, *, with_payloads: bool) -> Comparison:
    """Both side by side, as they are shown: not for the event loop. Raises DamagedError."""
    first, second = (execution_of(side.execution, side.payloads, side.trees) for side in (a, b))
    return Comparison(
        a=first,
        b=second,
        status=Statuses(a=first.status, b=second.status),
        duration_ms=_counts(first.duration_ms, second.duration_ms),
        usage=_usage(first, second),
        steps=_steps(_last_tries(a), _last_tries(b), first, second),
        output=_output(first.output, second.output) if with_payloads else None,
    )


_Steps = Mapping[tuple[str, int | None], TimedStep]


def _last_tries(side: Side) -> _Steps:
    return last_tries(ShownRow.of(side.execution), map(TimedStep.of, side.steps))


def _steps(a: _Steps, b: _Steps, first: Execution, second: Execution) -> list[ComparedStep]:
    return [
        ComparedStep(
            step_id=key[0],
            iteration=key[1],
            a=_step(a.get(key), first),
            b=_step(b.get(key), second),
            duration_ms=_counts(_duration(a.get(key)), _duration(b.get(key))),
        )
        for key in dict.fromkeys([*a, *b])
    ]


def _step(step: TimedStep | None, execution: Execution) -> StepOfOne | None:
    if step is None:
        return None
    began_at = execution.started_at or execution.created_at
    offset = None if step.started_at is None else int((step.started_at - began_at).total_seconds() * 1000)
    return StepOfOne(status=step.status, try_number=step.try_number, offset_ms=offset, duration_ms=step.duration_ms)


def _duration(step: TimedStep | None) -> int | None:
    return None if step is None else step.duration_ms


def _counts(a: int | None, b: int | None) -> Counts:
    return Counts(a=a, b=b, difference=None if a is None or b is None else b - a)


def _usage(a: Execution, b: Execution) -> ComparedUsage:
    counts: dict[str, Any] = {name: _counts(getattr(a.usage, name), getattr(b.usage, name)) for name in _Figures}
    costs = (a.usage.cost_usd, b.usage.cost_usd)
    return ComparedUsage(**counts, cost_usd=Costs(a=costs[0], b=costs[1], difference=costs[1] - costs[0]))


def _output(a: JsonValue, b: JsonValue) -> list[PatchOperation]:
    return [PatchOperation(**operation._asdict()) for operation in difference(a, b)]
