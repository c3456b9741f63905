"""The way out to Kafka: messages that were written in a batch's transaction are sent at least once.

Those of one key keep their order, but for dead letters, which have none: they are about nothing that goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from execledger_publisher.cancelling import cancel
from execledger_publisher.outages import Outage
from execledger_recorder.rules.dead_letter import CUT, FACTS
from execledger_recorder.settings import Settings
from execledger_recorder.store import OutboxRow, Relay, Store, unpack_headers
from execledger_runtime.errors import MustWait
from execledger_runtime.kafka.producer import TOO_LARGE, Message, Producer

log = structlog.get_logger()

_AT_ONCE: Final = 500
_TOGETHER: Final = 10  # fewer of one key are sent sooner one by one, in batches that they share with other keys
_IDLE_SECONDS: Final = 0.2
_RETRY_SECONDS: Final = 2.0
_TIMEOUT_MS: Final = 10_000
_CUTS: Final = (262_144, 16_384, 0)  # bytes that are left of a value, until the topic takes it
_CUT_KEY_BYTES: Final = 1024
_UNBOUNDED: Final = 2**63

Waiting = tuple[int, OutboxRow]
Send = Callable[[Sequence[OutboxRow]], Awaitable[int | Exception]]
"""Sends the first of some messages of one key, or more of them together: how many, or why not even the first."""


async def relay_forever(store: Store, settings: Settings) -> None:
    """Send what the outbox holds, for as long as this recorder is the one that may; ends when it is cancelled."""
    outage = Outage(lambda said: log.warning("outbox_waits", error=said), "the outbox")
    while True:
        try:
            async with store.outbox.relay() as relay:
                if relay is not None:
                    await _send_forever(relay, settings, outage)
        except (MustWait, KafkaError) as error:
            outage.goes_on(str(error) or repr(error))
        await asyncio.sleep(_RETRY_SECONDS)


async def send_in_turn(waiting: Sequence[Waiting], send: Send, *, in_order: bool) -> tuple[list[int], list[Exception]]:
    """Send messages side by side; the ids of those that were taken, and why others were not.

    In order, those of one key go one behind the other, and none behind one that was not taken.
    """
    turns: dict[bytes | int, list[Waiting]] = {}
    for id_, message in waiting:
        turns.setdefault(message.key if in_order and message.key is not None else id_, []).append((id_, message))
    taken: list[int] = []
    failures: list[Exception] = []

    async def take(turn: Sequence[Waiting]) -> None:
        while turn:
            sent = await send([message for _, message in turn])
            if isinstance(sent, Exception):
                failures.append(sent)
                return
            taken.extend(id_ for id_, _ in turn[:sent])
            turn = turn[sent:]

    await asyncio.gather(*(take(turn) for turn in turns.values()))
    return taken, failures


async def _send_forever(relay: Relay, settings: Settings, outage: Outage) -> None:
    """Each topic by itself: one that cannot be written holds up no other."""
    sending: dict[str, asyncio.Task[None]] = {}
    async with Producer.open(
        settings.kafka_options, request_timeout_ms=_TIMEOUT_MS
    ) as producer:  # however long it takes
        sender = _Sender(producer)
        try:
            await relay.give_way_when_idle()
            outage.is_over()
            while True:
                for topic in await relay.topics():
                    if topic not in sending:
                        in_order = topic != settings.dead_letter_topic
                        sending[topic] = asyncio.create_task(_send_waiting(relay, sender, topic, in_order=in_order))
                await asyncio.sleep(_IDLE_SECONDS)
                for topic in [topic for topic, task in sending.items() if task.done()]:
                    sending.pop(topic).result()
        finally:
            await cancel(sending.values())
            await asyncio.gather(*sending.values(), return_exceptions=True)


async def _send_waiting(relay: Relay, sender: "_Sender", topic: str, *, in_order: bool) -> None:
    """All that waits for a topic, until one is not taken."""
    while waiting := await relay.waiting(topic, _AT_ONCE):
        taken, failures = await send_in_turn(waiting, sender.send, in_order=in_order)
        await relay.sent(taken)
        if failures:
            error = failures[0]
            log.warning("outbox_waits", topic=topic, messages=len(waiting), error=str(error) or repr(error))
            await asyncio.sleep(_RETRY_SECONDS)
            return


class _Sender:
    """Sends what a topic takes of a message; remembers over which sizes a broker closed the connection."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._closed_over: dict[str, int] = {}

    async def send(self, messages: Sequence[OutboxRow]) -> int | Exception:
        """How many messages of one key the broker took from the first on, if need be that one without what is too
        large for it; why it did not even take that."""
        try:
            if len(messages) >= _TOGETHER and (sent := await self._producer.send_together(map(_whole, messages))):
                return sent
            await self._send_one(messages[0])
        except KafkaError as error:
            failure: Exception = error
            return failure
        return 1

    async def _send_one(self, message: OutboxRow) -> None:
        if _size(message) >= self._closed_over.get(message.topic, _UNBOUNDED):
            await self._send_cut(message)
        else:
            await self._send_whole(message)

    async def _send_whole(self, message: OutboxRow) -> None:
        try:
            await self._producer.send(_whole(message))
        except TOO_LARGE:
            await self._send_cut(message)
        except KafkaError:
            # A request beyond `socket.request.max.bytes` is not refused: the broker closes the connection.
            if _size(message) <= _CUTS[0]:
                raise
            await self._send_cut(message)
            self._closed_over[message.topic] = _size(message)

    async def _send_cut(self, message: OutboxRow) -> None:
        """As much of it as the topic takes."""
        for most in _CUTS:
            try:
                return await self._producer.send_alone(_cut(message, most))
            except TOO_LARGE as error:
                refusal = error
        raise refusal


def _size(message: OutboxRow) -> int:
    return len(message.key or b"") + len(message.value or b"") + len(message.headers)


def _whole(message: OutboxRow) -> Message:
    return Message(message.topic, message.key, message.value, unpack_headers(message.headers))


def _cut(message: OutboxRow, most: int) -> Message:
    """What even the dead-letter topic refuses is cut and marked; the table keeps more."""
    topic, key, value, headers = _whole(message)
    # Ours are the last: what a producer called so came before them, and may be what is too large.
    ours = [each for each in headers if each[0].startswith("execledger-") and each[0] != CUT][-len(FACTS) :]
    # One that was cut when it was kept already says what there was.
    marked = headers[-1] if headers and headers[-1][0] == CUT else None
    mark = marked or (CUT, f"{len(value or b'')} bytes, and the headers that it came with".encode())
    return Message(topic, key and key[: min(most, _CUT_KEY_BYTES)], (value or b"")[:most], [*ours, mark])
