"""Ids: UUIDv7 (RFC 9562), which sort by time and Python has from 3.14 on, and identifiers that fit an envelope."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from execledger_contracts.cleaning import UNSTORABLE
from execledger_contracts.readings import LONGEST, shortened
from execledger_publisher.forking import new_lock

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_COUNTER_BITS: Final = 42
_LOW_BITS: Final = 30

NewId = Callable[[datetime], str]
"""Gives an id for something that happens at that time."""


class Uuid7:
    """Gives UUIDv7s that rise, also within a millisecond and when the clock is set back. Safe between threads."""

    def __init__(self, random_bits: Callable[[int], int] = secrets.randbits) -> None:
        self._random_bits = random_bits
        self._lock = new_lock()
        self._unix_ms = -1
        self._counter = 0

    def __call__(self, at: datetime) -> str:
        """A new id with the time `at` in it, or with the latest time of an id given before."""
        unix_ms = (at - _EPOCH) // _MILLISECOND
        with self._lock:
            self._advance(unix_ms)
            return str(_assembled(self._unix_ms, self._counter, self._random_bits(32)))

    def _advance(self, unix_ms: int) -> None:
        self._counter += 1
        if unix_ms > self._unix_ms or self._counter >> _COUNTER_BITS:
            self._unix_ms = max(unix_ms, self._unix_ms + 1)
            self._counter = self._random_bits(_COUNTER_BITS - 1)  # the highest bit is room to count


def identifier(value: Any) -> str:
    """An identifier of an event's envelope, whatever was given for it: there a wrong one costs the event.

    >>> len(identifier("x" * 300))
    222
    """
    text = UNSTORABLE.sub("\ufffd", value if isinstance(value, str) else shown(value))
    if len(text) <= LONGEST:
        return text
    return shortened(text)


def shown(value: Any) -> str:
    """Any object as text, for where nothing better is known; somebody's `__str__` must not cost an event."""
    for show in (str, repr):
        try:
            return show(value)
        except Exception:  # noqa: BLE001, S112 - see above
            continue
    return f"<{type(value).__name__}>"


def _assembled(unix_ms: int, counter: int, tail: int) -> UUID:
    high, low = counter >> _LOW_BITS, counter & ((1 << _LOW_BITS) - 1)
    return UUID(int=unix_ms << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low << 32 | tail)
