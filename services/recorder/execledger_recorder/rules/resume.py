"""From where a fold goes on: from what the rows hold, from a checkpoint, or from the first event of the log."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

from execledger_lifecycle import Entry, ExecutionFold, StepFold, StepKey, endings, ends_execution, fold
from execledger_lifecycle.state import is_of_another_format
from execledger_recorder.rules import checkpoint
from execledger_recorder.rules.checkpoint import Checkpoint
from execledger_recorder.rules.needs import PAUSE, Before, Known, Log, Need, Pause, Steps

Pauses = Generator[Pause, None, None]


@dataclass(slots=True)
class Folds:
    """The folds of an execution and of steps of it."""

    execution: ExecutionFold = field(default_factory=ExecutionFold)
    steps: dict[StepKey, StepFold] = field(default_factory=dict)
    has_open: bool = True  # whether all steps that are open are among these


class Logged(NamedTuple):
    """What had to be read of the log."""

    entries: Sequence[Entry]
    base: Checkpoint | None = None  # what they go on from; None: they are all there are


@dataclass(slots=True)
class State:
    """Where a decision stands; nobody else sees it."""

    folds: Folds = field(default_factory=Folds)
    touched: set[StepKey] = field(default_factory=set)  # steps to be written
    logged: Logged | None = None
    taken: list[tuple[int, str, str]] = field(default_factory=list)  # checkpoints
    labels_before: Any = None

    def see_labels(self, execution: ExecutionFold) -> None:
        self.labels_before = (execution.labels, execution.tags)


def resume(known: Known, entries: Sequence[Entry]) -> Generator[Need, Any, State]:
    """The state before the batch, as the rows have it or, where they cannot be gone on from, as the log gives it."""
    state = State(touched=_step_keys(entries))
    if known.row is None:
        return state
    execution = ExecutionFold.load(known.row.fold)
    if execution is None or known.is_restored:
        is_damaged = execution is None and not is_of_another_format(known.row.fold)
        return (yield from _resume_from_log(known, "executions" if is_damaged else None))
    state.see_labels(execution)
    with_open = _may_end(execution, entries) or _reaches_checkpoint(execution, entries)
    state.folds = Folds(execution, {}, with_open)
    if state.touched or with_open:
        stored: Sequence[str] = yield Steps(known.id, state.touched, with_open)
        for step in map(StepFold.load, stored):
            if step is None:
                return (yield from _resume_from_log(known, "steps"))
            state.folds.steps[step.key] = step
    return state


def _step_keys(entries: Sequence[Entry]) -> set[StepKey]:
    return {entry.step for entry in entries if entry.step is not None}


def _may_end(execution: ExecutionFold, entries: Sequence[Entry]) -> bool:
    """Whether these events may change what `endings` says, after which all open steps read otherwise."""
    if any(attempt.provisional for attempt in execution.attempts.values()):
        return True
    return any(entry.event.attempt > execution.attempt or ends_execution(entry.event) for entry in entries)


def _reaches_checkpoint(execution: ExecutionFold, entries: Sequence[Entry]) -> bool:
    return execution.version // checkpoint.EVERY < (execution.version + len(entries)) // checkpoint.EVERY


def go_back(known: Known, state: State, ordered: Sequence[Entry]) -> Generator[Need, Any, None]:
    """Read what of the log must be folded again: what lies behind the latest checkpoint that stands, else all of it."""
    base: Checkpoint | None = None
    if state.folds.execution.version >= checkpoint.EVERY:
        base = yield Before(known.id, ordered[0].key)
    if base is not None:
        state.logged = Logged((yield Log(known.id, behind=base.head)), base)
        if (yield from _is_enough(known, base, [*state.logged.entries, *ordered])):
            return
    state.logged = Logged((yield Log(known.id)))


def _is_enough(known: Known, base: Checkpoint, entries: Sequence[Entry]) -> Generator[Need, Any, bool]:
    """Whether each step that these are about began behind the checkpoint, or is held by it."""
    unheld = _step_keys(entries) - {step.key for step in base.steps}
    if not unheld:
        return True
    stored: Sequence[str] = yield Steps(known.id, unheld, with_open=False)
    steps = [StepFold.load(text) for text in stored]
    return all(
        step is not None and step.first_at is not None and (step.attempt, step.first_at) > base.head[:2]
        for step in steps
    )


def _resume_from_log(known: Known, damaged: str | None) -> Generator[Log | Pause, Any, State]:
    state = State(logged=Logged((yield Log(known.id, damaged))))
    yield from fold_whole(state, ())
    return state


def fold_on(state: State, ordered: Sequence[Entry]) -> Pauses:
    """Open steps are written anew when the ending of their execution changes."""
    folds = state.folds
    others = folds.steps.keys() - state.touched
    before = endings(folds.execution) if others else None
    yield from _fold(state, ordered)
    if state.logged is not None or (others and endings(folds.execution) != before):
        state.touched = set(folds.steps)


def fold_again(state: State, new: Sequence[Entry]) -> Pauses:
    """From where the log was read on, a checkpoint or its first event: what the log has and what is new."""
    entries, base = state.logged or Logged(())
    if base is None:
        yield from fold_whole(state, new)
        return
    before = endings(state.folds.execution)
    state.folds, state.taken = Folds(base.execution, {step.key: step for step in base.steps}), []
    ordered = sorted([*entries, *new], key=by_key)
    yield from _fold(state, ordered)
    is_same = endings(state.folds.execution) == before
    state.touched = _step_keys(ordered) if is_same else set(state.folds.steps)


def fold_whole(state: State, new: Sequence[Entry]) -> Pauses:
    """From the first event on, what the log has and what is new."""
    entries, _ = state.logged or Logged(())
    state.folds, state.taken = Folds(), []
    yield from _fold(state, sorted([*entries, *new], key=by_key))
    state.touched = set(state.folds.steps)


def _fold(state: State, ordered: Sequence[Entry]) -> Pauses:
    """In slices, each up to where a checkpoint is due, and others have their turn."""
    execution, steps = state.folds.execution, state.folds.steps
    start, last = 0, execution.version + len(ordered)
    while start < len(ordered):
        stop = start + checkpoint.EVERY - execution.version % checkpoint.EVERY
        fold(execution, steps, ordered[start:stop])
        if state.folds.has_open and checkpoint.is_kept(execution.version, last):
            taken = checkpoint.take(execution, steps.values())
            state.taken += () if taken is None else (taken,)
        start = stop
        if start < len(ordered):
            yield PAUSE


by_key = attrgetter("key")
