"""A look at how Kafka keeps the topics of events: some ways of keeping it lose events, by design."""

from typing import Final

import structlog

from execledger_recorder.metrics import Metrics
from execledger_recorder.settings import Settings
from execledger_runtime.kafka.topics import ADVICE, Danger, keeping

log = structlog.get_logger()


class TopicWatch:
    """Warns of each danger once, and again when it has come back."""

    def __init__(self, metrics: Metrics, settings: Settings) -> None:
        self._metrics: Final = metrics
        self._settings: Final = settings
        self._known: dict[str, frozenset[Danger]] = {}

    async def look(self) -> None:
        """Raises KafkaError. Where we may not look, nothing is shown."""
        for topic in self._settings.topics:
            await self._look(topic)

    async def _look(self, topic: str) -> None:
        if (kept := await keeping(self._settings.kafka_options, topic)) is None:
            return
        known, found = self._known.get(topic, frozenset()), frozenset(kept.dangers)
        for danger in Danger:
            self._metrics.topic_dangers.labels(topic, danger).set(danger in found)
        for danger in sorted(found - known):
            log.warning("topic_in_danger", topic=topic, danger=danger, found=kept.fact(danger), do=ADVICE[danger])
        for danger in sorted(known - found):
            log.info("topic_out_of_danger", topic=topic, danger=danger)
        self._known[topic] = found
