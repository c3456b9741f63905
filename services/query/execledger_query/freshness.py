"""How far the record lies behind Kafka."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from execledger_query.caller import NOBODY
from execledger_query.seldom import Seldom
from execledger_query.store import Store
from execledger_runtime.errors import StoreUnavailable

_CACHE_SECONDS: Final = 1.0
_STALE_SECONDS: Final = 5.0  # the recorder looks every second


@dataclass(frozen=True, slots=True)
class Look:
    """What the recorder wrote about Kafka, as ages in seconds at one moment."""

    waiting: float | None  # of the oldest unrecorded record; None when nothing waits
    observed: float  # of the oldest look of the recorder


def lag(look: Look, elapsed: float) -> float:
    """Seconds of lag, `elapsed` seconds after the look; at least as old as a look that is stale.

    >>> lag(Look(waiting=None, observed=0.5), 1), lag(Look(waiting=3.0, observed=0.5), 1)
    (0.0, 4.0)
    >>> lag(Look(waiting=None, observed=60.0), 1)
    61.0
    """
    if look.observed + elapsed > _STALE_SECONDS:
        return look.observed + elapsed
    return 0.0 if look.waiting is None else max(0.0, look.waiting + elapsed)


class Freshness:
    """The lag, read at most once a second however many ask; the database's clock judges, so ours may be wrong."""

    def __init__(self, store: Store, topics: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._topics = topics
        self._clock = clock
        self._look: Look | None = None
        self._looked_at = float("-inf")
        self._tried_at = float("-inf")
        self._turn = asyncio.Lock()
        self._failure = Seldom(clock)
        self._question: asyncio.Task[int] | None = None

    async def seconds(self) -> float | None:
        """None before a recorder has ever looked. While the database is away, the last look grows old."""
        if self._is_due() and not (self._look and self._turn.locked()):  # one waits for the database, others need not
            async with self._turn:
                if self._is_due():
                    await self._read()
                    self._tried_at = self._clock()
        return None if self._look is None else lag(self._look, self._clock() - self._looked_at)

    async def keep(self) -> None:
        """Look again and again, until cancelled: for whoever reads `last`."""
        while True:
            await self.seconds()
            await asyncio.sleep(_CACHE_SECONDS)

    @property
    def last(self) -> float:
        """Seconds of lag by the last look; -1 before there was one. It grows until there is another."""
        return -1.0 if self._look is None else lag(self._look, self._clock() - self._looked_at)

    async def schema_version(self) -> int:
        """The schema of the database; one question at a time, whose answer is that of all who ask meanwhile."""
        if self._question is None or self._question.done():
            self._question = asyncio.create_task(self._store.schema_version())
        return await asyncio.shield(self._question)

    def _is_due(self) -> bool:
        return self._clock() - self._tried_at >= _CACHE_SECONDS

    async def _read(self) -> None:
        try:
            async with self._store.reading(NOBODY, reserved=True) as reader:
                row = await reader.lag(self._topics)
        except StoreUnavailable:
            return
        except Exception as error:  # noqa: BLE001  # an answer without its age is worth more than none
            self._failure.say("freshness_failed", error)
            return
        self._look = None if row is None else Look(row["waiting_seconds"], row["observed_seconds"])
        self._looked_at = self._clock()
