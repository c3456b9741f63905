"""What was not published, and why: counted, reported, logged now and then."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from execledger_publisher.forking import new_lock

log = logging.getLogger("execledger_publisher")

SECONDS_BETWEEN_WARNINGS: Final = 60.0


class DropReason(StrEnum):
    """Why an event was not published."""

    BUFFER_FULL = "buffer_full"
    INVALID = "invalid"
    TOO_LARGE = "too_large"
    REFUSED = "refused"
    NOT_DELIVERED = "not_delivered"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Drop:
    """One event that was not published. `detail` names the field at fault, or the limit."""

    reason: DropReason
    detail: str
    type: str
    subject: str
    event_id: str


@dataclass(frozen=True, slots=True)
class Stats:
    """What became of the events so far. `buffered` ones are on their way."""

    sent: int = 0
    dropped: int = 0
    dropped_by_reason: Mapping[DropReason, int] = field(default_factory=dict)
    cut: int = 0
    buffered: int = 0
    last_error: str | None = None


class PublishError(Exception):
    """An event could not be published; raised only by a strict publisher."""


OnDrop = Callable[[Drop], None]


class Tally:
    """Counts what became of events. Safe between threads."""

    def __init__(self, on_drop: OnDrop | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._on_drop = on_drop
        self._monotonic = monotonic
        self._lock = new_lock()
        self.forget()

    def forget(self) -> None:
        """Begin to count anew, as in a child after a fork."""
        self._sent = 0
        self._cut = 0
        self._dropped: Counter[DropReason] = Counter()
        self._not_warned_of: Counter[DropReason] = Counter()
        self._warned_at: float | None = None
        self.last_error: str | None = None

    def sent(self, count: int) -> None:
        """The broker has acknowledged so many."""
        with self._lock:
            self._sent += count

    def cut(self) -> None:
        """One event was too large, and goes out with values cut."""
        with self._lock:
            self._cut += 1

    def drop(self, drop: Drop) -> None:
        """Count one, tell the callback, and warn if no warning was given lately."""
        with self._lock:
            self._dropped[drop.reason] += 1
            self._not_warned_of[drop.reason] += 1
            warning = self._due_warning()
        if warning:
            log.warning("%s; the latest: %s of %s: %s", warning, drop.type, drop.subject, drop.detail)
        self._tell(drop)

    def drop_the_rest(self, drops: Sequence[Drop]) -> None:
        """Count the last ones, and log in one line whatever no warning has mentioned yet."""
        with self._lock:
            counts = Counter(drop.reason for drop in drops)
            self._dropped += counts
            self._not_warned_of += counts
            self._warned_at = None
            warning = self._due_warning()
        if warning:
            log.warning("%s%s", warning, f"; last error: {self.last_error}" if drops and self.last_error else "")
        for drop in drops:
            self._tell(drop)

    def stats(self, buffered: int = 0) -> Stats:
        """The counts as they stand."""
        with self._lock:
            dropped = dict(self._dropped)
            return Stats(self._sent, sum(dropped.values()), dropped, self._cut, buffered, self.last_error)

    def _due_warning(self) -> str | None:
        now = self._monotonic()
        is_early = self._warned_at is not None and now - self._warned_at < SECONDS_BETWEEN_WARNINGS
        if is_early or not self._not_warned_of:
            return None
        counts = ", ".join(f"{reason} {count}" for reason, count in sorted(self._not_warned_of.items()))
        self._not_warned_of.clear()
        self._warned_at = now
        return f"Events were not published: {counts}"

    def _tell(self, drop: Drop) -> None:
        if self._on_drop is None:
            return
        try:
            self._on_drop(drop)
        except Exception:  # a fault of the callback must not reach the orchestrator's work
            log.exception("The on_drop callback failed")
