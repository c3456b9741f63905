"""What the watchdog decides: which executions are past a limit, and the event that ends them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

from execledger_contracts.events import WATCHDOG_SOURCE
from execledger_recorder.rules.own_events import own_event, own_id

_TYPE: Final = "execution.timed_out"
_MICROSECOND: Final = timedelta(microseconds=1)
_LAST_BUT_ONE: Final = datetime.max.replace(tzinfo=UTC) - _MICROSECOND

Decision = Literal["timeout", "silence", "imported"]


class Overdue(NamedTuple):
    """An open execution that seems to be past a limit."""

    id: str
    tenant_id: str
    external_id: str
    root_execution_id: str
    attempt: int
    version: int
    timed_from: datetime  # what its timeout is counted from
    timeout_seconds: float | None
    heard_at: datetime  # newest Kafka timestamp of its events
    silence_seconds: float | None  # its workflow's limit
    clock: datetime  # the moment up to which all partitions are recorded
    newest_at: datetime  # time of its newest event
    newest_event_id: str
    topic: str  # of its first event among those that are read now
    is_imported: bool  # nothing was ever heard of it but from an import


class Verdict(NamedTuple):
    """What is decided of an execution that is past a limit; history that was imported is left alone, without event."""

    overdue: Overdue
    decision: Decision
    event: bytes | None


def decide(overdue: Overdue) -> Verdict | None:
    """By the limit that it passed first; None when it is within its limits."""
    passed = min(_passed(overdue), key=lambda each: each.deadline, default=None)
    if passed is None:
        return None
    if overdue.is_imported:
        return Verdict(overdue, "imported", None)
    return Verdict(overdue, passed.decision, _event(overdue, passed))


def event_id(overdue: Overdue) -> str:
    """The same for the same execution, attempt and newest event, whoever asks."""
    return own_id(_TYPE, overdue.tenant_id, overdue.external_id, str(overdue.attempt), overdue.newest_event_id)


class _Passed(NamedTuple):
    decision: Decision
    reason: str
    deadline: datetime


def _event(overdue: Overdue, passed: _Passed) -> bytes:
    """What ends it until it is heard again: a structured CloudEvent of now, ordered after its newest event."""
    at = max(overdue.clock, min(overdue.newest_at, _LAST_BUT_ONE) + _MICROSECOND)
    return own_event(
        WATCHDOG_SOURCE, _TYPE, event_id(overdue), overdue, at, {"provisional": True, "reason": passed.reason}
    )


def _passed(overdue: Overdue) -> Iterator[_Passed]:
    limits: tuple[tuple[Decision, str, datetime, float | None], ...] = (
        ("timeout", "past its timeout of {} s", overdue.timed_from, overdue.timeout_seconds),
        ("silence", "silent for longer than {} s", overdue.heard_at, overdue.silence_seconds),
    )
    for decision, reason, since, seconds in limits:
        if seconds is not None and (overdue.clock - since).total_seconds() > seconds:
            yield _Passed(decision, reason.format(_plain(seconds)), since + timedelta(seconds=seconds))


def _plain(seconds: float) -> str:
    return f"{seconds:.3f}".rstrip("0").rstrip(".")
