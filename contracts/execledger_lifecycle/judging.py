"""What became of an event on arrival, judged against everything recorded before it."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Final, NamedTuple, assert_never

from execledger_contracts.events import ExecutionEvent, StepEvent
from execledger_contracts.status import Status
from execledger_lifecycle.order import (
    FIRST_ONLY,
    Entry,
    OrderKey,
    Raised,
    StepKey,
    are_moved,
    is_watchdogs,
    place,
    raises_attempt,
)
from execledger_lifecycle.state import ExecutionFold, StepFolds
from execledger_lifecycle.tries import AnyTry, try_of


class Outcome(StrEnum):
    """What became of one consumed Kafka record."""

    APPLIED = "applied"
    LATE = "late"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    DEAD_LETTERED = "dead_lettered"
    SKIPPED = "skipped"  # by an operator's hand


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome, and for what was rejected the reason."""

    outcome: Outcome
    reason: str | None = None


_APPLIED = Verdict(Outcome.APPLIED)
_LATE = Verdict(Outcome.LATE)
_STARTLESS: OrderKey = (0, 0, 0, 0, "")
_by_key: Final = attrgetter("key")


@dataclass(slots=True)
class _Ended:
    """The deciding end so far: the first in order."""

    key: OrderKey
    status: Status


class _Try(NamedTuple):
    """How a try has ended by the events before a place in the order."""

    try_number: int
    status: Status | None = None
    decided: OrderKey | None = None
    decided_in: int | None = None


class _Track:
    """What is recorded of a step: how its tries stood before the first of these events, and these, in order."""

    __slots__ = ("_at", "_before", "_entries", "_found", "_greatest", "_latest")
    _at: int  # before so many of the entries the tries are as they stand in `_found`
    _found: dict[int, AnyTry]
    _greatest: int

    def __init__(self, before: Sequence[AnyTry], latest: OrderKey, entries: list[Entry]) -> None:
        self._before = before
        self._latest = latest
        self._entries = entries
        self._begin()

    def add(self, entry: Entry, event: StepEvent) -> tuple[bool, Verdict | None]:
        """One more event: whether one was known that is ordered after it, and what refuses it."""
        entries = self._entries
        is_last = not entries or entry.key > entries[-1].key
        place = len(entries) if is_last else bisect_left(entries, entry.key, key=_by_key)
        if place != self._at:
            self._go_to(place)
        refusal = self._take(entry, event)
        entries.insert(place, entry)
        self._at = place + 1
        return not is_last or entry.key < self._latest, refusal

    def _begin(self) -> None:
        self._at = 0
        self._found = {each.try_number: each for each in self._before}
        self._greatest = max(self._found, default=0)

    def _go_to(self, place: int) -> None:
        """To how the tries stand there: on from where they were left, as one who lags sends its events in order."""
        if place < self._at:
            self._begin()
        for entry in self._entries[self._at : place]:
            assert entry.event.kind == "step"  # noqa: S101  # no others are kept here
            self._take(entry, entry.event)
        self._at = place

    def _take(self, entry: Entry, event: StepEvent) -> Verdict | None:
        """Go on over an event; what refuses it, when it ends a try that had ended in another way."""
        number = try_of(event, self._found.get(self._greatest))
        known, status = self._found.get(number), event.traits.ends
        if known is None or (known.status is None and status is not None):
            ended = _Try(number) if status is None else _Try(number, status, entry.key, event.attempt)
            self._found[number], self._greatest = ended, max(self._greatest, number)
            return None
        return None if status is None or known.status is None else _rejected(known.status, status)


