"""The fold: an execution's record is a function of the set of its events, taken in their one order."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final, assert_never

from pydantic import BaseModel

from execledger_contracts.events import (
    Beginning,
    CancelledData,
    CloudEvent,
    Error,
    ExecutionCancelled,
    ExecutionCancelRequested,
    ExecutionCompleted,
    ExecutionCreated,
    ExecutionEnd,
    ExecutionEvent,
    ExecutionFailed,
    ExecutionProgressed,
    ExecutionStarted,
    ExecutionTimedOut,
    Fact,
    FailedData,
    LlmCalled,
    StepCancelled,
    StepCompleted,
    StepEnd,
    StepEvent,
    StepFailed,
    StepSkipped,
    StepStarted,
    StepTimedOut,
    ToolCalled,
)
from execledger_contracts.status import DONE, Status
from execledger_lifecycle.order import Entry, is_sign_of_life, is_watchdogs
from execledger_lifecycle.state import Attempt, ErrorSaid, Execution, Step, StepKey


def fold(execution: Execution, steps: dict[StepKey, Step], entries: Iterable[Entry]) -> None:
    """Take events into the fold of their execution and of its steps, both changed in place.

    The events are distinct, in order, and ordered after `execution.head`; `steps` holds each step that they touch and
    that an earlier event has made.
    """
    for entry in entries:
        event = entry.event
        execution.version += 1
        execution.head = entry.key
        execution.first_at = _least(execution.first_at, entry.at)
        if event.kind == "other":
            continue
        attempt = execution.attempts.get(event.attempt)
        if attempt is None:
            attempt = execution.attempts[event.attempt] = Attempt()
        if is_watchdogs(event):
            _end_provisionally(attempt, entry)
            continue
        _take_traits(execution, attempt, entry)
        match event.kind:
            case "execution":
                _take_execution_event(execution, attempt, entry, event)
            case "step":
                _take_step_event(execution, attempt, steps, entry, event)
            case "fact":
                _take_fact(execution, attempt, entry, event)
            case _:
                assert_never(event.kind)


def _take_traits(execution: Execution, attempt: Attempt, entry: Entry) -> None:
    """What events of the table do by what their classes say of themselves."""
    event = entry.event
    if is_sign_of_life(event):
        _void_provisional(execution)
    execution.first_table_at = _least(execution.first_table_at, entry.at)
    if event.traits.raises_attempt:
        execution.attempt = max(execution.attempt, event.attempt)
    if event.traits.shows_running:
        attempt.began = True
        if attempt.status is None:
            attempt.first_at = _least(attempt.first_at, entry.at)


def _end_provisionally(attempt: Attempt, entry: Entry) -> None:
    """The watchdog's ending stands until an event of the table comes after it."""
    if attempt.status is None:
        attempt.status, attempt.provisional = Status.TIMED_OUT, True
        attempt.decided, attempt.ended_at = entry.key, entry.at


def _void_provisional(execution: Execution) -> None:
    for attempt in execution.attempts.values():
        if attempt.provisional:
            attempt.status, attempt.provisional, attempt.decided, attempt.ended_at = None, False, None, None


def _take_execution_event(execution: Execution, attempt: Attempt, entry: Entry, event: ExecutionEvent) -> None:
    match event:
        case ExecutionProgressed():
            _describe_any(execution, event)
            _set_said(attempt, event.data, ("progress_percent", "completed_steps", "total_steps"))
        case ExecutionCreated():
            execution.first_created_at = _least(execution.first_created_at, entry.at)
            _describe(execution, attempt, entry, event)
        case ExecutionStarted():
            attempt.started_at = _least(attempt.started_at, entry.at)
            _describe(execution, attempt, entry, event)
        case ExecutionCompleted() | ExecutionFailed() | ExecutionTimedOut() | ExecutionCancelled():
            _take_end(execution, attempt, entry, event)
        case ExecutionCancelRequested():
            attempt.cancel_requested_at = _least(attempt.cancel_requested_at, entry.at)
        case _:
            assert_never(event)


def _describe(execution: Execution, attempt: Attempt, entry: Entry, event: Beginning) -> None:
    """The last non-null value in order wins; owner, workflow, trigger and budget are taken whole."""
    data = event.data
    if (workflow := data.workflow) is not None:
        execution.workflow = (workflow.id, workflow.name, workflow.version)
    if (owner := data.owner) is not None:
        execution.owner = (owner.id, owner.email, owner.name)
    if (trigger := data.trigger) is not None:
        execution.trigger = (trigger.mode, trigger.event_id, trigger.event_name)
    if (budget := data.budget) is not None:
        execution.budget = (budget.token_limit, _nanos(budget.cost_limit_usd))
    _set_said(execution, data, _PLAIN_DESCRIPTIVE)
    if data.input is not None:
        execution.input_event = entry.event_id
    if data.labels is not None:
        execution.labels = {**(execution.labels or {}), **data.labels}
    _set_said(attempt, data, ("total_steps",))
    _describe_any(execution, event, data.metadata)


def _describe_any(execution: Execution, event: CloudEvent, metadata: dict[str, Any] | None = None) -> None:
    if metadata is not None:
        execution.metadata = {**(execution.metadata or {}), **metadata}
    if event.traceparent is not None:
        execution.traceparent = event.traceparent


def _take_end(execution: Execution, attempt: Attempt, entry: Entry, event: ExecutionEnd) -> None:
    """The first in order decides; later ones of its status fill what it left null, others contribute nothing."""
    status = event.traits.ends
    if attempt.status is None:
        attempt.status, attempt.decided, attempt.ended_at = status, entry.key, entry.at
        attempt.spent_tokens, attempt.spent_nanos = _spent(execution)
    elif attempt.status is not status:
        return
    attempt.began = True
    _describe_any(execution, event, event.data.metadata)
    _fill_end(attempt, entry, event)


