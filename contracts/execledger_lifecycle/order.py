"""The one order of an execution's events: attempt, time, sequence, rank, event id."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple, assert_never

from execledger_contracts.events import EVENTS, WATCHDOG_SOURCE, Event, ExecutionTimedOut, StepEvent
from execledger_contracts.status import Status

_DAY_OF_1970: Final = date(1970, 1, 1).toordinal()
_MICROSECOND: Final = timedelta(microseconds=1)

OrderKey = tuple[int, int, int, int, str]
"""Attempt, microseconds since 1970, sequence (-1: none), rank, event id: tuples compare as events are ordered."""
RAISING_RANKS: Final = tuple(event.traits.rank for event in EVENTS if event.traits.raises_attempt)
"""Of the events that begin an attempt; but the watchdog's."""
BELONGING_RANKS: Final = tuple(event.traits.rank for event in EVENTS if event.kind in ("step", "fact"))
"""Of those that belong to the highest attempt that began and is not above the one that they were sent with."""
LIST_ORDER: Final = ("occurred_at", "coalesce(sequence, -1)", "rank", "event_id")
"""The order of rows of the log in SQL, within an attempt: which one an event belongs to the others decide."""


StepKey = tuple[str, int | None, int]
"""Step id, iteration, attempt."""
TryKey = tuple[str, int | None, int, int]
"""The same and the number of the try."""
Raised = Sequence[int]
"""The attempts that began, in order; the first is always there."""
FIRST_ONLY: Final[Raised] = (1,)


class Entry(NamedTuple):
    """An event with its identity within the execution and its place in the order.

    The attempt in `key` and `step` is the one that it belongs to, once it is placed; `event` has it as sent.
    """

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
    """An event as of the attempt that it was sent with. `at`: its time in microseconds, if known."""
    if at is None:
        at = microseconds(event.time)
    sequence = -1 if event.sequence is None else event.sequence
    key = (event.attempt, at, sequence, event.traits.rank, event_id)
    return Entry(key, event_id, event, computed_nanos, step_key(event) if event.kind == "step" else None)


def raised_by(entries: Iterable[Entry], before: Raised = FIRST_ONLY) -> Raised:
    """The attempts that began once these have come."""
    sent = {entry.event.attempt for entry in entries if entry.event.attempt > 1 and raises_attempt(entry.event)}
    return sorted({*before, *sent}) if sent.difference(before) else before


def place(entries: Iterable[Entry], raised: Raised) -> list[Entry]:
    """Entries where they stand among others, in no order.

    What a step or a fact says of an attempt that did not begin is of the highest below it that did.
    """
    return [entry if entry.event.attempt == entry.key[0] == 1 else _placed(entry, raised) for entry in entries]


def attempt_of(event: Event, raised: Raised) -> int:
    """The attempt that it belongs to."""
    match event.kind:
        case "execution" | "other":
            return event.attempt
        case "step" | "fact":
            return highest(raised, event.attempt)
        case _:
            assert_never(event.kind)


def highest(raised: Raised, upto: int) -> int:
    """The highest attempt that began and is not above that one."""
    return raised[bisect_right(raised, upto) - 1]


def are_moved(unraised: Iterable[int], before: Raised, after: Raised) -> bool:
    """Whether events that were sent with these attempts belong to another one when more have begun."""
    return len(after) > len(before) and any(highest(before, sent) != highest(after, sent) for sent in unraised)


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
    return (step_id, step.iteration, event.attempt)


def iteration_key(iteration: int | None) -> int:
    """An iteration as part of a key, which holds no null: none comes first."""
    return -1 if iteration is None else iteration


def is_watchdogs(event: Event) -> bool:
    """Whether this is the watchdog's provisional ending; from any other source the marker does not count."""
    return isinstance(event, ExecutionTimedOut) and event.source == WATCHDOG_SOURCE and event.data.provisional is True


def raises_attempt(event: Event) -> bool:
    """Whether a later attempt begins with it."""
    return event.traits.raises_attempt and not is_watchdogs(event)


def ends_execution(event: Event) -> Status | None:
    """The status that it gives its execution, when it ends one."""
    return event.traits.ends if event.kind == "execution" else None


def is_sign_of_life(event: Event) -> bool:
    """Whether it makes void the watchdog's endings that are ordered before it."""
    return event.traits.is_sign_of_life and not is_watchdogs(event)


def _placed(entry: Entry, raised: Raised) -> Entry:
    attempt = attempt_of(entry.event, raised)
    if attempt == entry.key[0]:
        return entry
    step = entry.step and (entry.step[0], entry.step[1], attempt)
    return entry._replace(key=(attempt, *entry.key[1:]), step=step)
