"""The publishers: for asyncio, and for programs without."""

import asyncio
import weakref
from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from execledger_publisher.buffer import Buffer
from execledger_publisher.clock import SystemClock
from execledger_publisher.commands import Running
from execledger_publisher.courier import Courier
from execledger_publisher.delivery import KAFKA_DEFAULTS, Delivery
from execledger_publisher.drops import Drop, DropReason, OnDrop, PublishError, Stats, Tally
from execledger_publisher.encoding import DEFAULT_MAX_EVENT_BYTES, Record
from execledger_publisher.identifiers import Uuid7
from execledger_publisher.listening import Listener
from execledger_publisher.publications import Publications

DEFAULT_TOPIC: Final = "executions.events"
DEFAULT_MAX_EVENTS: Final = 10_000
DEFAULT_MAX_BYTES: Final = 32 * 1024 * 1024


class _BufferedPublications(Publications):
    """Publishes through a bounded buffer and a courier."""

    def __init__(
        self,
        bootstrap_servers: str | list[str],
        source: str,
        *,
        topic: str = DEFAULT_TOPIC,
        control_topic: str | None = None,
        tenant: str = "default",
        max_events: int = DEFAULT_MAX_EVENTS,
        max_bytes: int = DEFAULT_MAX_BYTES,
        max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
        max_block_ms: int = 0,
        close_timeout: float = 10.0,
        linger_ms: int = 5,
        compression: str | None = None,
        strict: bool = False,
        on_drop: OnDrop | None = None,
        **kafka_options: Any,
    ) -> None:
        super().__init__(
            source,
            tenant=tenant,
            clock=SystemClock(),
            new_id=Uuid7(),
            max_event_bytes=max_event_bytes,
            strict=strict,
            on_drop=on_drop,
            running=None if control_topic is None else Running(),
        )
        self._buffer = Buffer(max_events, max_bytes)
        self._max_block = max_block_ms / 1000
        self._close_timeout = close_timeout
        self._address = f" to {topic} at {bootstrap_servers}"
        options = {"bootstrap_servers": bootstrap_servers, "compression_type": compression, **kafka_options}
        self._courier = Courier(
            self._buffer,
            self._tally,
            partial(
                _new_delivery, self._buffer, self._tally, topic, linger_ms, options, control_topic, self._outlet.running
            ),
            close_timeout,
        )
        weakref.finalize(self, self._courier.let_go).atexit = False

    @property
    def stats(self) -> Stats:
        """What became of the events so far, in this process."""
        return self._tally.stats(len(self._buffer))

    def _seconds_to_wait(self) -> float:
        """How long a put may wait for room."""
        raise NotImplementedError

    def _put(self, record: Record) -> Drop | None:
        match self._courier.put(record, self._seconds_to_wait()):
            case None:
                return None
            case DropReason.CLOSED:
                return record.dropped(DropReason.CLOSED, "the publisher is closed")
            case reason:
                return record.dropped(reason, f"{len(self._buffer)} events wait for delivery")

    def _complain(self, undelivered: int, error: BaseException | None) -> None:
        if undelivered and self._strict and error is None:
            raise PublishError(f"{undelivered} events were not delivered: {self._tally.last_error or 'no time left'}")

    def _whither(self) -> str:
        return self._address


def _new_delivery(
    buffer: Buffer,
    tally: Tally,
    topic: str,
    linger_ms: int,
    options: Mapping[str, Any],
    control_topic: str | None,
    running: Running | None,
) -> Delivery:
    """Knows no publisher, so that one that nobody holds any more is let go."""
    listener = None
    if control_topic is not None and running is not None:
        listener = Listener(control_topic, running.hear, {**KAFKA_DEFAULTS, **options})
    return Delivery(buffer, tally, topic=topic, linger_ms=linger_ms, kafka_options=options, listener=listener)


class Publisher(_BufferedPublications):
    """Publishes from an asyncio program.

        async with Publisher("localhost:9092", source="urn:acme:agents") as publisher:
            async with publisher.execution(workflow="research") as execution:
                async with execution.step("draft") as step:
                    step.llm_called(provider="openai", model="gpt-5", prompt_tokens=812, completion_tokens=220)

    Events wait in a buffer of `max_events` and `max_bytes` and go to Kafka from a thread of their own; a broker that is
    away stops nothing. When the buffer is full, entering and leaving executions and steps waits up to `max_block_ms`
    for room (the other calls cannot, and do not), then events are dropped: `stats`, `on_drop` and a log warning say
    so. Room is kept for what begins and ends something. An event of more than `max_event_bytes` has its largest values
    cut. `strict` raises PublishError instead. Closing waits up to `close_timeout` seconds for what is on its way; a
    publisher that nobody closed is closed when the program ends, and so is one in the child of a fork.

    With a `control_topic` it listens there, and an execution that Execledger stops is cancelled: ExecutionStopped is
    raised out of its block.

    Other keywords go to aiokafka's producer as they are: `security_protocol`, `ssl_context`, `sasl_mechanism`, …
    """

    async def start(self) -> None:
        """Begin to deliver, and raise what is wrong with the client's options. Does not wait for the broker.

        The first event begins it too. After a close it opens the publisher again.
        """
        await asyncio.to_thread(self._courier.start)

    async def flush(self, timeout: float = 10.0) -> int:  # noqa: ASYNC109 - it gives up, and says how far it came
        """Wait until all is delivered, at most so many seconds. Gives the number of events that are not yet."""
        await self._courier.until(lambda: not len(self._buffer), timeout)
        return len(self._buffer)

    async def close(self, timeout: float | None = None) -> int:  # noqa: ASYNC109 - as above
        """Flush and stop. Gives the number of events that were not delivered, and are dropped now."""
        try:
            await self.flush(self._close_timeout if timeout is None else timeout)
        finally:
            undelivered = await asyncio.to_thread(self._courier.close, 0.0)
        return undelivered

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._complain(await self.close(), error)

    def _seconds_to_wait(self) -> float:
        return 0.0

    async def _room(self) -> None:
        if self._max_block and not self._buffer.has_room():
            await self._courier.until(self._buffer.has_room, self._max_block)


class SyncPublisher(_BufferedPublications):
    """Publishes from a program without asyncio: the same, with `with`. Safe between threads.

        with SyncPublisher("localhost:9092", source="urn:acme:agents") as publisher:
            with publisher.execution(workflow="research") as execution:
                with execution.step("draft") as step:
                    step.llm_called(provider="openai", model="gpt-5", prompt_tokens=812, completion_tokens=220)

    When the buffer is full, any call waits up to `max_block_ms`.

    With a `control_topic` it listens there. A thread cannot be cancelled: call `execution.check()` now and then, which
    raises ExecutionStopped when Execledger has stopped the execution.
    """

    def start(self) -> None:
        """Begin to deliver, and raise what is wrong with the client's options. Does not wait for the broker.

        The first event begins it too. After a close it opens the publisher again.
        """
        self._courier.start()

    def flush(self, timeout: float = 10.0) -> int:
        """Wait until all is delivered, at most so many seconds. Gives the number of events that are not yet."""
        return self._courier.flush(timeout)

    def close(self, timeout: float | None = None) -> int:
        """Flush and stop. Gives the number of events that were not delivered, and are dropped now."""
        return self._courier.close(timeout)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._complain(self.close(), error)

    def _seconds_to_wait(self) -> float:
        return self._max_block