def _spent(execution: Execution) -> tuple[int, int]:
    attempts = execution.attempts.values()
    tokens = sum(attempt.fact_prompt_tokens + attempt.fact_completion_tokens for attempt in attempts)
    return tokens, sum(attempt.fact_cost_nanos or 0 for attempt in attempts)


def _fill_end(attempt: Attempt, entry: Entry, event: ExecutionEnd) -> None:
    data = event.data
    for name in ("duration_ms", "agents_used", "tools_invoked", "cache_hits"):
        _fill(attempt, name, getattr(data, name))
    if (usage := data.usage) is not None:
        for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
            _fill(attempt, name, getattr(usage, name))
        _fill(attempt, "cost_nanos", _nanos(usage.cost_usd))
    if data.output is not None:
        _fill(attempt, "output_event", entry.event_id)
    if data.result is not None:
        _fill(attempt, "result_event", entry.event_id)
    if isinstance(data, FailedData):
        _fill(attempt, "error", _error_said(entry, data.error))
    if isinstance(data, CancelledData):
        _fill(attempt, "cancel_reason", data.reason)
        _fill(attempt, "cancelled_by", data.cancelled_by)
        _fill(attempt, "killed_by_budget", data.killed_by_budget)


def _take_step_event(
    execution: Execution, attempt: Attempt, steps: dict[StepKey, Step], entry: Entry, event: StepEvent
) -> None:
    key = step_key(event)
    step = steps.get(key)
    if step is None:
        step = steps[key] = Step(*key)
        attempt.steps_seen += 1
    step.head = entry.key
    step.first_at = _least(step.first_at, entry.at)
    match event:
        case StepStarted():
            step.started_at = _least(step.started_at, entry.at)
        case StepCompleted() | StepFailed() | StepTimedOut() | StepCancelled() | StepSkipped():
            if not _end_step(step, attempt, entry, event):
                return
        case _:
            assert_never(event)
    _describe_step(step, entry, event)
    _add_agent(execution, event.data.step.agent_id)


def _end_step(step: Step, attempt: Attempt, entry: Entry, event: StepEnd) -> bool:
    """As an execution ends; False: it has ended with another status, and this contributes nothing."""
    status, data = event.traits.ends, event.data
    if step.status is None:
        step.status, step.decided = status, entry.key
        step.unexpected = data.unexpected is True
        step.ended_at = None if step.unexpected else entry.at
        attempt.steps_done += status in DONE
    elif step.status is not status:
        return False
    _fill(step, "duration_ms", data.duration_ms)
    _fill(step, "error", _error_said(entry, data.error))
    if data.output is not None:
        _fill(step, "output_event", entry.event_id)
    return True


def step_key(event: StepEvent) -> StepKey:
    """Which step an event is about."""
    step = event.data.step
    step_id = step.name if step.id is None else step.id
    assert step_id is not None  # noqa: S101  # the contract lets no step pass without either
    return (step_id, step.iteration or 0, event.attempt)


def _describe_step(step: Step, entry: Entry, event: StepEvent) -> None:
    _set_said(step, event.data.step, ("name", "operation", "total_items", "agent_id", "parent_id"))
    if event.data.input is not None:
        step.input_event = entry.event_id
    if event.data.metadata is not None:
        step.metadata = {**(step.metadata or {}), **event.data.metadata}


def _take_fact(execution: Execution, attempt: Attempt, entry: Entry, event: Fact) -> None:
    match event:
        case LlmCalled():
            _take_llm_call(attempt, entry, event)
        case ToolCalled():
            attempt.fact_tools += 1
        case _:
            assert_never(event)
    attempt.fact_hits += event.data.cache_hit is True
    _add_agent(execution, event.data.agent_id)


def _take_llm_call(attempt: Attempt, entry: Entry, event: LlmCalled) -> None:
    data = event.data
    attempt.fact_prompt_tokens += data.prompt_tokens or 0
    attempt.fact_completion_tokens += data.completion_tokens or 0
    cost = _nanos(data.cost_usd)
    if cost is None and entry.computed_nanos is not None:
        cost, attempt.fact_cost_computed = entry.computed_nanos, True
    if cost is not None:
        attempt.fact_cost_nanos = (attempt.fact_cost_nanos or 0) + cost


def _add_agent(execution: Execution, agent_id: str | None) -> None:
    if agent_id is not None and agent_id not in execution.agents:
        execution.agents.append(agent_id)


def _error_said(entry: Entry, error: Error | None) -> ErrorSaid | None:
    return None if error is None else (entry.event_id, error.message, error.type)


def _set_said(state: Execution | Attempt | Step, data: BaseModel, names: tuple[str, ...]) -> None:
    """The last non-null value in order wins."""
    for name in names:
        if (value := getattr(data, name)) is not None:
            setattr(state, name, value)


def _fill(state: Attempt | Step, name: str, value: Any) -> None:
    if value is not None and getattr(state, name) is None:
        setattr(state, name, value)


def _least(known: int | None, new: int) -> int:
    return new if known is None or new < known else known


def _nanos(money: Decimal | None) -> int | None:
    return None if money is None else int(money.scaleb(9))


_PLAIN_DESCRIPTIVE: Final = (
    "session_id",
    "parent_execution_id",
    "root_execution_id",
    "mode",
    "query",
    "tags",
    "complexity_score",
    "timeout_seconds",
)
