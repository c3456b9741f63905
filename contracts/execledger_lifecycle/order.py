"""The one order of an execution's events: attempt, time, sequence, rank, event id."""

from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from execledger_contracts.events import WATCHDOG_SOURCE, Event, ExecutionTimedOut, StepEvent
from execledger_contracts.status import Status

_DAY_OF_1970: Final = date(1970, 1, 1).toordinal()
_MICROSECOND: Final = timedelta(microseconds=1)

OrderKey = tuple[int, int, int, int, str]
"""Attempt, microseconds since 1970, sequence (-1: none), rank, event id: tuples compare as events are ordered."""
EVENT_ORDER: Final = ("attempt", "occurred_at", "coalesce(sequence, -1)", "rank", "event_id")
"""The same of rows of the log, in SQL."""


StepKey = tuple[str, int, int]
"""Step id, iteration, attempt."""


class Entry(NamedTuple):
    """An event with its identity within the execution and its place in the order."""

    key: OrderKey
    event_id: str
    event: Event
    computed_nanos: int | None = None  # what the log keeps beside a call whose cost nobody reported
    step: StepKey | None = None  # which step the event is about

    @property
    def at(self) -> int:
        """When it happened, in microseconds since 1970."""
        return self.key[1]


def enter(event: Event, event_id: str, computed_nanos: int | None = None, at: int | None = None) -> Entry:
    """Place an event in the order, with the price that is stored for it. `at`: its time in microseconds, if known."""
    if at is None:
        at = microseconds(event.time)
    sequence = -1 if event.sequence is None else event.sequence
    key = (event.attempt, at, sequence, event.traits.rank, event_id)
    return Entry(key, event_id, event, computed_nanos, step_key(event) if event.kind == "step" else None)


def microseconds(time: datetime) -> int:
    """Since 1970, exactly: timestamp() is a float64, which rounds them from 2242 on."""
    minutes = ((time.toordinal() - _DAY_OF_1970) * 24 + time.hour) * 60 + time.minute
    here = (minutes * 60 + time.second) * 1_000_000 + time.microsecond
    offset = time.utcoffset()
    return here - offset // _MICROSECOND if offset else here


def step_key(event: StepEvent) -> StepKey:
    """Which step an event is about."""
    step = event.data.step
    step_id = step.name if step.id is None else step.id
    assert step_id is not None  # noqa: S101  # the contract lets no step pass without either
    return (step_id, step.iteration or 0, event.attempt)


def is_watchdogs(event: Event) -> bool:
    """Whether this is the watchdog's provisional ending; from any other source the marker does not count."""
    return isinstance(event, ExecutionTimedOut) and event.source == WATCHDOG_SOURCE and event.data.provisional is True


def ends_execution(event: Event) -> Status | None:
    """The status that it gives its execution, when it ends one."""
    return event.traits.ends if event.kind == "execution" else None


def is_sign_of_life(event: Event) -> bool:
    """Whether it makes void the watchdog's endings that are ordered before it."""
    return event.traits.is_sign_of_life and not is_watchdogs(event)
