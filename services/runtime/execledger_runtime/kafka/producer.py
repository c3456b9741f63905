"""Sending to Kafka so that each message is judged by itself: a batch that is too large fails for all that it holds."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder

TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)
_MAX_REQUEST_BYTES: Final = 64 * 1024 * 1024  # the topic decides what is too large


class Message(NamedTuple):
    """What is sent, and where to."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Producer:
    """Sends messages; those of one partition in the order in which they are handed over."""

    def __init__(self, client: AIOKafkaProducer) -> None:
        self._client = client
        self._alone = asyncio.Lock()  # each of these waits for the one before it

    @classmethod
    @asynccontextmanager
    async def open(cls, kafka_options: Mapping[str, Any], **more: Any) -> AsyncIterator[Self]:
        """Connect for as long as the block lasts. Raises KafkaError."""
        # Not idempotent: such a one never recovers from a record that the broker finds too large.
        client = AIOKafkaProducer(acks="all", max_request_size=_MAX_REQUEST_BYTES, **kafka_options, **more)
        try:
            await client.start()
            yield cls(client)
        finally:
            await client.stop()

    async def send(self, message: Message) -> None:
        """Send a message and wait until the broker has it. Raises KafkaError, one of TOO_LARGE for its own size."""
        try:
            await (await self._hand_over(message))
        except TOO_LARGE:
            await self.send_alone(message)

    async def send_alone(self, message: Message) -> None:
        """The same, in a batch of its own."""
        async with self._alone:
            await (await self._hand_over_alone(message))

    async def send_together(self, messages: Iterable[Message]) -> int:
        """Send messages of one topic and key as one batch, which is taken whole or not at all: the first that fit.

        The number of them; 0, and nothing is sent, when no two fit or the topic takes no such batch. Raises KafkaError.
        """
        batch, number = self._client.create_batch(), 0
        for message in messages:
            last = message
            if batch.append(key=last.key, value=last.value, timestamp=None, headers=last.headers) is None:
                break
            number += 1
        if number < 2:
            return 0
        try:
            await (await self._send_batch(batch, last.topic, last.key))
        except TOO_LARGE:
            return 0
        return number

    async def send_each(self, messages: Sequence[Message], seconds: float) -> list[BaseException | None]:
        """Send messages side by side; why each was not taken in that time, if it was not.

        None is sent behind one that could not even be handed over.
        """
        outcomes = await self._send_together(messages, seconds)
        for number, message in enumerate(messages):
            if isinstance(outcomes[number], TOO_LARGE):
                outcomes[number] = await self._outcome_alone(message, seconds)
        return outcomes

    async def _send_together(self, messages: Sequence[Message], seconds: float) -> list[BaseException | None]:
        sendings: list[asyncio.Future[Any]] = []
        failure: Exception = TimeoutError()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        try:
            async with asyncio.timeout_at(deadline):
                for message in messages:  # what was handed over is kept when the next one cannot be
                    sendings.append(await self._hand_over(message))  # noqa: PERF401
        except (KafkaError, OSError, TimeoutError) as error:
            failure = error
        if sendings:
            await asyncio.wait(sendings, timeout=deadline - loop.time())
        handed_over = [_outcome(sending) for sending in sendings]
        return [*handed_over, *[failure] * (len(messages) - len(sendings))]

    async def _outcome_alone(self, message: Message, seconds: float) -> BaseException | None:
        sending = asyncio.ensure_future(self.send_alone(message))
        await asyncio.wait([sending], timeout=seconds)
        return _outcome(sending)

    async def _hand_over(self, message: Message) -> asyncio.Future[Any]:
        """Put a message into the next batch of its partition; what comes says what became of it."""
        if message.key is None and message.value is None:  # Kafka allows it, and `send` does not
            return await self._hand_over_alone(message)
        topic, key, value, headers = message
        try:
            sending: asyncio.Future[Any] = await self._client.send(topic, value=value, key=key, headers=headers)
        except MessageSizeTooLargeError as error:
            sending = asyncio.get_running_loop().create_future()
            sending.set_exception(error)
        return sending

    async def _hand_over_alone(self, message: Message) -> asyncio.Future[Any]:
        batch = self._client.create_batch()
        batch.append(key=message.key, value=message.value, timestamp=None, headers=message.headers)
        return await self._send_batch(batch, message.topic, message.key)

    async def _send_batch(self, batch: BatchBuilder, topic: str, key: bytes | None) -> asyncio.Future[Any]:
        batch.close()
        partitions = sorted(await self._client.partitions_for(topic))
        partition = DefaultPartitioner()(key, partitions, partitions)
        sending: asyncio.Future[Any] = await self._client.send_batch(batch, topic, partition=partition)
        return sending


def _outcome(sending: asyncio.Future[Any]) -> BaseException | None:
    if sending.done():
        return sending.exception()
    sending.cancel()
    return TimeoutError()
