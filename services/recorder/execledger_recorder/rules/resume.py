"""From where a fold goes on: from what the rows hold, from a checkpoint, or from the first event of the log."""

from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

from execledger_lifecycle import Caps, Entry, ExecutionFold, StepFold, StepFolds, StepKey, TryKey, endings, fold
from execledger_lifecycle.order import FIRST_ONLY, Raised, are_moved, ends_execution, place, raised_by, raises_attempt
from execledger_lifecycle.state import is_of_another_format
from execledger_recorder.rules import checkpoint
from execledger_recorder.rules.checkpoint import Checkpoint
from execledger_recorder.rules.needs import PAUSE, Before, Known, Log, Need, Pause, StepKeys, Steps

Pauses = Generator[Pause, None, None]


@dataclass(slots=True)
class Folds:
    """The folds of an execution and of steps of it."""

    execution: ExecutionFold = field(default_factory=ExecutionFold)
    steps: StepFolds = field(default_factory=StepFolds)
    has_open: bool = True  # whether all steps that are open are among these


class Logged(NamedTuple):
    """What had to be read of the log, in no order."""

    entries: Sequence[Entry]
    base: Checkpoint | None = None  # what they go on from; None: they are all there are


@dataclass(slots=True)
class State:
    """Where a decision stands; nobody else sees it."""

    folds: Folds = field(default_factory=Folds)
    raised: Raised = FIRST_ONLY  # the attempts that have begun, with this batch
    placed: Sequence[Entry] = ()  # what the batch brings, as of these attempts
    steps: Collection[StepKey] = ()  # that this is about
    is_moved: bool = False  # the batch begins an attempt to which events belong that were recorded as of another
    touched: list[StepFold] = field(default_factory=list)  # to be written
    stored: set[TryKey] = field(default_factory=set)  # of these rows those that a fold no longer gives are dropped
    logged: Logged | None = None
    taken: list[tuple[int, str, str]] = field(default_factory=list)  # checkpoints
    labels_before: Any = None
    caps: Caps | None = None  # that hold when it is folded from its first event

    def see_labels(self, execution: ExecutionFold) -> None:
        self.labels_before = (execution.labels, execution.tags)

    def receive(self, entries: Sequence[Entry]) -> None:
        """What the batch brings. It is of the attempts that have begun with all of it."""
        execution = self.folds.execution
        self.raised, self.placed = execution.raised, entries
        if max([entry.event.attempt for entry in entries]) > 1:  # most are of the first, which has always begun
            before, self.raised = self.raised, raised_by(entries, self.raised)
            self.placed = place(entries, self.raised)
            self.is_moved = are_moved(execution.unraised, before, self.raised)
        self.steps = {entry.step for entry in self.placed if entry.step is not None}

    @property
    def gone(self) -> set[TryKey]:
        """Rows that nothing gives any more: another event was of their try, or of their attempt, than is now."""
        return self.stored - {step.key for step in self.folds.steps} if self.stored else set()

    def touch_all(self) -> None:
        self.touched = list(self.folds.steps)

    def touch(self, steps: Collection[StepKey]) -> None:
        """All that is known of the tries of some steps."""
        folds = self.folds.steps
        self.touched = [folds.greatest[step] for step in steps]
        if folds.below:
            self.touched += [below for below in folds.below.values() if below.step in steps]


def resume(known: Known, entries: Sequence[Entry]) -> Generator[Need, Any, State]:
    """The state before the batch, as the rows have it or, where they cannot be gone on from, as the log gives it."""
    state = State(caps=known.caps)
    if known.row is None:
        state.folds.execution.caps = known.caps
        state.receive(entries)
        return state
    execution = ExecutionFold.load(known.row.fold)
    if execution is None or known.is_restored:
        is_damaged = execution is None and not is_of_another_format(known.row.fold)
        return (yield from _resume_from_log(known, entries, "executions" if is_damaged else None))
    state.caps = execution.caps
    with_open = _may_end(execution, entries) or _reaches_checkpoint(execution, entries)
    state.folds = Folds(execution, StepFolds(), with_open)
    state.see_labels(execution)
    state.receive(entries)
    if state.steps or with_open:
        steps, named = state.steps, _named(state.placed) if state.steps else set()
        if len(state.raised) > len(execution.raised):
            arriving = list(_as_they_come(entries, execution.raised))
            steps, named = {*steps, *_step_keys(arriving)}, {*named, *_named(arriving)}
        stored: Sequence[str] = yield Steps(known.id, dict.fromkeys(steps, 1), named, with_open)
        for step in map(StepFold.load, stored):
            if step is None:
                return (yield from _resume_from_log(known, entries, "steps"))
            state.folds.steps.add(step)
    return state


def _as_they_come(entries: Iterable[Entry], raised: Raised) -> Iterator[Entry]:
    """Each of the attempt that it is of when it comes: others that come after it may begin the one it was sent with."""
    for entry in entries:
        raised = raised_by([entry], raised)
        yield from place([entry], raised)


def _step_keys(entries: Iterable[Entry]) -> set[StepKey]:
    return {entry.step for entry in entries if entry.step is not None}


def _named(entries: Iterable[Entry]) -> set[TryKey]:
    """The tries that are said by number."""
    return {
        (*entry.step, number)
        for entry in entries
        if entry.step is not None and entry.event.kind == "step" and (number := entry.event.data.step.try_number)
    }


