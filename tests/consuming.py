"""Read a topic from its beginning to its end."""

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from running import eventually


async def consumed(bootstrap_servers: str, topic: str) -> list[Any]:
    """Every record of the topic, in the order of each partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = await eventually(lambda: _partitions(consumer, topic))
        places = [TopicPartition(topic, partition) for partition in partitions]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        records: list[Any] = []
        while any([await consumer.position(place) < ends[place] for place in places]):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                records.extend(batch)
        return records
    finally:
        await consumer.stop()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    """Nothing for as long as the broker that is asked has not heard of a topic that was just made."""
    await consumer._client.force_metadata_update()
    return consumer.partitions_for_topic(topic) or set()
