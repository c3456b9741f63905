"""The way out to Kafka: messages that were written in a batch's transaction are sent at least once, in order."""

import asyncio
from collections.abc import Awaitable
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from execledger_recorder.errors import StoreUnavailable
from execledger_recorder.settings import Settings
from execledger_recorder.store import OutboxRow, Relay, Store, pack_headers, unpack_headers
from execledger_recorder.telemetry import Metrics

log = structlog.get_logger()

_AT_ONCE: Final = 500
_IDLE_SECONDS: Final = 0.2
_RETRY_SECONDS: Final = 2.0
_MAX_REQUEST_BYTES: Final = 64 * 1024 * 1024  # the topic decides what is too large
_CUT_BYTES: Final = 262_144
_CUT_KEY_BYTES: Final = 1024
_TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)


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
    producer = AIOKafkaProducer(acks="all", max_request_size=_MAX_REQUEST_BYTES, **settings.kafka_options)
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
            results = await _send_all(producer, [message for _, message in waiting])
            await relay.sent([id_ for (id_, _), failure in zip(waiting, results, strict=True) if failure is None])
            if failures := [failure for failure in results if failure is not None]:
                raise failures[0]
    finally:
        await producer.stop()


async def _send_all(producer: AIOKafkaProducer, messages: list[OutboxRow]) -> list[BaseException | None]:
    """Why each message was not taken by the broker; None for those that were."""
    sendings = [await _enqueue(producer, message) for message in messages]
    results = await asyncio.gather(*sendings, return_exceptions=True)
    return [
        await _send_cut(producer, message) if isinstance(result, _TOO_LARGE) else _failure(result)
        for message, result in zip(messages, results, strict=True)
    ]


async def _send_cut(producer: AIOKafkaProducer, message: OutboxRow) -> BaseException | None:
    (result,) = await asyncio.gather(await _enqueue(producer, _cut(message)), return_exceptions=True)
    return _failure(result)


def _failure(result: object) -> BaseException | None:
    return result if isinstance(result, BaseException) else None


async def _enqueue(producer: AIOKafkaProducer, message: OutboxRow) -> Awaitable[object]:
    """Hand a message to the client; what comes is its acknowledgement, or why there is none."""
    try:
        return await _sending(producer, message)
    except MessageSizeTooLargeError as error:
        sending: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        sending.set_exception(error)
        return sending


async def _sending(producer: AIOKafkaProducer, message: OutboxRow) -> asyncio.Future[object]:
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
    ours = [(name, value) for name, value in unpack_headers(message.headers) if name.startswith("execledger-")]
    cut = ("execledger-cut", f"{len(whole)} bytes, and the headers that it came with".encode())
    return message._replace(
        key=message.key and message.key[:_CUT_KEY_BYTES],
        value=whole[:_CUT_BYTES],
        headers=pack_headers([*ours, cut]),
    )
