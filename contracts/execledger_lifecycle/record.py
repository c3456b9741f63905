"""The record that a fold gives: what the tables hold and people see."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from pydantic_core import to_json

from execledger_contracts.status import Status
from execledger_lifecycle.state import Attempt, Execution, Step

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_ONE: Final = -62_135_596_800_000_000  # in microseconds since 1970
_LARGEST: Final = 2**63 - 1  # what a bigint holds: a larger sum is shown as this

CostSource = Literal["reported", "facts", "computed"]


class ExecutionRecord(NamedTuple):
    """The columns of `executions` that the fold decides, by name."""

    version: int
    status: str
    provisional: bool
    attempt: int
    owner_id: str | None
    owner_email: str | None
    owner_name: str | None
    session_id: str | None
    workflow_id: str | None
    workflow_name: str | None
    workflow_version: str | None
    trigger_mode: str | None
    trigger_event_id: str | None
    trigger_event_name: str | None
    mode: str | None
    query: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None
    progress_percent: int | None
    completed_steps: int
    total_steps: int
    error_message: str | None
    error_type: str | None
    error_event_id: str | None
    input_event_id: str | None
    output_event_id: str | None
    result_event_id: str | None
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_usd: Decimal
    cost_nanos: int
    cost_source: CostSource | None
    agents_used: int
    tools_invoked: int
    cache_hits: int
    complexity_score: float | None
    timeout_seconds: float | None
    token_limit: int | None
    cost_limit_usd: Decimal | None
    cancelled_by: str | None
    cancel_reason: str | None
    cancel_requested_at: datetime | None
    killed_by_budget: bool
    tags: str | None
    labels: str | None
    metadata: str | None
    parent_execution_id: str | None
    root_execution_id: str
    traceparent: str | None
    usage_day: date
    fold: str


class StepRecord(NamedTuple):
    """The columns of `steps`, by name."""

    step_id: str
    iteration: int
    attempt: int
    name: str | None
    operation: str | None
    total_items: int | None
    agent_id: str | None
    parent_id: str | None
    status: str
    provisional: bool
    unexpected: bool
    first_event_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None
    error_message: str | None
    error_type: str | None
    error_event_id: str | None
    input_event_id: str | None
    output_event_id: str | None
    metadata: str | None
    fold: str


def execution_record(execution: Execution, external_id: str) -> ExecutionRecord:
    """The record of an execution: status, clocks and outcome from the highest attempt, figures from all of them."""
    number = execution.attempt or 1
    attempt = execution.attempts.get(number, _NO_ATTEMPT)
    status = _status(attempt)
    created_at = _created_at(execution)
    started_at = _first(attempt.started_at, attempt.first_at, _before(attempt.ended_at, attempt.duration_ms))
    steps = _step_figures(attempt, status)
    figures = _figures(execution)
    error = attempt.error or (None, None, None)
    budget = execution.budget or (None, None)
    created = _required(created_at)
    return ExecutionRecord(
        execution.version,
        status,
        attempt.provisional,
        number,
        *(execution.owner or _NOTHING),
        execution.session_id,
        *(execution.workflow or _NOTHING),
        *(execution.trigger or _NOTHING),
        execution.mode,
        execution.query,
        created,
        _moment(started_at),
        _moment(attempt.ended_at),
        _duration(attempt.duration_ms, started_at, attempt.ended_at),
        steps.progress_percent,
        steps.completed,
        steps.total,
        error[1],
        error[2],
        error[0],
        execution.input_event,
        attempt.output_event,
        attempt.result_event,
        _bigint(figures.prompt_tokens),
        _bigint(figures.completion_tokens),
        _bigint(figures.total_tokens),
        _dollars(figures.cost_nanos),
        _bigint(figures.cost_nanos),
        figures.cost_source,
        len(execution.agents) if attempt.agents_used is None else attempt.agents_used,
        _bigint(figures.tools_invoked),
        _bigint(figures.cache_hits),
        execution.complexity_score,
        execution.timeout_seconds,
        budget[0],
        None if budget[1] is None else _dollars(budget[1]),
        attempt.cancelled_by,
        attempt.cancel_reason,
        _moment(_cancel_requested_at(execution)),
        _killed_by_budget(execution, attempt),
        _json(execution.tags),
        _json(execution.labels),
        _json(execution.metadata),
        execution.parent_execution_id,
        external_id if execution.root_execution_id is None else execution.root_execution_id,
        execution.traceparent,
        (_moment(started_at) or created).date(),
        execution.dump(),
    )


def step_record(step: Step, execution: Execution) -> StepRecord:
    """The record of a step; one without an end of its own takes that of its attempt, once there is one."""
    ending = None if step.status else _ending(execution, step.attempt)
    started_at = _first(step.started_at, _before(step.ended_at, step.duration_ms))
    error = step.error or (None, None, None)
    return StepRecord(
        step.step_id,
        step.iteration,
        step.attempt,
        step.name,
        step.operation,
        step.total_items,
        step.agent_id,
        step.parent_id,
        step.status or ending or Status.RUNNING,
        ending is not None,
        step.unexpected,
        _required(step.first_at),
        _moment(started_at),
        _moment(step.ended_at),
        _duration(step.duration_ms, started_at, step.ended_at),
        error[1],
        error[2],
        error[0],
        step.input_event,
        step.output_event,
        _json(step.metadata),
        step.dump(),
    )


def endings(execution: Execution) -> tuple[int, dict[int, Status]]:
    """All that decides how open steps read: when it changes, each of them must be written anew."""
    ended = {number: attempt.status for number, attempt in execution.attempts.items() if attempt.status is not None}
    return execution.attempt, ended


class _StepFigures(NamedTuple):
    total: int
    completed: int
    progress_percent: int | None


class _Figures(NamedTuple):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_nanos: int
    cost_source: CostSource | None
    tools_invoked: int
    cache_hits: int


_NO_ATTEMPT: Final = Attempt()
_NOTHING: Final = (None, None, None)


def _status(attempt: Attempt) -> Status:
    return attempt.status or (Status.RUNNING if attempt.began else Status.PENDING)


def _created_at(execution: Execution) -> int | None:
    if execution.first_created_at is not None:
        return execution.first_created_at
    # A provisional ending is an event of the table while it stands.
    table = [execution.first_table_at, *(a.ended_at for a in execution.attempts.values() if a.provisional)]
    return min((at for at in table if at is not None), default=execution.first_at)


def _ending(execution: Execution, number: int) -> Status | None:
    ended = execution.attempts[number].status
    return ended or (Status.CANCELLED if number < execution.attempt else None)


def _step_figures(attempt: Attempt, status: Status) -> _StepFigures:
    total = attempt.steps_seen if attempt.total_steps is None else attempt.total_steps
    completed = attempt.steps_done if attempt.completed_steps is None else attempt.completed_steps
    return _StepFigures(total, completed, _progress(attempt, status, total, completed))


def _progress(attempt: Attempt, status: Status, total: int, completed: int) -> int | None:
    if status is Status.COMPLETED:
        return 100
    if attempt.progress_percent is not None:
        return attempt.progress_percent
    return min(100, completed * 100 // total) if total else None


def _figures(execution: Execution) -> _Figures:
    """Summed over the attempts, so that they never fall; each attempt's as reported, else from its facts."""
    prompt = completion = total = cost = tools = hits = 0
    sources: set[CostSource] = set()
    for attempt in execution.attempts.values():
        own_prompt = _else(attempt.prompt_tokens, attempt.fact_prompt_tokens)
        own_completion = _else(attempt.completion_tokens, attempt.fact_completion_tokens)
        prompt += own_prompt
        completion += own_completion
        total += _else(attempt.total_tokens, own_prompt + own_completion)
        cost += _else(attempt.cost_nanos, attempt.fact_cost_nanos or 0)
        tools += _else(attempt.tools_invoked, attempt.fact_tools)
        hits += _else(attempt.cache_hits, attempt.fact_hits)
        if (source := _cost_source(attempt)) is not None:
            sources.add(source)
    return _Figures(prompt, completion, total, cost, _weakest(sources), tools, hits)


