"""What waits to be delivered: bounded in events and bytes, and safe between threads."""

import threading
from collections import deque
from collections.abc import Sequence

from execledger_publisher.encoding import Record


class Buffer:
    """A queue that refuses what is too much. What was taken counts until it is settled."""

    def __init__(self, max_events: int, max_bytes: int) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._records: deque[Record] = deque()
        self._on_their_way: dict[int, Record] = {}
        self._events = 0
        self._bytes = 0
        self._has_room = threading.Condition()

    def __len__(self) -> int:
        """How many events are not settled yet."""
        return self._events

    def has_room(self, size: int = 1) -> bool:
        """Whether an event of that size would be taken now."""
        return self._events < self._max_events and self._bytes + size <= self._max_bytes

    def put(self, record: Record, seconds: float = 0.0) -> bool:
        """Take a record, waiting so long for room at most; False when there was none."""
        with self._has_room:
            if not self.has_room(record.size) and not (
                seconds > 0 and self._has_room.wait_for(lambda: self.has_room(record.size), seconds)
            ):
                return False
            self._records.append(record)
            self._events += 1
            self._bytes += record.size
            return True

    def take(self, max_events: int) -> list[Record]:
        """The oldest records, which still count."""
        with self._has_room:
            taken = [self._records.popleft() for _ in range(min(max_events, len(self._records)))]
            self._on_their_way |= {id(record): record for record in taken}
            return taken

    def is_empty(self) -> bool:
        """Whether there is nothing to take; what was taken may be on its way."""
        return not self._records

    def settle(self, records: Sequence[Record]) -> None:
        """These were delivered or given up: they count no more."""
        with self._has_room:
            for record in records:
                self._on_their_way.pop(id(record), None)
            self._events -= len(records)
            self._bytes -= sum(record.size for record in records)
            self._has_room.notify_all()

    def abandon(self) -> list[Record]:
        """Everything that is not settled, which is settled by that."""
        with self._has_room:
            rest = [*self._on_their_way.values(), *self._records]
            self._records.clear()
        self.settle(rest)
        return rest
