"""Roll-ups, brought up to date beside recording."""

from collections.abc import Callable
from time import monotonic
from typing import Final

from execledger_recorder.store import Store
from execledger_recorder.store.rollups import EVENT_COUNTS_AT_ONCE

_REST: Final = 20  # a pass is followed by a rest of twenty times its length: a twentieth of a core is what it takes


class RollupTask:
    """Settles what is marked. An hour in which much is recorded is computed the more seldom, the more it holds."""

    def __init__(self, store: Store, clock: Callable[[], float] = monotonic) -> None:
        self._store = store
        self._clock = clock
        self._rests_until = float("-inf")

    async def settle(self) -> None:
        """Bring up to date what is marked, unless it is time to rest. Raises MustWait."""
        if self._clock() < self._rests_until:
            return
        started_at = self._clock()
        await settle(self._store)
        now = self._clock()
        self._rests_until = now + _REST * (now - started_at)


async def settle(store: Store) -> None:
    """Bring all roll-ups up to date with what is marked now."""
    while await store.rollups.settle_hours():
        pass
    while await store.rollups.settle_spans("day", "hour"):
        pass
    while await store.rollups.settle_spans("month", "day"):
        pass
    while await store.rollups.add_events() == EVENT_COUNTS_AT_ONCE:
        pass
