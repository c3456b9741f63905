"""When nearly everything is bad, a bad deploy is more likely than so many bad messages: the partition is stopped."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

LOOK: Final = 100
"""Records that are judged by: so many must have come, and no older ones count."""

_MOST_BAD: Final = 90
_LEAST_GOOD_SHARE: Final = 0.5

Seen = tuple[int, bool]
"""Offset of a record, whether it is bad."""


class Stop(NamedTuple):
    """A partition is to be stopped at an offset, for so many of the records seen were bad."""

    partition: int
    at_offset: int
    seen: int
    bad: int


class Circuit(NamedTuple):
    """A partition that is held back, or drained up to an offset."""

    partition: int
    opened_at: datetime
    at_offset: int
    seen: int
    bad: int
    drain_until: int | None


def _latest() -> deque[Seen]:
    return deque(maxlen=LOOK)


@dataclass(slots=True)
class Breaker:
    """The circuit breaker of one partition: what is known of its latest records, and whether they stopped it."""

    circuit: Circuit | None = None
    latest: deque[Seen] = field(default_factory=_latest)

    @property
    def stopped(self) -> Circuit | None:
        """The circuit while it holds the partition back."""
        return self.circuit if self.circuit is not None and self.circuit.drain_until is None else None

    @property
    def drain_until(self) -> int:
        """Records below this offset are let through, however bad they are."""
        return 0 if self.circuit is None or self.circuit.drain_until is None else self.circuit.drain_until

    def holds_back(self, offset: int) -> bool:
        """Whether a record must wait."""
        stopped = self.stopped
        return stopped is not None and offset >= stopped.at_offset

    def look(self, partition: int, batch: Iterable[Seen]) -> Stop | None:
        """Take in a batch; whether to stop the partition, at the first bad record in it that speaks for that."""
        first = None
        for offset, is_bad in batch:
            first = offset if first is None else first
            if offset < self.drain_until:
                continue
            self.latest.append((offset, is_bad))
            if is_bad and (stop := self._stop(partition, first)) is not None:
                self.latest.clear()
                return stop
        return None

    def _stop(self, partition: int, first: int) -> Stop | None:
        bad = [offset for offset, was_bad in self.latest if was_bad]
        if len(self.latest) < LOOK or len(bad) < _MOST_BAD:
            return None
        return Stop(partition, max(bad[0], first), LOOK, len(bad))


def is_mended(held: Sequence[bool], newest: Sequence[bool]) -> bool:
    """Whether half of what is held back can be read by now, or half of what came last; each says if it is bad.

    Fewer held back than are judged by say nothing by themselves: they are among the newest.
    """
    return (len(held) == LOOK and _is_half_good(held)) or _is_half_good(newest)


def _is_half_good(look: Sequence[bool]) -> bool:
    return bool(look) and look.count(False) >= len(look) * _LEAST_GOOD_SHARE
