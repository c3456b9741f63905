"""Waiting for executions to end: one look at all that are waited for, so that many who wait hold no connection."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, Self
from uuid import UUID

from execledger_publisher.cancelling import cancel
from execledger_query.caller import EVERYTHING
from execledger_query.seldom import Seldom
from execledger_query.shares import TooManyError
from execledger_query.store import Store
from execledger_runtime.errors import StoreTooSlow, StoreUnavailable

_LOOK_SECONDS: Final = 0.25
_MOST_OF_ONE: Final = 100
_MOST: Final = 1000


class Endings:
    """All who wait in this process. Whether they may see what they wait for is not asked here."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[UUID, set[asyncio.Event]] = {}
        self._present: Counter[Hashable] = Counter()
        self._looking: asyncio.Task[None] | None = None
        self._failure = Seldom()
        self._is_closing = False

    @classmethod
    @asynccontextmanager
    async def open(cls, store: Store) -> AsyncIterator[Self]:
        """It looks once somebody waits."""
        endings = cls(store)
        try:
            yield endings
        finally:
            endings.close()
            if endings._looking is not None:
                await cancel([endings._looking])

    def close(self) -> None:
        """Let all go on: the service stops, and whoever waits gets an answer before."""
        self._is_closing = True
        self._wake(set())

    async def wait(self, execution_id: UUID, seconds: float, person: Hashable) -> None:
        """Until it has ended, or that time has passed. Raises TooManyError."""
        ended = asyncio.Event()
        with self._counted(person), self._listed(execution_id, ended), suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await ended.wait()

    @contextmanager
    def _counted(self, person: Hashable) -> Iterator[None]:
        if self._present[person] >= _MOST_OF_ONE or self._present.total() >= _MOST:
            raise TooManyError(f"more than {_MOST_OF_ONE} waits of yours at once, or {_MOST} of all", 1)
        self._present[person] += 1
        try:
            yield
        finally:
            self._present[person] -= 1
            if not self._present[person]:
                del self._present[person]

    @contextmanager
    def _listed(self, execution_id: UUID, ended: asyncio.Event) -> Iterator[None]:
        self._waiting.setdefault(execution_id, set()).add(ended)
        if self._is_closing:
            ended.set()
        elif self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            self._waiting[execution_id].discard(ended)
            if not self._waiting[execution_id]:
                del self._waiting[execution_id]

    async def _look_on(self) -> None:
        """As long as somebody waits; a database that is away is waited for, too."""
        while self._waiting:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                async with self._store.reading(EVERYTHING, reserved=True) as reader:
                    self._wake(await reader.open_ones([*self._waiting]))
            except (StoreUnavailable, StoreTooSlow):
                continue
            except Exception as error:  # noqa: BLE001  # the next look may succeed
                self._failure.say("waiting_failed", error)

    def _wake(self, still_open: set[UUID]) -> None:
        for execution_id, waiting in self._waiting.items():
            if execution_id not in still_open:
                for ended in waiting:
                    ended.set()
