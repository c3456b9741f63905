"""What a record shows and no event has said as it stands: each function works out the column of its name."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from pydantic_core import to_json

from execledger_contracts.status import Status
from execledger_lifecycle.state import AttemptFold, ExecutionFold, StepFold

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_ONE: Final = -62_135_596_800_000_000  # in microseconds since 1970
_LARGEST: Final = 2**63 - 1  # what a bigint holds: a larger sum is shown as this
_NANO: Final = Decimal("1e-9")
_NO_ATTEMPT: Final = AttemptFold()

CostSource = Literal["reported", "facts", "computed"]
_STRENGTH: Final[dict[CostSource, int]] = {"computed": 0, "facts": 1, "reported": 2}


class Sums(NamedTuple):
    """Figures over all attempts."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_nanos: int
    cost_source: CostSource | None
    tools_invoked: int
    cache_hits: int


@dataclass(slots=True)
class ExecutionSources:
    """What the columns of an execution are made of."""

    execution: ExecutionFold
    external_id: str
    number: int
    attempt: AttemptFold  # of that number: it gives status, clocks and outcome
    status: Status
    sums: Sums
    created: int  # in microseconds since 1970, as is the next
    started: int | None
    completed_steps: int
    total_steps: int
    paused_at: datetime | None  # while a pause is on: what has ended waits for nothing
    waiting_for: str | None


@dataclass(slots=True)
class StepSources:
    """What the columns of a step are made of."""

    step: StepFold
    ending: Status | None  # that of its execution, when it has none of its own
    started: int | None
    iteration_key: int  # as `iteration_key` gives it


def sources_of_execution(execution: ExecutionFold, external_id: str) -> ExecutionSources:
    """Status, clocks and outcome come from the highest attempt, figures from all of them."""
    number = execution.attempt
    attempt = execution.attempts.get(number, _NO_ATTEMPT)
    return ExecutionSources(
        execution,
        external_id,
        number,
        attempt,
        attempt.status or (Status.RUNNING if attempt.began else Status.PENDING),
        _sums(execution),
        _created(execution),
        _first(attempt.started_at, attempt.first_at, _before(attempt.ended_at, attempt.duration_ms)),
        attempt.steps_done if attempt.completed_steps is None else attempt.completed_steps,
        attempt.steps_seen if attempt.total_steps is None else attempt.total_steps,
        None if attempt.paused_at is None or attempt.status else _moment(attempt.paused_at),
        None if attempt.status else attempt.waiting_for,
    )


def sources_of_step(step: StepFold, execution: ExecutionFold) -> StepSources:
    """A try without an end of its own takes that of its attempt, once there is one."""
    ending = None if step.status else _ending(execution, step)
    started = _first(step.started_at, _before(step.ended_at, step.duration_ms))
    return StepSources(step, ending, started, -1 if step.iteration is None else step.iteration)


def endings(execution: ExecutionFold) -> tuple[int, dict[int, Status]]:
    """All that decides how open steps read: when it changes, each of them must be written anew."""
    ended = {number: attempt.status for number, attempt in execution.attempts.items() if attempt.status is not None}
    return execution.attempt, ended


def created_at(of: ExecutionSources) -> datetime:
    return _moment(of.created)


def started_at(of: ExecutionSources | StepSources) -> datetime | None:
    return None if of.started is None else _moment(of.started)


def ended_at(of: ExecutionSources) -> datetime | None:
    return None if of.attempt.ended_at is None else _moment(of.attempt.ended_at)


def duration_ms(of: ExecutionSources) -> int | None:
    return _duration(of.attempt.duration_ms, of.started, of.attempt.ended_at)


def cancel_requested_at(of: ExecutionSources) -> datetime | None:
    """The earliest of the record's attempt or a later one: a request does not raise the attempt itself."""
    earliest = None
    for number, attempt in of.execution.attempts.items():
        at = attempt.cancel_requested_at
        if at is not None and number >= of.execution.attempt and (earliest is None or at < earliest):
            earliest = at
    return None if earliest is None else _moment(earliest)


def agents_used(of: ExecutionSources) -> int:
    return len(of.execution.agents) if of.attempt.agents_used is None else of.attempt.agents_used


