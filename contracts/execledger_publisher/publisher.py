"""The publishers: async, synchronous, and one that only collects."""

import asyncio
import atexit
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Unpack

from pydantic import TypeAdapter, ValidationError

from execledger_contracts.fields import RequiredIdentifier, UriReference
from execledger_publisher.buffer import Buffer
from execledger_publisher.clock import Clock, SystemClock
from execledger_publisher.commands import Running
from execledger_publisher.delivery import KAFKA_DEFAULTS, Delivery
from execledger_publisher.drops import Drop, DropReason, OnDrop, PublishError, Stats, Tally
from execledger_publisher.encoding import DEFAULT_MAX_EVENT_BYTES, Record, encode
from execledger_publisher.identifiers import NewId, Uuid7
from execledger_publisher.listening import Listener
from execledger_publisher.run import Outlet
from execledger_publisher.said import ExecutionOptions
from execledger_publisher.scopes import Execution

T = TypeVar("T")

DEFAULT_TOPIC: Final = "executions.events"
DEFAULT_MAX_EVENTS: Final = 10_000
DEFAULT_MAX_BYTES: Final = 32 * 1024 * 1024


class _Publications:
    """Makes executions, and checks and counts their events; a subclass says where they go."""

    def __init__(
        self,
        source: str,
        *,
        tenant: str,
        clock: Clock,
        new_id: NewId,
        max_event_bytes: int,
        strict: bool,
        on_drop: OnDrop | None,
        running: Running | None = None,
    ) -> None:
        _check("source", UriReference, source)
        _check("tenant", RequiredIdentifier, tenant)
        self._max_event_bytes = max_event_bytes
        self._strict = strict
        self._tally = Tally(on_drop)
        self._outlet = Outlet(source, tenant, clock, new_id, self._accept, self._room, running)

    def execution(self, **options: Unpack[ExecutionOptions]) -> Execution:
        """An execution: one run of a workflow, flow, crew, task or job. Enter it around the work."""
        return Execution(self._outlet, **options)

    @property
    def stats(self) -> Stats:
        """What became of the events so far."""
        return self._tally.stats()

    def _accept(self, event: dict[str, Any]) -> None:
        encoded = encode(event, self._max_event_bytes)
        if isinstance(encoded, Record):
            if encoded.is_cut:
                self._tally.cut()
            dropped = self._put(encoded)
        else:
            dropped = encoded
        if dropped is not None:
            self._tally.drop(dropped)
            if self._strict:
                raise PublishError(f"{dropped.type} of {dropped.subject}: {dropped.reason}: {dropped.detail}")

    def _put(self, record: Record) -> Drop | None:
        """Take the record, or say why not."""
        raise NotImplementedError

    async def _room(self) -> None:
        """Wait for room, where that is possible."""


class Collector(_Publications):
    """Publishes nothing: keeps the records in a list. For an orchestrator's own tests, and for simulations."""

    def __init__(
        self,
        source: str,
        *,
        tenant: str = "default",
        clock: Clock | None = None,
        new_id: NewId | None = None,
        strict: bool = True,
    ) -> None:
        super().__init__(
            source,
            tenant=tenant,
            clock=clock or SystemClock(),
            new_id=new_id or Uuid7(),
            max_event_bytes=DEFAULT_MAX_EVENT_BYTES,
            strict=strict,
            on_drop=None,
        )
        self.records: list[Record] = []

    def _put(self, record: Record) -> None:
        self.records.append(record)


class _BufferedPublications(_Publications):
    """Publishes through a bounded buffer and a delivery that runs in an event loop."""

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
        self._topic = topic
        self._control_topic = control_topic
        self._linger_ms = linger_ms
        self._kafka_options = {
            "bootstrap_servers": bootstrap_servers,
            "compression_type": compression,
            **kafka_options,
        }
        self._delivery: Delivery | None = None
        self._is_closed = False

    @property
    def stats(self) -> Stats:
        """What became of the events so far."""
        return self._tally.stats(len(self._buffer))

    def _seconds_to_wait(self) -> float:
        """How long a put may wait for room."""
        raise NotImplementedError

    def _put(self, record: Record) -> Drop | None:
        if self._is_closed:
            return record.dropped(DropReason.CLOSED, "the publisher is closed")
        if not self._buffer.put(record, self._seconds_to_wait()):
            return record.dropped(DropReason.BUFFER_FULL, f"{len(self._buffer)} events wait for delivery")
        if self._delivery is not None:
            self._delivery.wake()
        return None

    def _new_delivery(self) -> Delivery:
        self._delivery = Delivery(
            self._buffer,
            self._tally,
            topic=self._topic,
            linger_ms=self._linger_ms,
            kafka_options=self._kafka_options,
            listener=self._new_listener(),
        )
        return self._delivery

    def _new_listener(self) -> Listener | None:
        running = self._outlet.running
        if self._control_topic is None or running is None:
            return None
        return Listener(self._control_topic, running.hear, {**KAFKA_DEFAULTS, **self._kafka_options})

    def _give_up_the_rest(self) -> int:
        """Drop what was not delivered; gives the number."""
        rest = self._buffer.abandon()
        for record in rest:
            self._tally.drop(
                record.dropped(DropReason.NOT_DELIVERED, self._tally.last_error or "not acknowledged in time")
            )
        self._tally.warn_of_the_rest()
        return len(rest)

    def _complain(self, undelivered: int, error: BaseException | None) -> None:
        if undelivered and self._strict and error is None:
            raise PublishError(f"{undelivered} events were not delivered: {self._tally.last_error or 'no time left'}")


