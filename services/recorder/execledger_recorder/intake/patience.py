"""What the infrastructure cannot do now is nobody's fault: it is waited for, and said."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from execledger_publisher.outages import Outage
from execledger_recorder.metrics import Metrics
from execledger_runtime.errors import MustWait

log = structlog.get_logger()

TROUBLE: Final = (MustWait, KafkaError)
"""What is waited for."""

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0


class Patience:
    """Tries again until it succeeds, and knows what cannot be done meanwhile, and why."""

    def __init__(self, metrics: Metrics, brokers: str) -> None:
        self._metrics = metrics
        self._brokers = brokers
        self._obstacles: dict[str, str] = {}

    @property
    def waits_for(self) -> list[str]:
        """Why something cannot be done now."""
        return list(dict.fromkeys(self._obstacles.values()))

    async def retry_until_done(
        self, task: str, attempt: Callable[[], Awaitable[None]], is_over: Callable[[], bool]
    ) -> None:
        """Try until it succeeds or it is over: once in any case."""
        pause = _FIRST_PAUSE
        outage = Outage(lambda said: log.warning("waiting", error=said), task)
        while True:
            try:
                with self.waiting(task):
                    await attempt()
            except TROUBLE:
                outage.goes_on(self._obstacles[task])
            else:
                return outage.is_over()
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            if is_over():
                return self.forget(task)

    @contextmanager
    def waiting(self, task: str) -> Iterator[None]:
        """Show why the block could not do its work, until it can."""
        try:
            yield
        except TROUBLE as error:
            said = str(error) or repr(error)
            is_clear = not isinstance(error, KafkaError) or self._brokers in said
            self._obstacles[task] = said if is_clear else f"Kafka at {self._brokers}: {said}"
            self._metrics.paused.set(1)
            self._metrics.retries.inc()
            raise
        self.forget(task)

    def forget(self, task: str) -> None:
        """Nobody waits for this task any more."""
        self._obstacles.pop(task, None)
        self._metrics.paused.set(bool(self._obstacles))
