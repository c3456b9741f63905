"""The connections of a listener: how many there may be at once, and which of them is dropped for the next.

asyncio's own loop of accepting goes on without a pause when file descriptors run out: it logged 547 MB in 90 s, and
made a batch that takes 0.1 s take 18.
"""

import asyncio
import errno
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import IntEnum
from typing import Final

import structlog

_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE_SECONDS: Final = 1.0
_RUSH: Final = 4  # seconds' worth
_SECONDS_BETWEEN_LINES: Final = 60.0

log = structlog.get_logger()


class Worth(IntEnum):
    """What is lost with a connection: the least goes first, and of several the oldest."""

    SILENT = 0  # nothing was ever asked on it
    IDLE = 1  # what was asked is answered
    BUSY = 2  # it is never dropped


class Connection(asyncio.Protocol, ABC):
    """What serves a connection; it tells its gate when it is lost."""

    @property
    @abstractmethod
    def worth(self) -> Worth:
        """What would be lost with it now."""

    @abstractmethod
    def drop(self) -> None:
        """Close it at once, also when it was not made yet."""


class Gate:
    """Lets connections in: `most` at once, and where `a_second` is given no more than that in a second for long.

    A rush of four times as many comes in as fast as it can.

    One that comes while there are as many takes the place of one on which nothing is asked. While all are busy it waits
    in the kernel's queue; so it does when file descriptors have run out. Either is said once a minute.
    """

    def __init__(self, listener: socket.socket, most: int, a_second: int | None = None) -> None:
        self._listener = listener
        self._most = most
        self._a_second = a_second
        self._held: dict[Connection, None] = {}
        self._joining: set[asyncio.Task[None]] = set()
        self._left, self._counted_at = 0.0, float("-inf")  # how many more may come in, at that time
        self._said_at = float("-inf")
        self._pause: asyncio.TimerHandle | None = None
        self._is_full = False

    def open(self, welcome: Callable[["Gate"], Connection]) -> None:
        """Let them in from now on; `welcome` makes what serves one."""
        self._welcome = welcome
        self._listener.setblocking(False)
        self._resume()

    def close(self) -> None:
        """Let nobody in any more; the connections that are there stay."""
        self._stop()
        self._is_full = False

    def lost(self, connection: Connection) -> None:
        """It is closed."""
        self._held.pop(connection, None)
        if self._is_full:
            self._resume()

    def drop_all(self) -> None:
        """Close those that are there."""
        for connection in list(self._held):
            connection.drop()

    def _resume(self) -> None:
        self._pause = None
        self._is_full = False
        asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def _stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._listener.fileno())
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def _rest(self, seconds: float) -> None:
        self._stop()
        self._pause = asyncio.get_running_loop().call_later(seconds, self._resume)

    def _accept(self) -> None:
        """Somebody waits: let one in, for what else is on this loop has its turn in between."""
        if not (self._is_in_time() and self._has_room()):
            return
        try:
            accepted, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            self._say("out_of_file_descriptors", error=error.strerror)
            self._drop_one()
            self._rest(_PAUSE_SECONDS)
        else:
            self._let_in(accepted)

    def _let_in(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        self._left -= 1
        connection = self._welcome(self)
        self._held[connection] = None
        task = asyncio.get_running_loop().create_task(self._join(connection, accepted))
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    async def _join(self, connection: Connection, accepted: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, accepted)
        except OSError:  # it has gone
            accepted.close()
            self.lost(connection)

    def _is_in_time(self) -> bool:
        """Whether one more may come in now; if not, the next moment is waited for."""
        if self._a_second is None:
            return True
        now = asyncio.get_running_loop().time()
        self._left = min(_RUSH * self._a_second, self._left + (now - self._counted_at) * self._a_second)
        self._counted_at = now
        if self._left < 1:
            self._rest((1 - self._left) / self._a_second)
        return self._left >= 1

    def _has_room(self) -> bool:
        """Whether one more may come in; if not, the next that is lost lets it in."""
        if len(self._held) < self._most or self._drop_one():
            return True
        self._say("connections_full", connections=self._most)
        self._stop()
        self._is_full = True
        return False

    def _drop_one(self) -> bool:
        """Whether there was one that nobody misses."""
        least = min(self._held, key=lambda connection: connection.worth, default=None)
        if least is None or least.worth is Worth.BUSY:
            return False
        del self._held[least]
        least.drop()
        return True

    def _say(self, event: str, **facts: object) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._said_at >= _SECONDS_BETWEEN_LINES:
            self._said_at = now
            log.warning(event, **facts)
