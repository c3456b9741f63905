"""That a broker is away, said once when it begins, once a minute while it lasts, and once when it is over.

aiokafka says it some ninety times a second. What it says is kept from the log, and its last words are remembered.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

SECONDS_BETWEEN_LINES: Final = 60.0


class Outage:
    """Whether something is out of order, and the lines that the log gets for it."""

    def __init__(
        self, say: Callable[[str], object], what: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._what = what
        self._monotonic = monotonic
        self._began: float | None = None
        self._said = 0.0

    @property
    def lasts(self) -> bool:
        """Whether it is out of order now."""
        return self._began is not None

    def goes_on(self, reason: str) -> None:
        """It does not work, for that reason."""
        now = self._monotonic()
        if self._began is None:
            self._began = self._said = now
            self._say(f"{self._what}: {reason}; it is tried again until it works")
        elif now - self._said >= SECONDS_BETWEEN_LINES:
            self._said = now
            self._say(f"{self._what}, for {now - self._began:.0f} s: {reason}")

    def is_over(self) -> None:
        """It works."""
        if self._began is not None:
            self._say(f"{self._what}: over after {self._monotonic() - self._began:.0f} s")
            self._began = None


class Complaints(logging.Filter):
    """Keeps what aiokafka says of one thread's connections from the log, and hands it to whom it concerns."""

    def __init__(self, hear: Callable[[str], None], thread: int | None = None) -> None:
        super().__init__()
        self._hear = hear
        self._thread = thread or threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may pass: what is of other threads, and what is no complaint."""
        if record.thread != self._thread or record.levelno < logging.WARNING:
            return True
        self._hear(record.getMessage())
        return False

    def begin(self) -> None:
        """Listen from now on."""
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self)

    def end(self) -> None:
        """Listen no more."""
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self)


_LOGGERS: Final = (
    "aiokafka",
    "aiokafka.cluster",
    "aiokafka.conn",
    "aiokafka.consumer.consumer",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.consumer.subscription_state",
    "aiokafka.helpers",
    "aiokafka.producer.producer",
    "aiokafka.producer.sender",
)
"""Those that complain of brokers: a filter hears its own logger only, not those below it."""
