"""What is published under torture: the demo's traffic, hour after hour, with some executions on several partitions."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic
from zlib import crc32

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from execledger.demo.traffic import Message, simulate

PARTITIONS = 3
_BEGINNING = datetime(2026, 3, 1, tzinfo=UTC)  # fixed, so that a seed gives the same bytes whenever it is run
_EXECUTIONS = 300  # in an hour of traffic
_AT_ONCE = 100
_REQUEST_MS = 10_000


def messages(seed: int) -> Iterator[tuple[int, Message]]:
    """Partition and message, without end. An event that comes twice goes to the same partition both times."""
    hour = 0
    while True:
        until = _BEGINNING + timedelta(hours=hour)
        for message in simulate(seed=seed * 10_000 + hour, until=until, executions=_EXECUTIONS).records:
            yield _partition(message), message
        hour += 1


async def publish(bootstrap_servers: str, seed: int, seconds: float, rate: int) -> int:
    """Publish so many messages a second for so long, whatever happens to the broker; how many it took at least once."""
    stream = messages(seed)
    began = monotonic()
    taken = 0
    while (passed := monotonic() - began) < seconds:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", request_timeout_ms=_REQUEST_MS)
        try:
            await producer.start()
            while (passed := monotonic() - began) < seconds:
                waiting = [next(stream) for _ in range(_AT_ONCE)]
                while waiting:
                    waiting = await _send(producer, waiting)
                taken += _AT_ONCE
                await asyncio.sleep(max(0.0, taken / rate - passed))
        except KafkaError:  # it was not even there to begin with
            await asyncio.sleep(0.5)
        finally:
            await producer.stop()
    return taken


async def _send(producer: AIOKafkaProducer, waiting: list[tuple[int, Message]]) -> list[tuple[int, Message]]:
    """Those that the broker did not confirm: it may have them all the same."""
    sendings = [_sending(producer, partition, key, value, headers) for partition, (key, value, headers) in waiting]
    results = await asyncio.gather(*sendings, return_exceptions=True)
    return [each for each, result in zip(waiting, results, strict=True) if isinstance(result, BaseException)]


async def _sending(
    producer: AIOKafkaProducer, partition: int, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    topic = "executions.events"
    if key is None and value is None:
        key = b"tombstone"
    await producer.send_and_wait(topic, value, key=key, headers=headers, partition=partition)


def _partition(message: Message) -> int:
    """By the key, as the client would; for every tenth key by the event, as a producer that chose bad keys would."""
    key, value, headers = message
    by_key = crc32(key or b"")
    return (by_key if by_key % 10 else crc32(_event_id(value, headers))) % PARTITIONS


def _event_id(value: bytes | None, headers: list[tuple[str, bytes]]) -> bytes:
    sent = dict(headers)
    if "ce_id" in sent:
        return sent["ce_id"]
    try:
        return str(json.loads(value or b"")["id"]).encode()
    except (ValueError, KeyError, TypeError):
        return b""