class Publisher(_BufferedPublications):
    """Publishes from an asyncio program.

        async with Publisher("localhost:9092", source="urn:acme:agents") as publisher:
            async with publisher.execution(workflow="research") as execution:
                async with execution.step("draft") as step:
                    step.llm_called(provider="openai", model="gpt-5", prompt_tokens=812, completion_tokens=220)

    Events wait in a buffer of `max_events` and `max_bytes` and go to Kafka in the background; a broker that is away
    stops nothing. When the buffer is full, entering and leaving executions and steps waits up to `max_block_ms` for
    room (the other calls cannot, and do not), then events are dropped: `stats`, `on_drop` and a log warning say so.
    An event that breaks the contract is dropped too; one of more than `max_event_bytes` has its largest values cut.
    `strict` raises PublishError instead. Closing waits up to `close_timeout` seconds for what is on its way.

    With a `control_topic` it listens there, and an execution that Execledger stops is cancelled: ExecutionStopped is
    raised out of its block.

    Other keywords go to aiokafka's producer as they are: `security_protocol`, `ssl_context`, `sasl_mechanism`, …
    """

    _running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to deliver; what was published before is delivered too. Does not wait for the broker."""
        if self._running is None:
            self._running = asyncio.create_task(self._new_delivery().run())

    async def flush(self, timeout: float = 10.0) -> int:  # noqa: ASYNC109 - it gives up, and says how far it came
        """Wait until all is delivered, at most so many seconds. Gives the number of events that are not yet."""
        return await self._drain(timeout) if not self._is_closed else 0

    async def close(self, timeout: float | None = None) -> int:  # noqa: ASYNC109 - as above
        """Flush and stop. Gives the number of events that were not delivered, and are dropped now."""
        if self._is_closed:
            return 0
        self._is_closed = True
        try:
            await self._drain(self._close_timeout if timeout is None else timeout)
        finally:
            await self._stop()
            undelivered = self._give_up_the_rest()
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
        if self._max_block and self._delivery and not self._buffer.has_room():
            await self._delivery.room(self._max_block)

    async def _drain(self, seconds: float) -> int:
        return await self._delivery.drain(seconds) if self._delivery else len(self._buffer)

    async def _stop(self) -> None:
        if self._running is not None and self._delivery is not None:
            self._running.cancel()
            await asyncio.wait([self._running])
            await self._delivery.disconnect()


class SyncPublisher(_BufferedPublications):
    """Publishes from a program without asyncio: the same, with `with`. Safe between threads.

        with SyncPublisher("localhost:9092", source="urn:acme:agents") as publisher:
            with publisher.execution(workflow="research") as execution:
                with execution.step("draft") as step:
                    step.llm_called(provider="openai", model="gpt-5", prompt_tokens=812, completion_tokens=220)

    Delivers from a thread of its own, which does not survive a fork: make the publisher after it. When the buffer is
    full, a call waits up to `max_block_ms`. A publisher that nobody closed is closed when the program ends.

    With a `control_topic` it listens there. A thread cannot be cancelled: call `execution.check()` now and then, which
    raises ExecutionStopped when Execledger has stopped the execution.
    """

    _thread: "_LoopThread | None" = None

    def start(self) -> None:
        """Begin to deliver; what was published before is delivered too. Does not wait for the broker."""
        if self._thread is None:
            self._thread = _LoopThread(self._new_delivery)
            self._thread.begin()
            atexit.register(self.close)

    def flush(self, timeout: float = 10.0) -> int:
        """Wait until all is delivered, at most so many seconds. Gives the number of events that are not yet."""
        return self._drain(timeout) if not self._is_closed else 0

    def close(self, timeout: float | None = None) -> int:
        """Flush and stop. Gives the number of events that were not delivered, and are dropped now."""
        if self._is_closed:
            return 0
        self._is_closed = True
        atexit.unregister(self.close)
        try:
            self._drain(self._close_timeout if timeout is None else timeout)
        finally:
            if self._thread is not None:
                self._thread.end()
            undelivered = self._give_up_the_rest()
        return undelivered

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._complain(self.close(), error)

    def _seconds_to_wait(self) -> float:
        return self._max_block if self._delivery else 0.0

    def _drain(self, seconds: float) -> int:
        if self._thread is not None and self._delivery is not None:
            return self._thread.call(self._delivery.drain(seconds))
        return len(self._buffer)


class _LoopThread(threading.Thread):
    """A thread with an event loop, in which a delivery runs."""

    def __init__(self, new_delivery: Callable[[], Delivery]) -> None:
        super().__init__(name="execledger-publisher", daemon=True)
        self._new_delivery = new_delivery
        self._has_begun = threading.Event()
        self._failure: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()

    def begin(self) -> None:
        """Start the thread; an error in making the delivery is raised here."""
        self.start()
        self._has_begun.wait()
        if self._failure is not None:
            raise self._failure

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it there, wait for it here."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def end(self) -> None:
        """Stop delivering, and wait for the thread."""
        self._loop.call_soon_threadsafe(self._ending.set)
        self.join()

    def run(self) -> None:
        """The thread's work."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._deliver())

    async def _deliver(self) -> None:
        try:
            delivery = self._new_delivery()
        except Exception as error:  # noqa: BLE001 - raised again where the publisher was started
            self._failure = error
            return
        finally:
            self._has_begun.set()
        running = asyncio.create_task(delivery.run())
        await self._ending.wait()
        running.cancel()
        await asyncio.wait([running])
        await delivery.disconnect()


def _check(name: str, field: Any, value: str) -> None:
    try:
        TypeAdapter(field).validate_python(value)
    except ValidationError as error:
        raise ValueError(f"{name}: {error.errors(include_url=False)[0]['msg']}") from None
