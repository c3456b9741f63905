"""A fold that is watched: which event has set each attribute of its states."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from execledger_lifecycle.folding import fold
from execledger_lifecycle.order import Entry, is_sign_of_life, is_watchdogs
from execledger_lifecycle.state import AttemptFold, ExecutionFold, StepFold, StepFolds
from execledger_lifecycle.tries import try_of


class Watched:
    """A state of the fold that remembers which events have set each of its attributes, in order; null forgets them."""

    now: list[Entry]
    set_by: defaultdict[str, list[Entry]]

    def __init__(self, now: list[Entry]) -> None:
        self.__dict__.update(now=now, set_by=defaultdict(list))
        super().__init__()
        self.set_by.clear()  # no event said the defaults

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if value is None:
            self.set_by.pop(name, None)
        else:
            self.set_by[name] += self.now[-1:]

    def said(self, name: str) -> list[Entry]:
        return self.set_by.get(name, [])


class WatchedExecution(Watched, ExecutionFold):
    pass


class WatchedAttempt(Watched, AttemptFold):
    pass


class Watch:
    """A fold, watched; `last` is the attempt that gives the record its status."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries: Final = entries
        self.now: Final[list[Entry]] = []  # those that the fold has taken
        self.execution: Final = WatchedExecution(self.now)
        self.attempts: Final[dict[int, WatchedAttempt]] = {}
        self.steps: Final = StepFolds()
        self.tries: Final[dict[str, StepFold]] = {}  # the one that an event is of, by event id
        lives = [entry.key for entry in entries if is_sign_of_life(entry.event)]
        self.void: Final = {
            entry.event_id for entry in entries if is_watchdogs(entry.event) and lives and entry.key < lives[-1]
        }

    def fold(self) -> None:
        """Take one event after the other."""
        for entry in self.entries:
            self._attempt(entry.key[0])
            self.now.append(entry)
            step, event = entry.step, entry.event
            number = try_of(event, self.steps.greatest.get(step)) if step and event.kind == "step" else None
            fold(self.execution, self.steps, [entry])
            if step and number and (taken := self.steps.get(step, number)):
                self.tries[entry.event_id] = taken

    @property
    def number(self) -> int:
        return self.execution.attempt

    @property
    def last(self) -> WatchedAttempt:
        return self._attempt(self.number)

    def _attempt(self, number: int) -> WatchedAttempt:
        if number not in self.attempts:
            self.execution.attempts[number] = self.attempts[number] = WatchedAttempt(self.now)
        return self.attempts[number]
