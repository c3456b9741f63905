"""The status words: one canonical set, and the spellings that are read as them."""

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """Where an execution or a step stands. `skipped` is for steps only."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"


EXECUTION_STATUSES: Final = tuple(status for status in Status if status is not Status.SKIPPED)
TERMINAL: Final = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.TIMED_OUT, Status.SKIPPED})

_SPELLINGS: Final = {
    **{status.value: status for status in Status},
    "queued": Status.PENDING,
    "scheduled": Status.PENDING,
    "created": Status.PENDING,
    "started": Status.RUNNING,
    "active": Status.RUNNING,
    "in_progress": Status.RUNNING,
    "inprogress": Status.RUNNING,
    "succeeded": Status.COMPLETED,
    "success": Status.COMPLETED,
    "complete": Status.COMPLETED,
    "done": Status.COMPLETED,
    "finished": Status.COMPLETED,
    "error": Status.FAILED,
    "errored": Status.FAILED,
    "failure": Status.FAILED,
    "canceled": Status.CANCELLED,
    "aborted": Status.CANCELLED,
    "terminated": Status.CANCELLED,
    "timeout": Status.TIMED_OUT,
    "timedout": Status.TIMED_OUT,
    "skip": Status.SKIPPED,
}


def read_status(word: str) -> Status | None:
    """The canonical status of a word in any case and a common spelling; None when it is no status.

    >>> read_status("Timed-Out"), read_status("CANCELED"), read_status("purple")
    (<Status.TIMED_OUT: 'timed_out'>, <Status.CANCELLED: 'cancelled'>, None)
    """
    return _SPELLINGS.get(word.strip().lower().replace("-", "_").replace(" ", "_"))
