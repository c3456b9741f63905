"""Transactions of producers that are still open: what others committed behind one is hidden until it ends."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

SUSPICIOUS_SECONDS: Final = 60.0
"""A producer's own time limit, by default: one that is open for longer has mostly been forgotten."""

_READ_MS: Final = 5000


class OpenTransaction(NamedTuple):
    """The oldest that is open in a partition, with how many offsets lie from its first record to the end of the log."""

    topic: str
    partition: int
    offset: int
    hidden: int
    since: datetime | None


def ending(topic: str, partition: int, offset: int) -> str:
    """The command of Kafka's that ends one which nobody will."""
    whose = f"--topic {topic} --partition {partition} --start-offset {offset}"
    return f"kafka-transactions.sh --bootstrap-server HOST:PORT abort {whose}"


async def open_transactions(kafka_options: Mapping[str, Any], topics: Sequence[str]) -> list[OpenTransaction]:
    """Those in the partitions of some topics, which must be there. Raises KafkaError."""
    shown = AIOKafkaConsumer(*topics, isolation_level="read_committed", **kafka_options)
    whole = AIOKafkaConsumer(isolation_level="read_uncommitted", **kafka_options)
    try:
        await shown.start()
        await whole.start()
        places = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in sorted(shown.partitions_for_topic(topic) or ())
        ]
        ends = await shown.end_offsets(places)  # first: what is committed meanwhile is not hidden
        whole.assign(places)
        reaches = await whole.end_offsets(places)
        return [
            OpenTransaction(place.topic, place.partition, end, reaches[place] - end, await _began(whole, place, end))
            for place, end in ends.items()
            if reaches[place] > end
        ]
    finally:
        await whole.stop()
        await shown.stop()


async def _began(whole: AIOKafkaConsumer, place: TopicPartition, offset: int) -> datetime | None:
    """When its first record was written, which lies where what may be read ends."""
    whole.seek(place, offset)
    found = await whole.getmany(place, timeout_ms=_READ_MS, max_records=1)
    times = [record.timestamp for record in found.get(place, ())]
    return datetime.fromtimestamp(max(times[0], 0) / 1000, UTC) if times else None
