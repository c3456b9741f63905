"""What a batch does to an execution, decided from what is known of it and what arrived.

A decision is a generator. It asks for what it has to know (a `Need`, answered by what is sent in), says what became of
what arrived (`Judged`), and returns the `Change`. Its caller fetches and writes; the decision does neither.
"""

import json
from collections.abc import Collection, Generator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

from execledger_contracts.control import Command
from execledger_contracts.ignored import Ignored
from execledger_lifecycle import (
    Caps,
    Entry,
    ExecutionFold,
    ExecutionRecord,
    Judge,
    StepFolds,
    StepRecord,
    TryKey,
    enter,
    execution_record,
    step_record,
)
from execledger_recorder.rules import pricing
from execledger_recorder.rules.arrivals import Arrived, sift
from execledger_recorder.rules.commands import commands
from execledger_recorder.rules.foreign import imported_from, log_type
from execledger_recorder.rules.needs import Known, Log, Need, Pause, StepKeys
from execledger_recorder.rules.resume import Logged, State, by_key, fold_again, fold_on, fold_whole, go_back, resume
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
    steps: Sequence[StepRecord]  # the tries that it touched
    gone: Collection[TryKey]  # of the stored ones those that there are no longer
    labels: Mapping[str, str]
    tags: Sequence[str]
    is_relabelled: bool
    is_refolded: bool  # the log had to be read
    heard_at: datetime
    commands: Sequence[Command]
    checkpoints: "Checkpoints"


class Checkpoints(NamedTuple):
    """What becomes of the checkpoints of an execution."""

    kept_upto: int | None  # those of later versions are void; None: all of them stand
    taken: Sequence[tuple[int, str, str]]  # version, head, state


Decision = Generator[Need | Judged, Any, Change | None]
"""Needs, in their midst one `Judged`, after which it only pauses; returns None when a batch brings nothing new."""
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def decide(known: Known, arrived: Sequence[Arrived], warning_share: Decimal) -> Decision:
    """What a batch does to an execution: what is new is judged in order of arrival, and folded in its own order."""
    fresh, duplicates = yield from sift(known, arrived)
    entries = [enter(new.event, new.event_id, pricing.price_unreported(new.event), new.at) for _, new in fresh]
    if not entries:
        yield Judged(known.id, *known.alias, (), (), duplicates)
        return None
    state = yield from resume(known, entries)
    ordered = sorted(state.placed, key=by_key)
    is_behind = ordered[0].key < state.folds.execution.head or state.is_moved
    if is_behind and state.logged is None:
        yield from go_back(known, state, ordered)
    events = _judge(known, state, fresh, entries, is_behind=is_behind)
    yield (judged := Judged(known.id, *known.alias, entries, events, duplicates))
    yield from fold_again(state, entries) if is_behind else fold_on(state, ordered)
    heard_at = _kafka_time(max(record.timestamp_ms for record, _ in fresh))
    change = _change(judged, known.row, state, heard_at)
    called_for = commands(known.alias, known.row, change.record, entries, warning_share)
    return change._replace(commands=called_for) if called_for else change


def refold(known: Known) -> Decision:
    """What all of its log makes of an execution whose row is known, with the prices that are stored: no command."""
    state = State(caps=known.caps)
    if known.row is not None and (execution := ExecutionFold.load(known.row.fold)) is not None:
        state.see_labels(execution)
        state.caps = execution.caps
    state.logged, state.stored = Logged((yield Log(known.id))), (yield StepKeys(known.id))
    yield (judged := Judged(known.id, *known.alias, (), (), ()))
    yield from fold_whole(state, ())
    return _change(judged, known.row, state, NEVER)


def fold_log(
    execution_id: str, entries: Sequence[Entry], heard_at: datetime, caps: Caps | None
) -> Generator[Pause, None, Change]:
    """What the log gives, of which these are all entries, whatever else is known of the execution."""
    first = entries[0].event
    state = State(logged=Logged(entries), caps=caps)
    yield from fold_whole(state, ())
    judged = Judged(execution_id, first.tenantid, first.subject, entries, (), ())
    return _change(judged, None, state, heard_at)


def _judge(
    known: Known, state: State, fresh: Sequence[Arrived], entries: Sequence[Entry], *, is_behind: bool
) -> list[EventRow]:
    """The rows of the log: what became of each new event, in order of arrival."""
    judge = _judge_after(state, is_behind=is_behind)
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
                _ignored(decoded.ignored),
                record.topic,
                record.partition,
                record.offset,
                record.event_index,
                decoded.digest,
                decoded.text,
                log_type(event.type),
                imported_from(event.source),
            )
        )
    return rows


def _judge_after(state: State, *, is_behind: bool) -> Judge:
    """A judge who knows the steps that the batch is about up to their last event; or what the log has of them."""
    execution = state.folds.execution
    if not is_behind or state.logged is None:
        return Judge.after(execution, state.folds.steps)
    entries, base = state.logged
    steps = StepFolds()
    for step in () if base is None else base.steps:
        steps.add(step)
    return Judge.after(execution, steps, entries)


def _change(judged: Judged, before: LockedExecution | None, state: State, heard_at: datetime) -> Change:
    execution = state.folds.execution
    return Change(
        judged,
        before,
        execution_record(execution, judged.external_id),
        [step_record(step, execution) for step in state.touched],
        state.gone,
        execution.labels or {},
        execution.tags or (),
        (execution.labels, execution.tags) != (state.labels_before or (None, None)),
        state.logged is not None,
        heard_at,
        (),
        Checkpoints(_kept_upto(state), state.taken),
    )


def _kept_upto(state: State) -> int | None:
    if state.logged is None:
        return None
    return 0 if state.logged.base is None else state.logged.base.version


def _ignored(notes: Sequence[Ignored]) -> str | None:
    return json.dumps([note._asdict() for note in notes]) if notes else None


@lru_cache(maxsize=4096)
def _kafka_time(timestamp_ms: int) -> datetime:
    return datetime.fromtimestamp(max(timestamp_ms, 0) / 1000, UTC)
