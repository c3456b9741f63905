"""What waits in a lane to be taken further."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final, Generic, TypeVar

Part = TypeVar("Part")


class Waiting(Generic[Part]):
    """Parts in the order in which they came."""

    def __init__(self) -> None:
        self.parts: Final[deque[Part]] = deque()
        self._changed: Final = asyncio.Event()
        self._is_closed = False

    def put(self, part: Part) -> None:
        """Behind the others."""
        self.parts.append(part)
        self._changed.set()

    def close(self) -> None:
        """Nothing is given out from now on, and nobody waits."""
        self._is_closed = True
        self.parts.clear()
        self._changed.set()

    def take(self, count: int) -> list[Part]:
        """The first of them."""
        return [self.parts.popleft() for _ in range(count)]

    async def some(self) -> None:
        """Wait until there are any, or it is closed."""
        while not self.parts and not self._is_closed:
            await self._change()

    async def more(self, seconds: float) -> None:
        """Wait until another one comes, so long at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
