"""The fold: an execution's record is a function of the set of its events, taken in their one order."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, assert_never

from execledger_contracts.events import (
    Beginning,
    CancelledData,
    ExecutionCancelled,
    ExecutionCancelRequested,
    ExecutionCompleted,
    ExecutionCreated,
    ExecutionEnd,
    ExecutionEvent,
    ExecutionFailed,
    ExecutionPaused,
    ExecutionProgressed,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionTimedOut,
    Fact,
    FailedData,
    LlmCalled,
    ProgressData,
    StartData,
    ToolCalled,
    Traits,
)
from execledger_contracts.status import Status
from execledger_lifecycle.caps import first_bytes, first_members, first_tags, size_of
from execledger_lifecycle.order import Entry, is_watchdogs
from execledger_lifecycle.state import AttemptFold, ExecutionFold, StepFolds, error_said, least
from execledger_lifecycle.steps import take_step_event

_NANOS: Final = 10**9


def fold(execution: ExecutionFold, steps: StepFolds, entries: Sequence[Entry]) -> None:
    """Take events into the fold of their execution and of its steps, both changed in place.

    The events are distinct, placed, in order, and ordered after `execution.head`. `steps` holds, of each step that they
    touch and that an earlier event has made, the greatest try and the one that they name.
    """
    attempts = execution.attempts
    for entry in entries:
        event = entry.event
        execution.version += 1
        execution.head = entry.key
        if event.kind == "other":
            execution.first_other_at = least(execution.first_other_at, entry.at)
            _hear(execution)
            continue
        number = entry.key[0]
        attempt = attempts.get(number)
        if attempt is None:
            attempt = attempts[number] = AttemptFold()
        if event.kind == "execution" and is_watchdogs(event):
            _end_provisionally(attempt, entry)
            continue
        _take_traits(execution, attempt, entry, event.traits)
        match event.kind:
            case "execution":
                _take_execution_event(execution, attempt, entry, event)
            case "step":
                take_step_event(execution, attempt, steps, entry, event)
            case "fact":
                _take_fact(execution, attempt, entry, event)
            case _:
                assert_never(event.kind)


def _take_traits(execution: ExecutionFold, attempt: AttemptFold, entry: Entry, traits: Traits) -> None:
    """What an event of the table does by what its class says of itself."""
    number, at = entry.key[:2]
    if traits.is_sign_of_life:
        for each in execution.attempts.values():
            if each.provisional:
                _hear(execution)
    if execution.first_table_at is None or at < execution.first_table_at:
        execution.first_table_at = at
    if traits.raises_attempt and not attempt.is_raised:
        attempt.is_raised = True
        execution.attempt = max(execution.attempt, number)
    if traits.shows_running:
        attempt.began = True
        if attempt.status is None and (attempt.first_at is None or at < attempt.first_at):
            attempt.first_at = at
    if entry.event.attempt != number:
        execution.unraised[entry.event.attempt] = entry.key[1:]


def _hear(execution: ExecutionFold) -> None:
    """A sign of life makes void what the watchdog ended."""
    for attempt in execution.attempts.values():
        if attempt.provisional:
            attempt.status, attempt.provisional, attempt.decided, attempt.ended_at = None, False, None, None


def _end_provisionally(attempt: AttemptFold, entry: Entry) -> None:
    """The watchdog's ending stands until a sign of life is ordered after it."""
    if attempt.status is None:
        attempt.status, attempt.provisional = Status.TIMED_OUT, True
        attempt.decided, attempt.ended_at = entry.key, entry.at


def _take_execution_event(execution: ExecutionFold, attempt: AttemptFold, entry: Entry, event: ExecutionEvent) -> None:
    match event:
        case ExecutionProgressed():
            _take_progress(attempt, event.data)
            _describe_any(execution, event.traceparent, None)
        case ExecutionStarted():
            attempt.started_at = least(attempt.started_at, entry.at)
            _describe(execution, attempt, entry, event)
        case ExecutionCompleted() | ExecutionFailed() | ExecutionTimedOut() | ExecutionCancelled():
            _take_end(execution, attempt, entry, event)
        case ExecutionCreated():
            execution.first_created_at = least(execution.first_created_at, entry.at)
            _describe(execution, attempt, entry, event)
        case ExecutionCancelRequested():
            attempt.cancel_requested_at = least(attempt.cancel_requested_at, entry.at)
        case ExecutionPaused():
            attempt.paused_at, attempt.waiting_for = entry.at, event.data.waiting_for
            _describe_any(execution, event.traceparent, None)
        case ExecutionResumed():
            attempt.paused_at, attempt.waiting_for = None, None
            _describe_any(execution, event.traceparent, None)
        case _:
            assert_never(event)


def _describe(execution: ExecutionFold, attempt: AttemptFold, entry: Entry, event: Beginning) -> None:
    """The last value in order that is not null counts; owner, workflow, trigger and budget are taken whole."""
    data = event.data
    if (workflow := data.workflow) is not None:
        execution.workflow = (workflow.id, workflow.name, workflow.version)
    if (owner := data.owner) is not None and execution.owner_source in (None, event.source):
        execution.owner, execution.owner_source = (owner.id, owner.email, owner.name), event.source
    if (trigger := data.trigger) is not None:
        execution.trigger = (trigger.mode, trigger.event_id, trigger.event_name)
    if (budget := data.budget) is not None:
        execution.budget = (budget.token_limit, _nanos(budget.cost_limit_usd), budget.scope or "tree")
    if data.input is not None:
        execution.input_event = entry.event_id
    if data.labels is not None:
        _label(execution, data.labels)
    if data.total_steps is not None:
        attempt.total_steps = data.total_steps
    _describe_plainly(execution, data)
    _describe_any(execution, event.traceparent, data.metadata)


