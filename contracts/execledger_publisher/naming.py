"""Which step a `step()` is: a name used again is another step, and one that failed and begins again its next try."""

import asyncio
import os
import threading
from dataclasses import dataclass, replace
from typing import Final
from weakref import WeakKeyDictionary

from execledger_publisher.forking import new_lock

_OF_A_LOOP: Final = -1
_Key = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class Place:
    """What tells a step from all others of its attempt, and its tries from each other."""

    id: str
    iteration: int | None = None
    try_number: int = 1

    @property
    def prefix(self) -> str:
        """What the ids of the steps within begin with.

        >>> Place("translate", 2).prefix
        'translate[2]/'
        """
        return f"{self.id}/" if self.iteration is None else f"{self.id}[{self.iteration}]/"

    def next_try(self) -> "Place":
        """The same step, tried once more."""
        return replace(self, try_number=self.try_number + 1)


class Names:
    """The steps of one attempt by name. Safe between threads, and between the children of a fork."""

    def __init__(self) -> None:
        self._lock = new_lock()
        self._process = os.getpid()
        self._uses: dict[_Key, int] = {}
        self._tries: dict[_Key, int] = {}
        self._failed: WeakKeyDictionary[object, dict[_Key, Place]] = WeakKeyDictionary()

    def step(self, name: str, iteration: int | None) -> Place:
        """The place of a step of that name: a new one, or that of one that failed here before."""
        name = self._here(name)
        with self._lock:
            failed = self._failed.get(flow(), {}).pop((name, iteration), None)
            return failed.next_try() if failed else Place(self._unused(name, iteration), iteration)

    def loop(self, name: str) -> str:
        """The id of all the steps of a loop, which differ by their iterations."""
        with self._lock:
            return self._unused(self._here(name), _OF_A_LOOP)

    def given(self, id_: str, iteration: int | None) -> Place:
        """The place of a step whose id was given: the same id again is its next try, whatever became of it."""
        key = id_, iteration
        with self._lock:
            self._tries[key] = self._tries.get(key, int(self._has(key))) + 1
            self._uses.setdefault(key, 1)
            return Place(id_, iteration, self._tries[key])

    def failed(self, name: str, place: Place, where: object) -> None:
        """A step of that name ended so that it may be tried again, where it was begun."""
        with self._lock:
            self._failed.setdefault(where, {})[self._here(name), place.iteration] = place

    def tried_again(self, name: str, place: Place, where: object) -> None:
        """Somebody tries that step again who still has it: nobody else does."""
        with self._lock:
            failed, key = self._failed.get(where, {}), (self._here(name), place.iteration)
            if failed.get(key) == place:
                del failed[key]

    def _unused(self, name: str, iteration: int | None) -> str:
        key = name, iteration
        candidate, is_taken = name, self._is_used(name, iteration)
        while is_taken:
            number = self._uses.get(key, 1) + 1
            candidate = f"{name}#{number}"
            is_taken = self._is_used(candidate, iteration)  # before it is counted, which would take it
            self._uses[key] = number
        self._uses.setdefault(key, 1)
        return candidate

    def _is_used(self, name: str, iteration: int | None) -> bool:
        return self._has((name, iteration)) or (iteration is not None and self._has((name, _OF_A_LOOP)))

    def _has(self, key: _Key) -> bool:
        """Whether it was used, or made of another name and a number: those are not kept one by one."""
        if key in self._uses:
            return True
        base, _, number = key[0].rpartition("#")
        return number.isdecimal() and int(number[:18]) <= self._uses.get((base, key[1]), 1) and int(number[:18]) > 1

    def _here(self, name: str) -> str:
        """Children of a fork count each for itself: their steps are told apart by the process."""
        return name if (here := os.getpid()) == self._process else f"{name}@{here}"


def flow() -> object:
    """The task in which this runs, else the thread: a gather's tasks try each for itself."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return task or threading.current_thread()
