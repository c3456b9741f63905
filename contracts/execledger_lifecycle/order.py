"""The one order of an execution's events: attempt, time, sequence, rank, event id."""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from execledger_contracts.events import WATCHDOG_SOURCE, Event, ExecutionTimedOut

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

OrderKey = tuple[int, int, int, int, str]
"""Attempt, microseconds since 1970, sequence (-1: none), rank, event id: tuples compare as events are ordered."""
EVENT_ORDER: Final = ("attempt", "occurred_at", "coalesce(sequence, -1)", "rank", "event_id")
"""The same of rows of the log, in SQL."""


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
    key = (event.attempt, microseconds, sequence, event.traits.rank, event_id)
    return Entry(key, event_id, event, computed_nanos)


def is_watchdogs(event: Event) -> bool:
    """Whether this is the watchdog's provisional ending; the marker counts from nobody else."""
    return isinstance(event, ExecutionTimedOut) and event.source == WATCHDOG_SOURCE and event.data.provisional is True


def is_sign_of_life(event: Event) -> bool:
    """Whether it makes void the watchdog's endings that are ordered before it."""
    return event.traits.is_sign_of_life and not is_watchdogs(event)
