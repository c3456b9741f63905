"""Streams: one reader of the feed for all of them, and what it finds fanned out in memory.

A look at the feed, as an admin, only says which channels are concerned. Each of those is then read as its readers may
read, once for all who follow alike. A stream holds no connection to the database while it waits.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, NamedTuple, Self

import structlog
from fastapi.sse import format_sse_event

from execledger_publisher.cancelling import cancel
from execledger_query.caller import EVERYTHING, Sees
from execledger_query.errors import DamagedError
from execledger_query.feed import Cursor, Expired, Place
from execledger_query.live.channels import Channel, Item, Reading, Touched, farewell
from execledger_query.live.stream import Stream
from execledger_query.seldom import Seldom
from execledger_query.shares import TooManyError
from execledger_query.store import Reader, Store
from execledger_runtime.errors import StoreTooSlow, StoreUnavailable

_RETRY_MS: Final = 2000
_POLL_SECONDS: Final = 0.15  # where no notification is heard a change is seen within 250 ms, too
_PAUSE_SECONDS: Final = 0.03  # between two looks: what comes meanwhile is read at once
_AWAY_SECONDS: Final = 0.5
_REREAD_SECONDS: Final = 600.0  # where nothing happens cursors move on, too, for the feed forgets
_CHANGES_AT_ONCE: Final = 5000
_PIECE_BYTES: Final = 65_536
_FULL_RINGS: Final = 16  # as much may wait in all rings together as in so many

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class StreamLimits(NamedTuple):
    """How many streams there may be, of one subject and of all; and the bytes that may wait for the slowest of many."""

    of_subject: int
    of_all: int
    waiting_bytes: int


class _Ring:
    """What was read of a channel and is still to be sent to some of those who follow it."""

    def __init__(self, channel: Channel, place: Place) -> None:
        self.channel = channel
        self.place = place
        self.is_dirty = True
        self.read_at = 0.0
        self.followers: set[_Follower] = set()
        self.waiting_bytes = 0
        self._items: deque[Item] = deque()
        self._first = 0

    @property
    def end(self) -> int:
        """The number of the item that comes next."""
        return self._first + len(self._items)

    def item(self, number: int) -> Item | None:
        """None where it is forgotten."""
        return None if number < self._first else self._items[number - self._first]

    def put(self, items: Sequence[Item]) -> None:
        """Keep them until all have got them."""
        self._items.extend(items)
        self.waiting_bytes += sum(len(item.data) for item in items)
        self.wake()

    def wake(self) -> None:
        """Have those who follow look."""
        for follower in self.followers:
            follower.awake.set()

    def forget_sent(self) -> None:
        """Forget what all have got."""
        least = min((follower.next for follower in self.followers), default=self.end)
        while self._first < least:
            self._forget_one()

    def shorten(self, most_bytes: int) -> None:
        """Forget what is too much, the oldest first: who has not got that is left behind."""
        while self.waiting_bytes > most_bytes:
            self._forget_one()

    def _forget_one(self) -> None:
        self.waiting_bytes -= len(self._items.popleft().data)
        self._first += 1


class _Follower:
    """One who reads a ring."""

    def __init__(self, ring: _Ring) -> None:
        self.ring = ring
        self.next = ring.end
        self.awake = asyncio.Event()

    async def wait(self, is_over: Callable[[], bool]) -> None:
        """Until there is something, or all is over."""
        while self.next == self.ring.end and not is_over():
            self.awake.clear()
            await self.awake.wait()

    def items(self) -> list[Item]:
        """The next ones, about as many as are sent at once."""
        items: list[Item] = []
        size = 0
        while self.next < self.ring.end and size < _PIECE_BYTES:
            item = self.ring.item(self.next) or _LEFT_BEHIND
            items.append(item)
            size += len(item.data)
            self.next += 1
        return items


class Hub:
    """All streams of the process."""

    def __init__(self, store: Store, limits: StreamLimits) -> None:
        self._store = store
        self._limits = limits
        self._rings: dict[Channel, _Ring] = {}
        self._present: Counter[Hashable] = Counter()
        self._cursor: Cursor | None = None
        self._wake = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._failure = Seldom()
        self._is_closing = False

    @classmethod
    @asynccontextmanager
    async def open(cls, store: Store, limits: StreamLimits) -> AsyncIterator[Self]:
        """A hub that reads once somebody follows."""
        hub = cls(store, limits)
        try:
            yield hub
        finally:
            hub.close()
            if hub._reader is not None:
                await cancel([hub._reader])

    def close(self) -> None:
        """End all streams: who follows goes on elsewhere, or later."""
        self._is_closing = True
        for ring in self._rings.values():
            ring.wake()

    @property
    def streams(self) -> int:
        """How many there are."""
        return self._present.total()

    @contextmanager
    def admitted(self, subject: Hashable) -> Iterator[None]:
        """Count a stream of that subject while the block lasts. Raises TooManyError."""
        if self._present[subject] >= self._limits.of_subject:
            raise TooManyError(f"more than {self._limits.of_subject} streams of yours at once", _RETRY_MS // 1000)
        if self.streams >= self._limits.of_all:
            raise TooManyError(f"more than {self._limits.of_all} streams at once", _RETRY_MS // 1000)
        self._present[subject] += 1
        try:
            yield
        finally:
            self._present[subject] -= 1
            if not self._present[subject]:
                del self._present[subject]

    async def follow(self, stream: Stream, reading: Reading) -> AsyncIterator[bytes]:
        """What is sent, from what was read first on. What goes wrong is said to the client before it is cut off."""
        yield format_sse_event(retry=_RETRY_MS)
        try:
            async for text in self._texts(stream, reading):
                if text:
                    yield text
        except (StoreUnavailable, DamagedError) as error:
            yield stream.sent([_trouble(error)])

    async def _texts(self, stream: Stream, reading: Reading) -> AsyncIterator[bytes]:
        """Up to now what is read for this stream alone, and from then on what is read for all that are alike."""
        yield stream.taken(reading)
        while not (reading.is_all or stream.is_over or self._is_closing):
            async with self._store.reading(stream.channel.caller) as reader:
                reading = await stream.channel.read(reader, stream.place)
            yield stream.taken(reading)
        with self._joined(stream) as follower:
            while not stream.is_over:
                yield stream.sent(await self._next(follower, stream)) or stream.heartbeat()

    async def _next(self, follower: _Follower, stream: Stream) -> list[Item]:
        """What came; nothing when nothing came for so long that the client should hear that we are there."""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(stream.quiet_seconds(), stream.seconds_left())):
                await follower.wait(lambda: self._is_closing)
        if self._is_closing:
            return [farewell("unavailable", "the service stops")]
        if stream.seconds_left() <= 0:
            return [farewell("unauthenticated", "the token has expired")]
        return follower.items()

    @contextmanager
    def _joined(self, stream: Stream) -> Iterator[_Follower]:
        """Let it follow; what it has not got since it read for itself is read for all."""
        ring = self._rings.setdefault(stream.channel, _Ring(stream.channel, stream.place))
        ring.place, ring.is_dirty = ring.place.before(stream.place), True
        follower = _Follower(ring)
        ring.followers.add(follower)
        self._wake.set()
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read_on())
        try:
            yield follower
        finally:
            ring.followers.discard(follower)
            if not ring.followers and self._rings.get(stream.channel) is ring:
                del self._rings[stream.channel]

    async def _read_on(self) -> None:
        """Look at the feed again and again, as long as somebody follows. A database that is away is waited for."""
        self._cursor = None
        while self._rings:
            try:
                async with self._store.woken(self._wake.set):
                    while self._rings:
                        await self._look()
                        await self._rest()
            except StoreUnavailable as error:
                log.debug("streams_wait", cause=str(error))
                await asyncio.sleep(_AWAY_SECONDS)
            except Exception as error:  # noqa: BLE001  # the next look may succeed; meanwhile streams are but late
                self._failure.say("streams_failed", error)
                await asyncio.sleep(_AWAY_SECONDS)

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_POLL_SECONDS):
                await self._wake.wait()
        await asyncio.sleep(_PAUSE_SECONDS)

    async def _look(self) -> None:
        """Find out which channels are concerned by what is new, and read those."""
        self._wake.clear()
        async with self._store.reading(EVERYTHING, reserved=True) as reader:
            touched = await self._touched(reader)
        now = time.monotonic()
        for ring in [*self._rings.values()]:
            ring.forget_sent()
            is_old = now - ring.read_at > _REREAD_SECONDS
            if ring.is_dirty or is_old or touched is None or ring.channel.is_concerned(touched):
                ring.is_dirty = True  # until it is read: that may fail
                await self._read(ring)

    async def _touched(self, reader: Reader) -> Touched | None:
        """What was changed since the last look; None where that cannot be told."""
        followed = await reader.changes(
            await reader.heads() if self._cursor is None else self._cursor, _CHANGES_AT_ONCE
        )
        if isinstance(followed, Expired):
            self._cursor = followed.heads
            return None
        self._cursor = followed.cursor
        if not followed.is_all:
            self._wake.set()
        changed = frozenset(change.execution_id for change in followed.changes)
        has_owners = any(ring.channel.caller.sees is Sees.OWNER for ring in self._rings.values())
        owners = frozenset(await reader.owners(changed)) if has_owners and changed else frozenset()
        return Touched(changed, frozenset(change.tenant_id for change in followed.changes), owners)

    async def _read(self, ring: _Ring) -> None:
        """Read a part of what is new in a channel, and hand it to those who follow."""
        try:
            async with self._store.reading(ring.channel.caller, reserved=True) as reader:
                reading = await ring.channel.read(reader, ring.place)
        except (DamagedError, StoreTooSlow) as error:  # others need not wait for it
            ring.put([_trouble(error)])
            ring.is_dirty = False
            return
        ring.shorten(self._limits.waiting_bytes)  # of what was there: what comes now all have time for
        ring.put(reading.items)
        ring.place, ring.is_dirty, ring.read_at = reading.place, not reading.is_all, time.monotonic()
        if ring.is_dirty:
            self._wake.set()
        self._make_room()

    def _make_room(self) -> None:
        """Leave behind who is slow, where more waits in all rings than may."""
        rings = self._rings.values()
        while sum(each.waiting_bytes for each in rings) > _FULL_RINGS * self._limits.waiting_bytes:
            max(rings, key=lambda each: each.waiting_bytes).shorten(0)


def _trouble(error: StoreUnavailable | DamagedError) -> Item:
    match error:
        case DamagedError():
            return farewell("damaged", str(error))
        case StoreTooSlow():
            return farewell("too-slow", str(error))
        case _:
            return farewell("unavailable", str(error))


_LEFT_BEHIND: Final = farewell("slow-client", "more waits for this client than is kept: it reads too slowly")
