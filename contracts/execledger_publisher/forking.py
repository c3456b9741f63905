"""What a fork leaves behind: a child has none of its parent's threads, and whatever locks those held stay held.

Locks from here are open in the child, and whoever asked to be told is told, before the child goes on.
"""

import os
import threading
from typing import Final, Protocol
from weakref import WeakSet


class Forked(Protocol):
    """Something that must know of forks."""

    def before_fork(self) -> None:
        """Come to where a fork does no harm, soon."""
        ...

    def after_fork_in_child(self) -> None:
        """Begin anew, without the parent's threads."""
        ...


Lock = threading.RLock

_locks: Final[WeakSet[Lock]] = WeakSet()
_told: Final[WeakSet[Forked]] = WeakSet()


def new_lock() -> Lock:
    """A reentrant lock that is open in every child."""
    lock = threading.RLock()
    _locks.add(lock)
    return lock


def tell_of_forks(whom: Forked) -> None:
    """Call `before_fork` before each fork, and `after_fork_in_child` in every child, for as long as it is there."""
    _told.add(whom)


def _before() -> None:
    for whom in list(_told):
        whom.before_fork()


def _in_child() -> None:
    for lock in _locks:
        lock._at_fork_reinit()  # type: ignore[attr-defined]  # noqa: SLF001 - as threading and logging do with theirs
    for whom in _told:
        whom.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_child=_in_child)
