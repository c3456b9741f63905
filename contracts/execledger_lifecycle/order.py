"""The one order of an execution's events: attempt, time, sequence, rank, event id."""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

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

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

OrderKey = tuple[int, int, int, int, str]
"""Attempt, microseconds since 1970, sequence (-1: none), rank, event id: tuples compare as events are ordered."""

_RANKED: Final[tuple[tuple[type[CloudEvent], ...], ...]] = (
    (ExecutionCreated,),
    (ExecutionStarted,),
    (ExecutionProgressed,),
    (ExecutionCancelRequested,),
    (StepStarted,),
    (StepCompleted,),
    (StepFailed,),
    (StepTimedOut,),
    (StepCancelled,),
    (StepSkipped,),
    (LlmCalled, ToolCalled),  # nothing but their id orders facts when all else is equal
    (OtherEvent,),
    (ExecutionCompleted,),
    (ExecutionFailed,),
    (ExecutionTimedOut,),
    (ExecutionCancelled,),
)
RANKS: Final = {event: rank for rank, events in enumerate(_RANKED) for event in events}

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


class Entry(NamedTuple):
    """An event with its identity within the execution and its place in the order."""

    key: OrderKey
    event_id: str
    event: Event
    computed_nanos: int | None = None  # what the log keeps beside a call whose cost nobody reported

    @property
    def at(self) -> int:
        """When it happened, in microseconds since 1970."""
        return self.key[1]


def enter(event: Event, event_id: str, computed_nanos: int | None = None) -> Entry:
    """Place an event in the order, with the price that is stored for it."""
    microseconds = (event.time - _EPOCH) // _MICROSECOND  # timestamp() is a float64, which rounds them from 2242 on
    sequence = -1 if event.sequence is None else event.sequence
    key = (event.attempt, microseconds, sequence, RANKS[type(event)], event_id)
    return Entry(key, event_id, event, computed_nanos)


def is_watchdogs(event: Event) -> bool:
    """Whether this is the watchdog's provisional ending; the marker counts from nobody else."""
    return isinstance(event, ExecutionTimedOut) and event.source == WATCHDOG_SOURCE and event.data.provisional is True
