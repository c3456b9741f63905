"""What the Kafka client says of brokers that are away, some ninety times a second: one line a minute is enough.

That they are away, and when it is over, whoever waits for them says himself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

import structlog

from execledger_publisher.outages import SECONDS_BETWEEN_LINES, Complaints

log = structlog.get_logger()

_NEVER: Final = float("-inf")


@contextmanager
def quiet_kafka() -> Iterator[None]:
    """For as long as the block lasts, for clients of this thread."""
    complaints = Complaints(_Seldom().hear)
    complaints.begin()
    try:
        yield
    finally:
        complaints.end()


class _Seldom:
    def __init__(self) -> None:
        self._said_at = _NEVER
        self._kept_back = 0

    def hear(self, complaint: str) -> None:
        """Say it, if nothing was said for a minute."""
        if monotonic() - self._said_at < SECONDS_BETWEEN_LINES:
            self._kept_back += 1
            return
        log.warning("kafka_client_complains", said=complaint, kept_back=self._kept_back)
        self._said_at, self._kept_back = monotonic(), 0
