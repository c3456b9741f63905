"""The status words: one canonical set, and the spellings that are read as them."""

from enum import StrEnum
from typing import Final, Literal, assert_never, get_args


class Status(StrEnum):
    """Where an execution or a step stands. `skipped` is for steps only."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"


_Ending = Literal[Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.TIMED_OUT]
ExecutionStatus = Literal[Status.PENDING, Status.RUNNING, _Ending]
StepStatus = Literal[Status.RUNNING, _Ending, Status.SKIPPED]


def _comes_to(status: Status) -> Literal["open", "done", "failed", "stopped"]:
    match status:
        case Status.PENDING | Status.RUNNING:
            return "open"
        case Status.COMPLETED | Status.SKIPPED:
            return "done"
        case Status.FAILED | Status.TIMED_OUT:
            return "failed"
        case Status.CANCELLED:
            return "stopped"
        case _:
            assert_never(status)


OPEN: Final = frozenset(status for status in Status if _comes_to(status) == "open")
DONE: Final = frozenset(status for status in Status if _comes_to(status) == "done")
FAILURES: Final = frozenset(status for status in Status if _comes_to(status) == "failed")
TERMINAL: Final = frozenset(Status) - OPEN
EXECUTION_STATUSES: Final[tuple[Status, ...]] = get_args(ExecutionStatus)
STEP_STATUSES: Final[tuple[Status, ...]] = get_args(StepStatus)

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
