"""Roll-ups, brought up to date beside recording."""

from collections.abc import Callable
from time import monotonic
from typing import Final

from execledger_recorder.store import Store
from execledger_recorder.store.rollups import EVENT_COUNTS_AT_ONCE

_QUIET_SECONDS: Final = 1.0  # what is being written is summed once it is written, or every ten seconds
_REST: Final = 20  # a pass is followed by a rest of twenty times its length: a twentieth of a core is what it takes


class RollupTask:
    """Settles what is marked. An hour in which much is recorded is computed the more seldom, the more it holds.

    The rest is one for all recorders: where each has its own, they take turns.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = monotonic) -> None:
        self._store = store
        self._clock = clock

    async def settle(self) -> None:
        """Bring up to date what is marked, unless it is time to rest. Raises MustWait."""
        if await self._store.rollups.is_at_rest():
            return
        started_at = self._clock()
        await settle(self._store, _QUIET_SECONDS)
        await self._store.rollups.rest(_REST * (self._clock() - started_at))


async def settle(store: Store, quiet_seconds: float = 0) -> None:
    """Bring all roll-ups up to date with what is marked now: hours that were quiet for so long."""
    while await store.rollups.settle_hours(quiet_seconds):
        pass
    while await store.rollups.settle_slice():
        pass
    while await store.rollups.settle_spans("day", "hour"):
        pass
    while await store.rollups.settle_spans("month", "day"):
        pass
    while await store.rollups.add_events() == EVENT_COUNTS_AT_ONCE:
        pass