def _describe_plainly(execution: ExecutionFold, data: StartData) -> None:
    if data.session_id is not None:
        execution.session_id = data.session_id
    if data.mode is not None:
        execution.mode = data.mode
    if data.query is not None:
        execution.query = data.query
    if data.tags is not None:
        _tag(execution, data.tags)
    if data.parent_execution_id is not None:
        execution.parent_execution_id = data.parent_execution_id
    if data.root_execution_id is not None:
        execution.root_execution_id = data.root_execution_id
    if data.complexity_score is not None:
        execution.complexity_score = data.complexity_score
    if data.timeout_seconds is not None:
        execution.timeout_seconds = data.timeout_seconds


def _describe_any(execution: ExecutionFold, traceparent: str | None, metadata: dict[str, Any] | None) -> None:
    if metadata is not None:
        _annotate(execution, metadata)
    if traceparent is not None:
        execution.traceparent = traceparent


def _label(execution: ExecutionFold, labels: dict[str, str]) -> None:
    merged, caps = {**(execution.labels or {}), **labels}, execution.caps
    if caps is not None and len(merged) > caps.labels:
        merged = first_members(merged, caps.labels)
        execution.note_capped("labels")
    execution.labels = merged


def _tag(execution: ExecutionFold, tags: list[str]) -> None:
    caps = execution.caps
    if caps is not None and (len(tags) > caps.tags or execution.capped):
        distinct = first_tags(tags, len(tags))
        execution.note_capped("tags", is_capped=len(distinct) > caps.tags)
        tags = first_tags(tags, caps.tags) if len(tags) > caps.tags else tags
    execution.tags = tags


def _annotate(execution: ExecutionFold, metadata: dict[str, Any]) -> None:
    """Measured anew only when so much was said since that it may be too much."""
    merged, caps = {**(execution.metadata or {}), **metadata}, execution.caps
    if caps is not None:
        execution.metadata_said += size_of(metadata)
        if execution.metadata_said > caps.metadata_bytes:
            execution.metadata_said = size_of(merged)
            if execution.metadata_said > caps.metadata_bytes:
                merged = first_bytes(merged, caps.metadata_bytes)
                execution.metadata_said = size_of(merged)
                execution.note_capped("metadata")
    execution.metadata = merged


def _take_progress(attempt: AttemptFold, data: ProgressData) -> None:
    if data.progress_percent is not None:
        attempt.progress_percent = data.progress_percent
    if data.completed_steps is not None:
        attempt.completed_steps = data.completed_steps
    if data.total_steps is not None:
        attempt.total_steps = data.total_steps


def _take_end(execution: ExecutionFold, attempt: AttemptFold, entry: Entry, event: ExecutionEnd) -> None:
    """The first in order decides; later ones of its status fill what it left null, others contribute nothing."""
    status = event.traits.ends
    if attempt.status is None:
        attempt.status, attempt.decided, attempt.ended_at = status, entry.key, entry.at
        attempt.spent_tokens, attempt.spent_nanos = _spent(execution)
    elif attempt.status is not status:
        return
    attempt.began = True
    _describe_any(execution, event.traceparent, event.data.metadata)
    _fill_end(attempt, entry, event)


def _spent(execution: ExecutionFold) -> tuple[int, int]:
    attempts = execution.attempts.values()
    tokens = sum(attempt.fact_prompt_tokens + attempt.fact_completion_tokens for attempt in attempts)
    return tokens, sum(attempt.fact_cost_nanos or 0 for attempt in attempts)


def _fill_end(attempt: AttemptFold, entry: Entry, event: ExecutionEnd) -> None:
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
    if isinstance(data, FailedData) and data.error is not None and attempt.error is None:
        attempt.error = error_said(entry.event_id, data.error)
        attempt.has_stack = data.error.stack is not None
    if isinstance(data, CancelledData):
        _fill(attempt, "cancel_reason", data.reason)
        _fill(attempt, "cancelled_by", data.cancelled_by)
        _fill(attempt, "killed_by_budget", data.killed_by_budget)


def _take_fact(execution: ExecutionFold, attempt: AttemptFold, entry: Entry, event: Fact) -> None:
    match event:
        case LlmCalled():
            _take_llm_call(attempt, entry, event)
        case ToolCalled():
            attempt.fact_tools += 1
        case _:
            assert_never(event)
    data = event.data
    if data.cache_hit:
        attempt.fact_hits += 1
    if data.agent_id is not None:
        execution.see_agent(data.agent_id)


def _take_llm_call(attempt: AttemptFold, entry: Entry, event: LlmCalled) -> None:
    data = event.data
    attempt.fact_prompt_tokens += data.prompt_tokens or 0
    attempt.fact_completion_tokens += data.completion_tokens or 0
    cost = _nanos(data.cost_usd)
    if cost is None and entry.computed_nanos is not None:
        cost, attempt.fact_cost_computed = entry.computed_nanos, True
    if cost is not None:
        attempt.fact_cost_nanos = (attempt.fact_cost_nanos or 0) + cost


def _fill(state: AttemptFold, name: str, value: Any) -> None:
    if value is not None and getattr(state, name) is None:
        setattr(state, name, value)


def _nanos(money: Decimal | None) -> int | None:
    return None if money is None else int(money * _NANOS)