def _cost_source(attempt: Attempt) -> CostSource | None:
    if attempt.cost_nanos is not None:
        return "reported"
    if attempt.fact_cost_nanos is None:
        return None
    return "computed" if attempt.fact_cost_computed else "facts"


def _weakest(sources: set[CostSource]) -> CostSource | None:
    order: tuple[CostSource, ...] = ("computed", "facts", "reported")
    return next((source for source in order if source in sources), None)


def _cancel_requested_at(execution: Execution) -> int | None:
    """The earliest of the record's attempt or a later one: a request does not raise the attempt itself."""
    asked = [
        attempt.cancel_requested_at
        for number, attempt in execution.attempts.items()
        if attempt.cancel_requested_at is not None and number >= execution.attempt
    ]
    return min(asked, default=None)


def _killed_by_budget(execution: Execution, attempt: Attempt) -> bool:
    if attempt.status is not Status.CANCELLED:
        return False
    tokens, nanos = execution.budget or (None, None)
    return (
        attempt.killed_by_budget is True
        or (tokens is not None and attempt.spent_tokens > tokens)
        or (nanos is not None and attempt.spent_nanos > nanos)
    )


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


def _else(reported: int | None, counted: int) -> int:
    return counted if reported is None else reported


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


def _required(microseconds: int | None) -> datetime:
    assert microseconds is not None  # noqa: S101  # every fold has an event, and every event a time
    return _EPOCH + timedelta(microseconds=microseconds)


def _bigint(number: int) -> int:
    return min(number, _LARGEST)


def _dollars(nanos: int) -> Decimal:
    return Decimal(nanos).scaleb(-9)


def _json(value: Any) -> str | None:
    return None if value is None else to_json(value).decode()
