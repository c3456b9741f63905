"""What each subject may ask at once and in a second, so that the requests of one are not an outage for all."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_BURST_SECONDS: Final = 2.0
_MOST_WAITING: Final = 100
_FORGET_ABOVE: Final = 1000


class Allowance(NamedTuple):
    """Of each subject: requests at once, in a second, and how long the next one waits for one of its own to end."""

    at_once: int
    a_second: float
    wait_seconds: float


class TooManyError(Exception):
    """A subject asks more than its share: the message says of what, and when it may ask again."""

    def __init__(self, what: str, retry_seconds: int) -> None:
        super().__init__(what)
        self.retry_seconds = retry_seconds


@dataclass(slots=True)
class _Share:
    turns: asyncio.Semaphore
    left: float
    counted_at: float
    present: int = field(default=0)


class Shares:
    """The shares of all who ask."""

    def __init__(self, allowance: Allowance, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowance = allowance
        self._most = allowance.a_second * _BURST_SECONDS
        self._clock = clock
        self._shares: dict[Hashable, _Share] = {}

    @asynccontextmanager
    async def admitted(self, subject: Hashable) -> AsyncIterator[None]:
        """Let a request of that subject run while the block lasts. Raises TooManyError."""
        share = self._shares.get(subject) or self._share(subject)
        self._count(share)
        if share.present >= self._allowance.at_once + _MOST_WAITING:
            raise TooManyError(f"{_MOST_WAITING} requests of yours wait for others of yours", 1)
        share.present += 1
        try:
            await self._turn(share)
            try:
                yield
            finally:
                share.turns.release()
        finally:
            share.present -= 1

    async def _turn(self, share: _Share) -> None:
        if not share.turns.locked():
            await share.turns.acquire()  # at once
            return
        try:
            async with asyncio.timeout(self._allowance.wait_seconds):
                await share.turns.acquire()
        except TimeoutError:
            raise TooManyError(f"more than {self._allowance.at_once} requests of yours at once", 1) from None

    def _count(self, share: _Share) -> None:
        now = self._clock()
        share.left = min(self._most, share.left + (now - share.counted_at) * self._allowance.a_second)
        share.counted_at = now
        if share.left < 1:
            seconds = int((1 - share.left) / self._allowance.a_second) + 1
            raise TooManyError(f"more than {self._allowance.a_second:g} requests of yours in a second", seconds)
        share.left -= 1

    def _share(self, subject: Hashable) -> _Share:
        if len(self._shares) >= _FORGET_ABOVE:
            self._forget()
        share = _Share(asyncio.Semaphore(self._allowance.at_once), self._most, self._clock())
        self._shares[subject] = share
        return share

    def _forget(self) -> None:
        """Drop the shares that are whole again: a new one would be the same."""
        rested = self._clock() - _BURST_SECONDS
        self._shares = {
            subject: share for subject, share in self._shares.items() if share.present or share.counted_at > rested
        }
