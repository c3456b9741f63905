"""What waits in Kafka to be recorded, and how many would record it."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import for_code

from execledger.stack.broker import admin
from execledger_recorder.duties.audit import read_ledger
from execledger_recorder.store import Store


async def members(kafka_options: Mapping[str, Any], group: str) -> int:
    """How many are in a consumer group; 0 where there is no such group. Raises KafkaError."""
    async with admin(**kafka_options) as client:
        (response,) = await client.describe_consumer_groups([group])
    ((code, _group, _state, _kind, _protocol, found, *_),) = response.groups
    if code:
        raise for_code(code)(f"group {group}")
    return len(found)


async def waiting(kafka_options: Mapping[str, Any], topics: Sequence[str], store: Store) -> int:
    """How many offsets of these topics, which must be there, lie behind what the ledger has. Raises KafkaError."""
    report = await read_ledger(store, audit=False)
    positions = {TopicPartition(row.topic, row.partition): row.next_offset for row in report.partitions}
    consumer = AIOKafkaConsumer(*topics, isolation_level="read_committed", **kafka_options)
    try:
        await consumer.start()
        places = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in consumer.partitions_for_topic(topic) or ()
        ]
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    finally:
        await consumer.stop()
    return sum(max(0, ends[place] - max(begins[place], positions.get(place, 0))) for place in places)
