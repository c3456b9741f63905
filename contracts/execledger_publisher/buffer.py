"""What waits to be delivered: bounded in events and bytes, and safe between threads."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from execledger_publisher.encoding import Record
from execledger_publisher.forking import new_lock


class Buffer:
    """A queue that refuses what is too much. What was taken counts until it is settled.

    What begins and ends something has room kept for it: no number of events keeps it out, and a quarter of the bytes
    is for it alone, as long as it is small.
    """

    def __init__(self, max_events: int, max_bytes: int) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._bytes_for_all = max_bytes - max_bytes // 4
        self._begin()

    def _begin(self) -> None:
        self._records: deque[Record] = deque()
        self._on_their_way: dict[int, Record] = {}
        self._events = 0
        self._bytes = 0
        self._watchers: list[Callable[[], None]] = []
        self._changed = threading.Condition(new_lock())

    forget = _begin
    """Begin anew in a child after a fork: what waits there is the parent's to deliver."""

    def __len__(self) -> int:
        """How many events are not settled yet."""
        return self._events

    def has_room(self) -> bool:
        """Whether an event of the usual kind would be taken now."""
        return self._events < self._max_events and self._bytes < self._bytes_for_all

    def put(self, record: Record, seconds: float = 0.0) -> bool:
        """Take a record, waiting so long for room at most; False when there was none."""
        with self._changed:
            if not self._takes(record) and not (
                seconds > 0 and self._changed.wait_for(lambda: self._takes(record), seconds)
            ):
                return False
            self._records.append(record)
            self._events += 1
            self._bytes += record.size
            return True

    def take(self, max_events: int) -> list[Record]:
        """The oldest records, which still count."""
        with self._changed:
            taken = [self._records.popleft() for _ in range(min(max_events, len(self._records)))]
            self._on_their_way |= {id(record): record for record in taken}
            return taken

    def is_empty(self) -> bool:
        """Whether there is nothing to take; what was taken may be on its way."""
        return not self._records

    def wait_until_empty(self, seconds: float) -> int:
        """Wait until all is settled, so long at most. Gives the number of events that are not."""
        with self._changed:
            self._changed.wait_for(lambda: not self._events, seconds)
            return self._events

    @contextmanager
    def watched(self, tell: Callable[[], None]) -> Iterator[None]:
        """Call it whenever something was settled, from whichever thread; it must not raise."""
        self._watchers.append(tell)
        try:
            yield
        finally:
            if tell in self._watchers:  # a fork may have begun anew
                self._watchers.remove(tell)

    def settle(self, records: Sequence[Record]) -> None:
        """These were delivered or given up: they count no more."""
        with self._changed:
            for record in records:
                self._on_their_way.pop(id(record), None)
            self._events -= len(records)
            self._bytes -= sum(record.size for record in records)
            self._changed.notify_all()
        for tell in list(self._watchers):
            tell()

    def abandon(self) -> list[Record]:
        """Everything that is not settled, which is settled by that."""
        with self._changed:
            rest = [*self._on_their_way.values(), *self._records]
            self._records.clear()
        self.settle(rest)
        return rest

    def _takes(self, record: Record) -> bool:
        has_events = record.is_milestone or self._events < self._max_events
        return has_events and self._bytes + record.size <= (
            self._max_bytes if record.is_kept_room_for else self._bytes_for_all
        )
