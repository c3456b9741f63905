"""The way out to Kafka: messages that were written in a batch's transaction are sent at least once, in order."""

import asyncio
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from execledger_recorder.errors import StoreUnavailable
from execledger_recorder.settings import Settings
from execledger_recorder.store import OutboxRow, Relay, Store, pack_headers, unpack_headers
from execledger_recorder.telemetry import Metrics

log = structlog.get_logger()

_AT_ONCE: Final = 500
_IDLE_SECONDS: Final = 0.2
_RETRY_SECONDS: Final = 2.0
_CUT_BYTES: Final = 262_144


async def relay_forever(store: Store, metrics: Metrics, settings: Settings) -> None:
    """Send what the outbox holds, for as long as this recorder is the one that may; ends when it is cancelled."""
    while True:
        try:
            async with store.relay() as relay:
                if relay is not None:
                    await _send_forever(relay, store, metrics, settings)
        except (StoreUnavailable, KafkaError) as error:
            log.warning("outbox_waits", error=str(error) or repr(error))
        await asyncio.sleep(_RETRY_SECONDS)


async def _send_forever(relay: Relay, store: Store, metrics: Metrics, settings: Settings) -> None:
    # Not idempotent: such a one never recovers from a record that the broker finds too large.
    producer = AIOKafkaProducer(
        acks="all",
        max_request_size=2 * settings.max_record_bytes,
        **settings.kafka_options,
    )
    await producer.start()
    try:
        while True:
            waiting = await relay.waiting(_AT_ONCE)
            count, age = await store.outbox_state()
            metrics.outbox.set(count)
            metrics.outbox_age.set(age)
            if not waiting:
                await asyncio.sleep(_IDLE_SECONDS)
                continue
            await _send_all(producer, [message for _, message in waiting])
            await relay.sent([id_ for id_, _ in waiting])
    finally:
        await producer.stop()


async def _send_all(producer: AIOKafkaProducer, messages: list[OutboxRow]) -> None:
    """All of them are taken by the broker, or this raises and they are sent again later."""
    futures = [await _enqueue(producer, message) for message in messages]
    for message, result in zip(messages, await asyncio.gather(*futures, return_exceptions=True), strict=True):
        if isinstance(result, MessageSizeTooLargeError):
            await (await _enqueue(producer, _cut(message)))
        elif isinstance(result, BaseException):
            raise result


async def _enqueue(producer: AIOKafkaProducer, message: OutboxRow) -> asyncio.Future[object]:
    headers = unpack_headers(message.headers)
    if message.key is None and message.value is None:
        return await _enqueue_empty(producer, message.topic, headers)
    future: asyncio.Future[object] = await producer.send(
        message.topic, value=message.value, key=message.key, headers=headers
    )
    return future


async def _enqueue_empty(
    producer: AIOKafkaProducer, topic: str, headers: list[tuple[str, bytes]]
) -> asyncio.Future[object]:
    """Neither key nor value: Kafka allows it, and `send` does not."""
    batch = producer.create_batch()
    batch.append(key=None, value=None, timestamp=None, headers=headers)
    future: asyncio.Future[object] = await producer.send_batch(batch, topic, partition=0)
    return future


def _cut(message: OutboxRow) -> OutboxRow:
    """What even the dead-letter topic refuses is cut and marked; the table keeps the whole."""
    whole = message.value or b""
    headers = [*unpack_headers(message.headers), ("execledger-cut", f"{len(whole)} bytes".encode())]
    return message._replace(value=whole[:_CUT_BYTES], headers=pack_headers(headers))