def _may_end(execution: ExecutionFold, entries: Sequence[Entry]) -> bool:
    """Whether these events may change what `endings` says, after which all open steps read otherwise."""
    if any(attempt.provisional for attempt in execution.attempts.values()):
        return True
    return any(
        ends_execution(entry.event) or (entry.event.attempt > execution.attempt and raises_attempt(entry.event))
        for entry in entries
    )


def _reaches_checkpoint(execution: ExecutionFold, entries: Sequence[Entry]) -> bool:
    return execution.version // checkpoint.EVERY < (execution.version + len(entries)) // checkpoint.EVERY


def go_back(known: Known, state: State, ordered: Sequence[Entry]) -> Generator[Need, Any, None]:
    """Read what of the log must be folded again: what lies behind the latest checkpoint that stands, else all of it.

    All of it, too, when an attempt begins to which events belong that were recorded as of another.
    """
    base: Checkpoint | None = None
    if state.folds.execution.version >= checkpoint.EVERY and not state.is_moved:
        base = yield Before(known.id, ordered[0].key)
    if base is not None:
        logged = [e for e in place((yield Log(known.id, behind=base.head)), state.raised) if e.key > base.head]
        completed = yield from _completed(known, state, base, [*logged, *ordered])
        if completed is not None:
            state.logged = Logged(logged, completed)
            return
    state.logged = Logged((yield Log(known.id)))
    state.stored = yield StepKeys(known.id)


def _completed(
    known: Known, state: State, base: Checkpoint, entries: Sequence[Entry]
) -> Generator[Need, Any, Checkpoint | None]:
    """The checkpoint with each try that these entries are about, unless it began behind it; None where one is unknown.

    The checkpoint holds those without an end. What ended before it is as its row has it, unless something came since.
    Of a step no more tries can have begun behind the checkpoint than it has events there.
    """
    events = Counter(entry.step for entry in entries if entry.step is not None)
    held = {step.key: step for step in base.steps}
    tries = {step: count + 1 for step, count in events.items()}
    stored: Sequence[str] = yield Steps(known.id, tries, _named(entries))
    for step in map(StepFold.load, stored):
        if step is None or step.first_at is None:
            return None
        if step.key in held:
            continue
        if step.head <= base.head:
            held[step.key] = step
        elif (step.attempt, step.first_at) > base.head[:2]:
            state.stored.add(step.key)
        else:
            return None
    return base._replace(steps=_as_they_stood(held.values(), events.keys()))


def _as_they_stood(tries: Collection[StepFold], steps: Collection[StepKey]) -> list[StepFold]:
    """Rows of some steps say what came since of tries that are greater: that is forgotten."""
    greatest: dict[StepKey, int] = {}
    for each in tries:
        greatest[each.step] = max(each.try_number, greatest.get(each.step, 0))
    for each in tries:
        if each.step in steps:
            each.is_superseded, each.latest = each.try_number < greatest[each.step], None
    return list(tries)


def _resume_from_log(known: Known, entries: Sequence[Entry], damaged: str | None) -> Generator[Need, Any, State]:
    logged, stored = Logged((yield Log(known.id, damaged))), (yield StepKeys(known.id))
    state = State(logged=logged, stored=stored, caps=known.caps)
    yield from fold_whole(state, ())
    state.receive(entries)
    return state


def fold_on(state: State, ordered: Sequence[Entry]) -> Pauses:
    """Open steps are written anew when the ending of their execution changes."""
    folds = state.folds
    has_others = folds.has_open and bool(folds.steps.greatest)
    before = endings(folds.execution) if has_others else None
    yield from _fold(state, ordered)
    if state.logged is not None or (has_others and endings(folds.execution) != before):
        state.touch_all()
    else:
        state.touch(state.steps)


def fold_again(state: State, new: Sequence[Entry]) -> Pauses:
    """From where the log was read on, a checkpoint or its first event: what the log has and what is new."""
    entries, base = state.logged or Logged(())
    if base is None:
        yield from fold_whole(state, new)
        return
    before = endings(state.folds.execution)
    state.folds, state.taken = Folds(base.execution), []
    for step in base.steps:
        state.folds.steps.add(step)
    ordered = sorted([*entries, *place(new, state.raised)], key=by_key)
    yield from _fold(state, ordered)
    if endings(state.folds.execution) == before:
        state.touch(_step_keys(ordered))
    else:
        state.touch_all()


def fold_whole(state: State, new: Sequence[Entry]) -> Pauses:
    """From the first event on, what the log has and what is new."""
    entries, _ = state.logged or Logged(())
    state.folds, state.taken = Folds(ExecutionFold(caps=state.caps)), []
    everything = [*entries, *new]
    state.raised = raised_by(everything)
    yield from _fold(state, sorted(place(everything, state.raised), key=by_key))
    state.touch_all()


def _fold(state: State, ordered: Sequence[Entry]) -> Pauses:
    """In slices, each up to where a checkpoint is due, and others have their turn."""
    execution, steps = state.folds.execution, state.folds.steps
    start, last = 0, execution.version + len(ordered)
    while start < len(ordered):
        stop = start + checkpoint.EVERY - execution.version % checkpoint.EVERY
        fold(execution, steps, ordered[start:stop])
        if state.folds.has_open and checkpoint.is_kept(execution.version, last):
            taken = checkpoint.take(execution, steps)
            state.taken += () if taken is None else (taken,)
        start = stop
        if start < len(ordered):
            yield PAUSE


by_key = attrgetter("key")
