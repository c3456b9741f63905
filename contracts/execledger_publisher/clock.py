"""What time it is. Handed in, so that tests and simulations have their own."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The time of day, and a time that only rises, for durations."""

    def now(self) -> datetime:
        """The time of day, with its offset."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never falls."""
        ...


class SystemClock:
    """The computer's clocks."""

    def now(self) -> datetime:
        """The time of day in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment; never falls."""
        return time.monotonic()
