"""A look at how Kafka keeps the events topic: some ways of keeping it lose events, by design."""

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
        self._known: frozenset[Danger] = frozenset()

    async def look(self) -> None:
        """Raises KafkaError. Where we may not look, nothing is shown."""
        topic = self._settings.events_topic
        if (kept := await keeping(self._settings.kafka_options, topic)) is None:
            return
        found = frozenset(kept.dangers)
        for danger in Danger:
            self._metrics.topic_dangers.labels(danger).set(danger in found)
        for danger in sorted(found - self._known):
            log.warning("topic_in_danger", topic=topic, danger=danger, found=kept.fact(danger), do=ADVICE[danger])
        for danger in sorted(self._known - found):
            log.info("topic_out_of_danger", topic=topic, danger=danger)
        self._known = found