@dataclass(slots=True)
class Judge:
    """Judges the events of one execution one after the other, in the order of their arrival.

    It knows the steps that these are about as they stood at a place in the order, and the events behind that.
    """

    head: OrderKey = _STARTLESS
    attempt: int = 1
    ended: _Ended | None = None  # of the highest attempt; a provisional ending rejects nothing
    raised: Raised = FIRST_ONLY
    unraised: dict[int, tuple[int, int, int, str]] = field(default_factory=dict)
    _steps: StepFolds = field(default_factory=StepFolds)
    _behind: dict[tuple[str, int | None], list[Entry]] = field(default_factory=dict)
    _tracks: dict[StepKey, _Track] = field(default_factory=dict)
    _judged: list[Entry] = field(default_factory=list)
    _has_moved: bool = False  # events that are known, from one attempt to another

    @classmethod
    def after(cls, execution: ExecutionFold, steps: StepFolds, behind: Iterable[Entry] = ()) -> "Judge":
        """One that knows what was recorded before: the execution, steps as they stood, what came behind that."""
        last = execution.attempts.get(execution.attempt)
        ended = None
        if last is not None and last.status is not None and last.decided is not None and not last.provisional:
            ended = _Ended(last.decided, last.status)
        judge = cls(execution.head, execution.attempt, ended, execution.raised, dict(execution.unraised), steps)
        for entry in behind:
            if entry.step is not None:
                judge._behind.setdefault(entry.step[:2], []).append(entry)
        return judge

    def judge(self, entry: Entry) -> Verdict:
        """The outcome of the next event; later ones are judged against it too."""
        event = entry.event
        if event.attempt > 1:
            entry = self._placed(entry)
        verdict = self._verdict(entry)
        if entry.key > self.head:
            self.head = entry.key
        self._judged.append(entry)
        return verdict

    def _placed(self, entry: Entry) -> Entry:
        event = entry.event
        if raises_attempt(event) and event.attempt not in self.raised:
            self._raise(event.attempt)
        (entry,) = place([entry], self.raised)
        if entry.key[0] != event.attempt:
            latest = self.unraised.get(event.attempt, entry.key[1:])
            self.unraised[event.attempt] = max(latest, entry.key[1:])
        return entry

    def _raise(self, attempt: int) -> None:
        """From now on what was sent with it, and not with a higher one that began, belongs to it."""
        if attempt > self.attempt:
            self.attempt, self.ended = attempt, None
        before, self.raised = self.raised, sorted([*self.raised, attempt])
        moved = [sent for sent in self.unraised if are_moved([sent], before, self.raised)]
        for sent in moved:
            self.head = max(self.head, (attempt, *self.unraised[sent]))
        self.unraised.pop(attempt, None)
        if moved:
            self._has_moved = True
            self._tracks.clear()

    def _verdict(self, entry: Entry) -> Verdict:
        event = entry.event
        match event.kind:
            case "fact" | "other":
                return _APPLIED
            case "step":
                return self._step_verdict(entry, event)
            case "execution":
                return self._execution_verdict(entry, event)
            case _:
                assert_never(event.kind)

    def _execution_verdict(self, entry: Entry, event: ExecutionEvent) -> Verdict:
        # A watchdog's ending may be of a later attempt, which it does not raise.
        status = event.traits.ends if event.attempt == self.attempt else None
        if status is not None and (rejection := self._end(entry, status, is_watchdogs(event))):
            return rejection
        return _LATE if event.attempt < self.attempt or entry.key < self.head else _APPLIED

    def _end(self, entry: Entry, status: Status, watchdogs: bool) -> Verdict | None:
        if self.ended is not None and entry.key > self.ended.key:
            return _rejected(self.ended.status, status)
        if not watchdogs:
            self.ended = _Ended(entry.key, status)
        return None

    def _step_verdict(self, entry: Entry, event: StepEvent) -> Verdict:
        key = entry.step
        assert key is not None  # noqa: S101  # every event of a step has one
        track = self._tracks.get(key)
        if track is None:
            track = self._tracks[key] = self._track(key)
        is_late, rejection = track.add(entry, event)
        return rejection or (_LATE if is_late or entry.key[0] < self.attempt else _APPLIED)

    def _track(self, key: StepKey) -> _Track:
        greatest = self._steps.greatest.get(key)
        tries = () if greatest is None else (greatest, *(self._steps.below_of(key) if self._steps.below else ()))
        latest = _STARTLESS if greatest is None else greatest.latest or greatest.head
        if not self._behind and not self._has_moved:
            return _Track(tries, latest, [])
        known = self._behind.get(key[:2], ())
        if self._has_moved:
            known = [*known, *(entry for entry in self._judged if entry.step is not None and entry.step[:2] == key[:2])]
        entries = [entry for entry in place(known, self.raised) if entry.step == key]
        return _Track(tries, latest, sorted(entries, key=_by_key))


def _rejected(ended: Status, status: Status) -> Verdict | None:
    """An ending after the deciding one is refused when it says something else."""
    return None if ended is status else Verdict(Outcome.REJECTED, f"already {ended}")
