"""The fold of steps, each by its own events, facts apart."""

from typing import Any, assert_never

from execledger_contracts.events import (
    Step,
    StepCancelled,
    StepCompleted,
    StepEnd,
    StepEvent,
    StepFailed,
    StepSkipped,
    StepStarted,
    StepTimedOut,
)
from execledger_contracts.status import DONE
from execledger_lifecycle.caps import first_bytes, size_of
from execledger_lifecycle.order import Entry, step_key
from execledger_lifecycle.state import AttemptFold, ExecutionFold, StepFold, StepFolds, error_said, least
from execledger_lifecycle.tries import try_of


def take_step_event(
    execution: ExecutionFold, attempt: AttemptFold, steps: StepFolds, entry: Entry, event: StepEvent
) -> None:
    """Take an event into the fold of its try, and what that changes of its execution's."""
    at, data = entry.key[1], event.data
    step = _try_of(attempt, steps, entry, event)
    step.head = entry.key
    if step.first_at is None or at < step.first_at:
        step.first_at = at
    match event:
        case StepStarted():
            step.started_at = least(step.started_at, at)
        case StepCompleted() | StepFailed() | StepTimedOut() | StepCancelled() | StepSkipped():
            if not _end_step(step, attempt, entry, event):
                return
        case _:
            assert_never(event)
    _describe_step(step, data.step)
    if data.input is not None:
        step.input_event = entry.event_id
    if data.metadata is not None:
        _annotate(execution, step, data.metadata)
    if data.step.agent_id is not None:
        execution.see_agent(data.step.agent_id)


def _annotate(execution: ExecutionFold, step: StepFold, metadata: dict[str, Any]) -> None:
    merged, caps = {**(step.metadata or {}), **metadata}, execution.caps
    if caps is not None and size_of(merged) > caps.metadata_bytes:
        merged = first_bytes(merged, caps.metadata_bytes)
        execution.note_capped("steps.metadata")
    step.metadata = merged


def _try_of(attempt: AttemptFold, steps: StepFolds, entry: Entry, event: StepEvent) -> StepFold:
    """The try that the event is of, which may begin with it."""
    key = entry.step or step_key(event)
    greatest = steps.greatest.get(key)
    if greatest is not None and event.data.step.try_number is None and type(event) is not StepStarted:
        greatest.latest = None  # as most do
        return greatest
    number = try_of(event, greatest)
    if greatest is None:
        attempt.steps_seen += 1
        step = steps.greatest[key] = StepFold(*key, number)
        return step
    greatest.latest = None
    if number == greatest.try_number:
        return greatest
    if number > greatest.try_number:
        attempt.steps_done -= greatest.status in DONE
        greatest.is_superseded = True
        steps.add(step := StepFold(*key, number))
        return step
    greatest.latest = entry.key
    if (below := steps.below.get((*key, number))) is None:
        steps.add(below := StepFold(*key, number, is_superseded=True))
    return below


def _end_step(step: StepFold, attempt: AttemptFold, entry: Entry, event: StepEnd) -> bool:
    """As an execution ends; False: it has ended with another status, and this contributes nothing."""
    status, data = event.traits.ends, event.data
    if step.status is None:
        step.status, step.decided, step.decided_in = status, entry.key, event.attempt
        step.unexpected = data.unexpected is True
        step.ended_at = None if step.unexpected else entry.at
        attempt.steps_done += not step.is_superseded and status in DONE
    elif step.status is not status:
        return False
    if step.duration_ms is None:
        step.duration_ms = data.duration_ms
    if step.error is None:
        step.error = error_said(entry.event_id, data.error)
    if data.output is not None and step.output_event is None:
        step.output_event = entry.event_id
    return True


def _describe_step(step: StepFold, said: Step) -> None:
    if said.name is not None:
        step.name = said.name
    if said.operation is not None:
        step.operation = said.operation
    if said.total_items is not None:
        step.total_items = said.total_items
    if said.agent_id is not None:
        step.agent_id = said.agent_id
    if said.parent_id is not None:
        step.parent_id = said.parent_id
