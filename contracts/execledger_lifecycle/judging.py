"""What became of an event on arrival, judged against everything recorded before it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from execledger_contracts.events import ExecutionEvent, StepEvent
from execledger_contracts.status import Status
from execledger_lifecycle.order import Entry, OrderKey, StepKey, is_watchdogs, step_key
from execledger_lifecycle.state import ExecutionFold, StepFold


class Outcome(StrEnum):
    """What became of one consumed Kafka record."""

    APPLIED = "applied"
    LATE = "late"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    DEAD_LETTERED = "dead_lettered"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome, and for what was rejected the reason."""

    outcome: Outcome
    reason: str | None = None


_APPLIED = Verdict(Outcome.APPLIED)
_LATE = Verdict(Outcome.LATE)
_STARTLESS: OrderKey = (0, 0, 0, 0, "")


@dataclass(slots=True)
class _Ended:
    """The deciding end so far: the first in order."""

    key: OrderKey
    status: Status


@dataclass(slots=True)
class _StepJudge:
    head: OrderKey = _STARTLESS
    ended: _Ended | None = None


@dataclass(slots=True)
class Judge:
    """Judges the events of one execution one after the other, in the order of their arrival."""

    head: OrderKey = _STARTLESS
    attempt: int = 0
    ended: _Ended | None = None  # of the highest attempt; a provisional ending rejects nothing
    steps: dict[StepKey, _StepJudge] = field(default_factory=dict)

    @classmethod
    def after(cls, execution: ExecutionFold, steps: dict[StepKey, StepFold]) -> "Judge":
        """One that knows what was recorded before."""
        last = execution.attempts.get(execution.attempt)
        ended = None
        if last is not None and last.status is not None and last.decided is not None and not last.provisional:
            ended = _Ended(last.decided, last.status)
        return cls(execution.head, execution.attempt, ended, {key: _judge_of(step) for key, step in steps.items()})

    def judge(self, entry: Entry) -> Verdict:
        """The outcome of the next event; later ones are judged against it too."""
        verdict = self._verdict(entry)
        if entry.key > self.head:
            self.head = entry.key
        return verdict

    def _verdict(self, entry: Entry) -> Verdict:
        event = entry.event
        if event.traits.raises_attempt and event.attempt > self.attempt and not is_watchdogs(event):
            self.attempt, self.ended = event.attempt, None
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
            return _rejected(self.ended, status)
        if not watchdogs:
            self.ended = _Ended(entry.key, status)
        return None

    def _step_verdict(self, entry: Entry, event: StepEvent) -> Verdict:
        key, status = entry.step or step_key(event), event.traits.ends
        step = self.steps.get(key)
        if step is None:
            step = self.steps[key] = _StepJudge()
        is_late = event.attempt < self.attempt or entry.key < step.head
        if entry.key > step.head:
            step.head = entry.key
        if status is not None:
            if step.ended is not None and entry.key > step.ended.key:
                if rejection := _rejected(step.ended, status):
                    return rejection
            else:
                step.ended = _Ended(entry.key, status)
        return _LATE if is_late else _APPLIED


def _judge_of(step: StepFold) -> _StepJudge:
    ended = _Ended(step.decided, step.status) if step.decided is not None and step.status is not None else None
    return _StepJudge(step.head, ended)


def _rejected(ended: _Ended, status: Status) -> Verdict | None:
    """An ending after the deciding one is refused when it says something else."""
    return None if ended.status is status else Verdict(Outcome.REJECTED, f"already {ended.status}")
