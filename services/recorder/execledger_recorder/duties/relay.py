"""The way out to Kafka: messages that were written in a batch's transaction are sent at least once.

Those of one key keep their order, but for dead letters, which have none: they are about nothing that goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.partitioner import DefaultPartitioner

from execledger_recorder.errors import StoreUnavailable
from execledger_recorder.rules.dead_letter import FACTS
from execledger_recorder.settings import Settings
from execledger_recorder.store import OutboxRow, Relay, Store, pack_headers, unpack_headers

log = structlog.get_logger()

_AT_ONCE: Final = 500
_IDLE_SECONDS: Final = 0.2
_RETRY_SECONDS: Final = 2.0
_TIMEOUT_MS: Final = 10_000
_MAX_REQUEST_BYTES: Final = 64 * 1024 * 1024  # the topic decides what is too large
_CUTS: Final = (262_144, 16_384, 0)  # bytes that are left of a value, until the topic takes it
_CUT_KEY_BYTES: Final = 1024
_TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)

Waiting = tuple[int, OutboxRow]
Send = Callable[[OutboxRow], Awaitable[Exception | None]]


async def relay_forever(store: Store, settings: Settings) -> None:
    """Send what the outbox holds, for as long as this recorder is the one that may; ends when it is cancelled."""
    while True:
        try:
            async with store.outbox.relay() as relay:
                if relay is not None:
                    await _send_forever(relay, settings)
        except (StoreUnavailable, KafkaError) as error:
            log.warning("outbox_waits", error=str(error) or repr(error))
        await asyncio.sleep(_RETRY_SECONDS)


async def send_in_turn(waiting: Sequence[Waiting], send: Send, *, in_order: bool) -> tuple[list[int], list[Exception]]:
    """Send messages side by side; the ids of those that were taken, and why others were not.

    In order, those of one key go one after the other, and none after one that was not taken.
    """
    turns: dict[bytes | int, list[Waiting]] = {}
    for id_, message in waiting:
        turns.setdefault(message.key if in_order and message.key is not None else id_, []).append((id_, message))
    taken: list[int] = []
    failures: list[Exception] = []

    async def take(turn: Sequence[Waiting]) -> None:
        for id_, message in turn:
            if (failure := await send(message)) is not None:
                failures.append(failure)
                return
            taken.append(id_)

    await asyncio.gather(*(take(turn) for turn in turns.values()))
    return taken, failures


async def _send_forever(relay: Relay, settings: Settings) -> None:
    """Each topic by itself: one that cannot be written holds up no other."""
    # Not idempotent: such a one never recovers from a record that the broker finds too large.
    producer = AIOKafkaProducer(
        acks="all",
        max_request_size=_MAX_REQUEST_BYTES,
        request_timeout_ms=_TIMEOUT_MS,
        **settings.kafka_options,
    )
    sending: dict[str, asyncio.Task[None]] = {}
    try:
        await producer.start()  # however long that takes
        await relay.give_way_when_idle()
        while True:
            for topic in await relay.topics():
                if topic not in sending:
                    in_order = topic != settings.dead_letter_topic
                    sending[topic] = asyncio.create_task(_send_waiting(relay, producer, topic, in_order=in_order))
            await asyncio.sleep(_IDLE_SECONDS)
            for topic in [topic for topic, task in sending.items() if task.done()]:
                sending.pop(topic).result()
    finally:
        for task in sending.values():
            task.cancel()
        await asyncio.gather(*sending.values(), return_exceptions=True)
        await producer.stop()


async def _send_waiting(relay: Relay, producer: AIOKafkaProducer, topic: str, *, in_order: bool) -> None:
    """All that waits for a topic, until one is not taken."""
    send = partial(_send, producer, asyncio.Lock())
    while waiting := await relay.waiting(topic, _AT_ONCE):
        taken, failures = await send_in_turn(waiting, send, in_order=in_order)
        await relay.sent(taken)
        if failures:
            error = failures[0]
            log.warning("outbox_waits", topic=topic, messages=len(waiting), error=str(error) or repr(error))
            await asyncio.sleep(_RETRY_SECONDS)
            return


async def _send(producer: AIOKafkaProducer, alone: asyncio.Lock, message: OutboxRow) -> Exception | None:
    """Why the broker did not take a message; None when it did."""
    try:
        if not await _is_taken_with_others(producer, message):
            async with alone:
                await _send_cut_as_needed(producer, message)
    except KafkaError as error:
        failure: Exception = error
        return failure
    return None


async def _is_taken_with_others(producer: AIOKafkaProducer, message: OutboxRow) -> bool:
    """Not when its batch is too large, which need not be its own fault; nor without key and value, by the client."""
    if message.key is None and message.value is None:
        return False
    headers = unpack_headers(message.headers)
    try:
        await producer.send_and_wait(message.topic, value=message.value, key=message.key, headers=headers)
    except _TOO_LARGE:
        return False
    return True


async def _send_cut_as_needed(producer: AIOKafkaProducer, message: OutboxRow) -> None:
    """Whole if the topic takes it so, else as much of it as that takes."""
    for most in (None, *_CUTS):
        try:
            return await _send_alone(producer, message if most is None else _cut(message, most))
        except _TOO_LARGE as error:
            refusal = error
    raise refusal


async def _send_alone(producer: AIOKafkaProducer, message: OutboxRow) -> None:
    """In a batch of its own."""
    batch = producer.create_batch()
    batch.append(key=message.key, value=message.value, timestamp=None, headers=unpack_headers(message.headers))
    batch.close()
    partitions = sorted(await producer.partitions_for(message.topic))
    partition = DefaultPartitioner()(message.key, partitions, partitions)
    await (await producer.send_batch(batch, message.topic, partition=partition))


def _cut(message: OutboxRow, most: int) -> OutboxRow:
    """What even the dead-letter topic refuses is cut and marked; the table keeps the whole."""
    whole = message.value or b""
    # Ours are the last: what a producer called so came before them, and may be what is too large.
    ours = [each for each in unpack_headers(message.headers) if each[0].startswith("execledger-")][-len(FACTS) :]
    cut = ("execledger-cut", f"{len(whole)} bytes, and the headers that it came with".encode())
    return message._replace(
        key=message.key and message.key[: min(most, _CUT_KEY_BYTES)],
        value=whole[:most],
        headers=pack_headers([*ours, cut]),
    )
