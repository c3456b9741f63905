"""The one order of an execution's events: attempt, time, sequence, rank, event id."""

from dataclasses import dataclass
from typing import Final

from execledger_contracts.events import (
    WATCHDOG_SOURCE,
    CloudEvent,
    Event,
    ExecutionCancelled,
    ExecutionCancelRequested,
    ExecutionCompleted,
    ExecutionCreated,
    ExecutionFailed,
    ExecutionProgressed,
    ExecutionStarted,
    ExecutionTimedOut,
    LlmCalled,
    OtherEvent,
    StepCancelled,
    StepCompleted,
    StepFailed,
    StepSkipped,
    StepStarted,
    StepTimedOut,
    ToolCalled,
)
from execledger_contracts.status import Status

OrderKey = tuple[int, int, int, int, str]
"""Attempt, microseconds since 1970, sequence (-1: none), rank, event id: tuples compare as events are ordered."""

_RANKED: Final[tuple[type[CloudEvent], ...]] = (
    ExecutionCreated,
    ExecutionStarted,
    ExecutionProgressed,
    ExecutionCancelRequested,
    StepStarted,
    StepCompleted,
    StepFailed,
    StepTimedOut,
    StepCancelled,
    StepSkipped,
    LlmCalled,
    ToolCalled,
    OtherEvent,
    ExecutionCompleted,
    ExecutionFailed,
    ExecutionTimedOut,
    ExecutionCancelled,
)
# The two facts share a rank: nothing but their id orders them when all else is equal.
RANKS: Final = {event: rank - (event is ToolCalled) for rank, event in enumerate(_RANKED)}

EXECUTION_ENDS: Final[dict[type[CloudEvent], Status]] = {
    ExecutionCompleted: Status.COMPLETED,
    ExecutionFailed: Status.FAILED,
    ExecutionTimedOut: Status.TIMED_OUT,
    ExecutionCancelled: Status.CANCELLED,
}
STEP_ENDS: Final[dict[type[CloudEvent], Status]] = {
    StepCompleted: Status.COMPLETED,
    StepFailed: Status.FAILED,
    StepTimedOut: Status.TIMED_OUT,
    StepCancelled: Status.CANCELLED,
    StepSkipped: Status.SKIPPED,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its identity within the execution and its place in the order."""

    key: OrderKey
    event_id: str
    event: Event

    @property
    def at(self) -> int:
        """When it happened, in microseconds since 1970."""
        return self.key[1]


def enter(event: Event, event_id: str) -> Entry:
    """Place an event in the order."""
    microseconds = round(event.time.timestamp() * 1_000_000)  # exact: a float64 holds them up to the year 2255
    sequence = -1 if event.sequence is None else event.sequence
    return Entry((event.attempt, microseconds, sequence, RANKS[type(event)], event_id), event_id, event)


def is_watchdogs(event: Event) -> bool:
    """Whether this is the watchdog's provisional ending; the marker counts from nobody else."""
    return isinstance(event, ExecutionTimedOut) and event.source == WATCHDOG_SOURCE and event.data.provisional is True