def progress_percent(of: ExecutionSources) -> int | None:
    if of.status is Status.COMPLETED:
        return 100
    if of.attempt.progress_percent is not None:
        return of.attempt.progress_percent
    return min(100, of.completed_steps * 100 // of.total_steps) if of.total_steps else None


def killed_by_budget(of: ExecutionSources) -> bool:
    attempt = of.attempt
    if attempt.status is not Status.CANCELLED:
        return False
    tokens, nanos, _ = of.execution.budget or (None, None, None)
    return (
        attempt.killed_by_budget is True
        or (tokens is not None and attempt.spent_tokens > tokens)
        or (nanos is not None and attempt.spent_nanos > nanos)
    )


def token_limit(of: ExecutionSources) -> int | None:
    return None if of.execution.budget is None else of.execution.budget[0]


def cost_limit_usd(of: ExecutionSources) -> Decimal | None:
    nanos = None if of.execution.budget is None else of.execution.budget[1]
    return None if nanos is None else nanos * _NANO


def budget_scope(of: ExecutionSources) -> str | None:
    return None if of.execution.budget is None else of.execution.budget[2]


def cost_usd(of: ExecutionSources) -> Decimal:
    return of.sums.cost_nanos * _NANO


def has_usage(of: ExecutionSources) -> bool:
    """Whether anybody said how many tokens an attempt took."""
    return any(
        attempt.total_tokens is not None
        or attempt.prompt_tokens is not None
        or attempt.completion_tokens is not None
        or attempt.fact_prompt_tokens > 0
        or attempt.fact_completion_tokens > 0
        for attempt in of.execution.attempts.values()
    )


def cost_nanos(of: ExecutionSources) -> int:
    return min(of.sums.cost_nanos, _LARGEST)


def tags(of: ExecutionSources) -> str | None:
    return _json(of.execution.tags)


def labels(of: ExecutionSources) -> str | None:
    return _json(of.execution.labels)


def metadata(of: ExecutionSources) -> str | None:
    return _json(of.execution.metadata)


def capped(of: ExecutionSources) -> str | None:
    return _json(of.execution.capped or None)


def root_execution_id(of: ExecutionSources) -> str:
    return of.external_id if of.execution.root_execution_id is None else of.execution.root_execution_id


def usage_day(of: ExecutionSources) -> date:
    """The day on which it started, else that on which it was created."""
    return _moment(of.created if of.started is None else of.started).date()


def execution_fold(of: ExecutionSources) -> str:
    return of.execution.dump()


def step_status(of: StepSources) -> Status:
    return of.step.status or of.ending or Status.RUNNING


def step_is_provisional(of: StepSources) -> bool:
    return of.ending is not None


def step_first_event_at(of: StepSources) -> datetime:
    assert of.step.first_at is not None  # noqa: S101  # every step has an event
    return _moment(of.step.first_at)


def step_ended_at(of: StepSources) -> datetime | None:
    return None if of.step.ended_at is None else _moment(of.step.ended_at)


def step_duration_ms(of: StepSources) -> int | None:
    return _duration(of.step.duration_ms, of.started, of.step.ended_at)


def step_metadata(of: StepSources) -> str | None:
    return _json(of.step.metadata)


def step_fold(of: StepSources) -> str:
    return of.step.dump()


def _created(execution: ExecutionFold) -> int:
    """The earliest `created`, else the earliest event of the table, else the earliest event."""
    if execution.first_created_at is not None:
        return execution.first_created_at
    earliest = execution.first_table_at
    for attempt in execution.attempts.values():
        # A provisional ending is an event of the table while it stands.
        if attempt.provisional and attempt.ended_at is not None and (earliest is None or attempt.ended_at < earliest):
            earliest = attempt.ended_at
    created = execution.first_other_at if earliest is None else earliest
    assert created is not None  # noqa: S101  # every fold has an event, and every event a time
    return created


def _ending(execution: ExecutionFold, step: StepFold) -> Status | None:
    ended = execution.attempts[step.attempt].status
    return ended or (Status.CANCELLED if step.is_superseded or step.attempt < execution.attempt else None)


def _sums(execution: ExecutionFold) -> Sums:
    """Over the attempts, so that they never fall; each attempt's as reported, else from its facts."""
    prompt = completion = total = cost = tools = hits = 0
    weakest: CostSource | None = None
    for attempt in execution.attempts.values():
        own_prompt = attempt.fact_prompt_tokens if attempt.prompt_tokens is None else attempt.prompt_tokens
        own_completion = (
            attempt.fact_completion_tokens if attempt.completion_tokens is None else attempt.completion_tokens
        )
        prompt += own_prompt
        completion += own_completion
        total += own_prompt + own_completion if attempt.total_tokens is None else attempt.total_tokens
        cost += (attempt.fact_cost_nanos or 0) if attempt.cost_nanos is None else attempt.cost_nanos
        tools += attempt.fact_tools if attempt.tools_invoked is None else attempt.tools_invoked
        hits += attempt.fact_hits if attempt.cache_hits is None else attempt.cache_hits
        source = _cost_source(attempt)
        if source is not None and (weakest is None or _STRENGTH[source] < _STRENGTH[weakest]):
            weakest = source
    return Sums(
        min(prompt, _LARGEST),
        min(completion, _LARGEST),
        min(total, _LARGEST),
        cost,
        weakest,
        min(tools, _LARGEST),
        min(hits, _LARGEST),
    )


def _cost_source(attempt: AttemptFold) -> CostSource | None:
    if attempt.cost_nanos is not None:
        return "reported"
    if attempt.fact_cost_nanos is None:
        return None
    return "computed" if attempt.fact_cost_computed else "facts"


def _duration(reported: int | None, started_at: int | None, ended_at: int | None) -> int | None:
    if reported is not None or started_at is None or ended_at is None:
        return reported
    return max(0, (ended_at - started_at) // 1000)


def _before(ended_at: int | None, duration_ms: int | None) -> int | None:
    if ended_at is None or duration_ms is None:
        return None
    started_at = ended_at - duration_ms * 1000
    return started_at if started_at >= _YEAR_ONE else None


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


@lru_cache(maxsize=4096)  # what began and was created then is shown twice, and again with each batch
def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _json(value: Any) -> str | None:
    return None if value is None else to_json(value).decode()
