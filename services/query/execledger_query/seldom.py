"""A failure that comes again and again is logged once a minute."""

import time
from collections.abc import Callable
from typing import Final

import structlog

_SECONDS_BETWEEN_LINES: Final = 60.0

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Seldom:
    """The log of one kind of failure."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said_at = float("-inf")

    def say(self, event: str, error: Exception) -> None:
        """Log the error, unless one was logged within a minute."""
        now = self._clock()
        if now - self._said_at >= _SECONDS_BETWEEN_LINES:
            self._said_at = now
            log.error(event, exc_info=error)
