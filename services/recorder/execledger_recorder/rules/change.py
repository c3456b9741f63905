"""What a batch does to an execution, decided from what is known of it and what arrived.

A decision is a generator. It asks for what it has to know (a `Need`, answered by what is sent in), says what became of
what arrived (`Judged`), and returns the `Change`. Its caller fetches and writes; the decision does neither.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

from execledger_contracts.control import Command
from execledger_lifecycle import (
    Entry,
    ExecutionFold,
    ExecutionRecord,
    Judge,
    StepFold,
    StepKey,
    StepRecord,
    endings,
    ends_execution,
    enter,
    execution_record,
    fold,
    step_record,
)
from execledger_lifecycle.state import is_of_another_format
from execledger_recorder.rules import pricing
from execledger_recorder.rules.arrivals import Arrived, sift
from execledger_recorder.rules.commands import commands
from execledger_recorder.rules.needs import PAUSE, Known, Log, Need, Pause, Steps
from execledger_recorder.rules.rows import DuplicateRow, EventRow, LockedExecution


class Judged(NamedTuple):
    """What a batch brought for an execution, and what became of it."""

    id: str
    tenant_id: str
    external_id: str
    entries: Sequence[Entry]  # the new events, in order of arrival
    events: Sequence[EventRow]  # the same, with their outcomes, for the log
    duplicates: Sequence[DuplicateRow]


class Change(NamedTuple):
    """What is to be written of an execution: by a batch, or by all of its log."""

    judged: Judged
    before: LockedExecution | None
    record: ExecutionRecord
    steps: Sequence[StepRecord]  # those that it touched
    labels: Mapping[str, str]
    tags: Sequence[str]
    is_relabelled: bool
    is_refolded: bool  # from the first event on
    heard_at: datetime
    commands: Sequence[Command]


Pauses = Generator[Pause, None, None]
Decision = Generator[Need | Judged, Any, Change | None]
"""Needs, in their midst one `Judged`, after which it only pauses; returns None when a batch brings nothing new."""
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def decide(known: Known, arrived: Sequence[Arrived], warning_share: Decimal) -> Decision:
    """What a batch does to an execution: what is new is judged in order of arrival, and folded in its own order."""
    fresh, duplicates = yield from sift(known, arrived)
    entries = [enter(decoded.event, decoded.event_id, pricing.price_unreported(decoded.event)) for _, decoded in fresh]
    if not entries:
        yield Judged(known.id, *known.alias, (), (), duplicates)
        return None
    state = yield from _resume(known, entries)
    events = _judge(known, state, fresh, entries)
    ordered = sorted(entries, key=_by_key)
    is_behind = ordered[0].key < state.execution.head
    if is_behind and state.log is None:
        state.log = yield Log(known.id, None)
    yield (judged := Judged(known.id, *known.alias, entries, events, duplicates))
    yield from _fold_whole(state, entries) if is_behind else _fold_on(state, ordered)
    heard_at = _kafka_time(max(record.timestamp_ms for record, _ in fresh))
    change = _change(judged, known.row, state, heard_at)
    called_for = commands(known.alias, known.row, change.record, entries, warning_share)
    return change._replace(commands=called_for) if called_for else change


def refold(known: Known) -> Decision:
    """What all of its log makes of an execution whose row is known, with the prices that are stored: no command."""
    state = _State()
    if known.row is not None and (execution := ExecutionFold.load(known.row.fold)) is not None:
        state.see_labels(execution)
    state.log = yield Log(known.id, None)
    yield (judged := Judged(known.id, *known.alias, (), (), ()))
    yield from _fold_whole(state, ())
    return _change(judged, known.row, state, NEVER)


def fold_log(execution_id: str, entries: Sequence[Entry], heard_at: datetime) -> Generator[Pause, None, Change]:
    """What the log gives, of which these are all entries, whatever else is known of the execution."""
    first = entries[0].event
    state = _State(log=entries)
    yield from _fold_whole(state, ())
    judged = Judged(execution_id, first.tenantid, first.subject, entries, (), ())
    return _change(judged, None, state, heard_at)


@dataclass(slots=True)
class _State:
    """Where the folds of a decision stand; nobody else sees it."""

    execution: ExecutionFold = field(default_factory=ExecutionFold)
    steps: dict[StepKey, StepFold] = field(default_factory=dict)
    touched: set[StepKey] = field(default_factory=set)  # steps to be written
    log: Sequence[Entry] | None = None  # when it had to be read
    labels_before: Any = None

    def see_labels(self, execution: ExecutionFold) -> None:
        self.labels_before = (execution.labels, execution.tags)


def _resume(known: Known, entries: Sequence[Entry]) -> Generator[Need, Any, _State]:
    """The state before the batch, as the rows have it or, where they cannot be gone on from, as the log gives it."""
    state = _State(touched={entry.step for entry in entries if entry.step is not None})
    if known.row is None:
        return state
    execution = ExecutionFold.load(known.row.fold)
    if execution is None or known.is_restored:
        is_damaged = execution is None and not is_of_another_format(known.row.fold)
        return (yield from _resume_from_log(known, "executions" if is_damaged else None))
    state.execution = execution
    state.see_labels(execution)
    with_open = _may_end(execution, entries)
    if state.touched or with_open:
        stored: Sequence[str] = yield Steps(known.id, state.touched, with_open)
        for step in map(StepFold.load, stored):
            if step is None:
                return (yield from _resume_from_log(known, "steps"))
            state.steps[step.key] = step
    return state


def _may_end(execution: ExecutionFold, entries: Sequence[Entry]) -> bool:
    """Whether these events may change what `endings` says, after which all open steps read otherwise."""
    if any(attempt.provisional for attempt in execution.attempts.values()):
        return True
    return any(entry.event.attempt > execution.attempt or ends_execution(entry.event) for entry in entries)


def _resume_from_log(known: Known, damaged: str | None) -> Generator[Log | Pause, Any, _State]:
    state = _State()
    state.log = yield Log(known.id, damaged)
    yield from _fold_whole(state, ())
    return state


def _judge(known: Known, state: _State, fresh: Sequence[Arrived], entries: Sequence[Entry]) -> list[EventRow]:
    """The rows of the log: what became of each new event, in order of arrival."""
    judge = Judge.after(state.execution, state.steps)
    tenant_id, rows = known.alias[0], []
    for (record, decoded), entry in zip(fresh, entries, strict=True):
        verdict, event = judge.judge(entry), entry.event
        rows.append(
            EventRow(
                known.id,
                entry.event_id,
                tenant_id,
                event.type,
                event.attempt,
                event.time,
                event.sequence,
                entry.key[3],
                _kafka_time(record.timestamp_ms),
                verdict.outcome,
                verdict.reason,
                record.topic,
                record.partition,
                record.offset,
                decoded.digest,
                decoded.text,
            )
        )
    return rows


def _fold_on(state: _State, ordered: Sequence[Entry]) -> Pauses:
    """Open steps are written anew when the ending of their execution changes."""
    others = state.steps.keys() - state.touched
    before = endings(state.execution) if others else None
    yield from _fold(state, ordered)
    if state.log is not None or (others and endings(state.execution) != before):
        state.touched = set(state.steps)


def _fold_whole(state: _State, new: Sequence[Entry]) -> Pauses:
    """From the first event on, what the log has and what is new."""
    state.execution, state.steps = ExecutionFold(), {}
    yield from _fold(state, sorted([*(state.log or ()), *new], key=_by_key))
    state.touched = set(state.steps)


def _fold(state: _State, ordered: Sequence[Entry]) -> Pauses:
    fold(state.execution, state.steps, ordered[:_SLICE])
    for start in range(_SLICE, len(ordered), _SLICE):
        yield PAUSE
        fold(state.execution, state.steps, ordered[start : start + _SLICE])


def _change(judged: Judged, before: LockedExecution | None, state: _State, heard_at: datetime) -> Change:
    execution = state.execution
    return Change(
        judged,
        before,
        execution_record(execution, judged.external_id),
        [step_record(state.steps[key], execution) for key in state.touched],
        execution.labels or {},
        execution.tags or (),
        (execution.labels, execution.tags) != (state.labels_before or (None, None)),
        state.log is not None,
        heard_at,
        (),
    )


@lru_cache(maxsize=4096)
def _kafka_time(timestamp_ms: int) -> datetime:
    return datetime.fromtimestamp(max(timestamp_ms, 0) / 1000, UTC)


_by_key = attrgetter("key")
_SLICE: Final = 1000  # events folded before others have their turn: less than 10 ms
