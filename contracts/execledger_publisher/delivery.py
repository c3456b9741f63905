"""From the buffer to Kafka, in order, for as long as it takes. With `listening`, the only module that knows Kafka.

One batch per partition is on its way at a time, and it is sent again until the broker has it: so no event overtakes
another of its key. A producer that met an error it cannot mend is thrown away and made anew, as an idempotent one
goes on failing once its sequence numbers are out of step. Then a batch may arrive twice: the recorder drops repeats.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from execledger_publisher.buffer import Buffer
from execledger_publisher.drops import DropReason, Tally, log
from execledger_publisher.encoding import HEADERS, Record
from execledger_publisher.listening import Listener
from execledger_publisher.outages import Complaints, Outage

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

KAFKA_DEFAULTS: Final[Mapping[str, Any]] = {
    "acks": "all",
    "enable_idempotence": True,
    "max_batch_size": 262_144,
    "request_timeout_ms": 10_000,
    "retry_backoff_ms": 1_000,
}
EVENTS_PER_ROUND: Final = 2_000
SECONDS_TO_ACKNOWLEDGE: Final = 30.0  # then the producer is made anew, and with it the list of brokers
SECONDS_TO_WORRY: Final = 2.0  # without an acknowledgement: then an outage has begun
SECONDS_TO_STOP: Final = 5.0
LONGEST_BACKOFF: Final = 5.0
_REFUSALS: Final = frozenset({10, 18, 32, 87})  # too large, list too large, bad timestamp, invalid record


@dataclass(frozen=True, slots=True)
class _Batch:
    partition: int
    records: list[Record]
    acknowledged: asyncio.Future[Any]


class Delivery:
    """Delivers what is put into the buffer while `run` runs. Lives in one event loop, in a thread of its own.

    A listener runs for as long, and nothing is sent before it is ready.
    """

    def __init__(
        self,
        buffer: Buffer,
        tally: Tally,
        *,
        topic: str,
        linger_ms: int,
        kafka_options: Mapping[str, Any],
        listener: Listener | None = None,
    ) -> None:
        self._buffer = buffer
        self._tally = tally
        self._topic = topic
        self._linger = linger_ms / 1000
        self._kafka_options = {**KAFKA_DEFAULTS, **kafka_options}
        self._listener = listener
        self._producer: AIOKafkaProducer | None = self._new_producer()  # wrong options are told here, at once
        self._is_started = False
        self._records_per_batch = EVENTS_PER_ROUND
        self._loop = asyncio.get_running_loop()
        self._is_woken = False
        self._awake = asyncio.Event()
        self._is_last = False
        self._complaint: str | None = None
        self._outage = Outage(log.warning, "Events cannot be delivered")

    def wake(self) -> None:
        """Say that there is something in the buffer; from any thread."""
        if not self._is_woken:
            self._is_woken = True
            with suppress(RuntimeError):  # the loop is closed: nothing will be delivered any more
                self._loop.call_soon_threadsafe(self._awake.set)

    def end_when_all_is_delivered(self) -> None:
        """Let `run` return as soon as the buffer is empty."""
        self._is_last = True
        self._awake.set()

    async def run(self) -> None:
        """Deliver, and listen, until cancelled."""
        complaints = Complaints(self._hear_complaint)
        complaints.begin()
        try:
            async with asyncio.TaskGroup() as group:
                listening = None if self._listener is None else group.create_task(self._listener.run())
                while await self._something_to_do():
                    await self._deliver(self._buffer.take(EVENTS_PER_ROUND))
                if listening is not None:
                    listening.cancel()
        finally:
            complaints.end()

    async def disconnect(self) -> None:
        """Let go of the producer, and of what it has not delivered."""
        producer, self._producer, self._is_started = self._producer, None, False
        if producer is not None:
            await _stop(producer)

    def _hear_complaint(self, complaint: str) -> None:
        """aiokafka tries again by itself for long, and says so in its log alone."""
        self._complaint = self._failed(complaint)
        if self._outage.lasts:
            self._outage.goes_on(self._complaint)

    def _failed(self, reason: str) -> str:
        self._tally.last_error = f"{self._kafka_options.get('bootstrap_servers')}: {reason}"
        return self._tally.last_error

    async def _something_to_do(self) -> bool:
        while self._buffer.is_empty():
            if self._is_last:
                return False
            self._awake.clear()
            self._is_woken = False
            if self._buffer.is_empty():  # looked at again, as one may have come in between
                await self._awake.wait()
            await asyncio.sleep(self._linger)
        return True

    async def _deliver(self, records: list[Record]) -> None:
        """Send until all are delivered or refused, whatever happens in between."""
        failures = 0
        while records:
            try:
                producer = await self._connected()
                records = await self._send(producer, records)
                failures = 0
            except _RoundFailedError as failed:
                records = failed.rest
                failures = await self._recover(failed.cause, failures)
            except Exception as error:  # noqa: BLE001 - whatever ails the client, the orchestrator goes on
                failures = await self._recover(error, failures)

    async def _recover(self, error: BaseException, failures: int) -> int:
        self._outage.goes_on(self._failed(f"{type(error).__name__}: {error}"))
        await self.disconnect()
        if not _is_refusal(error):
            await asyncio.sleep(min(LONGEST_BACKOFF, 0.25 * 2 ** min(failures, 10)))
        return failures + 1

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = self._new_producer()
        if not self._is_started:
            await self._producer.start()
            if self._listener is not None:
                await self._listener.ready()
            self._is_started = True
        return self._producer

    def _new_producer(self) -> AIOKafkaProducer:
        from aiokafka import AIOKafkaProducer  # here, as it doubles the time to import the SDK

        return AIOKafkaProducer(**self._kafka_options)

    async def _send(self, producer: AIOKafkaProducer, records: Sequence[Record]) -> list[Record]:
        """One round: a batch for each partition. Gives what did not fit, in its order."""
        batches, rest = await self._batched(producer, records)
        await self._acknowledgements(batches)
        failed = [batch for batch in batches if not self._is_settled(batch)]
        if not failed:
            return rest
        again = self._after_failure(failed) | _ids(rest)
        raise _RoundFailedError(_failure(failed[0]), [record for record in records if id(record) in again])

    async def _batched(
        self, producer: AIOKafkaProducer, records: Sequence[Record]
    ) -> tuple[list[_Batch], list[Record]]:
        partitions = sorted(await producer.partitions_for(self._topic))
        builders: dict[int, Any] = defaultdict(producer.create_batch)
        taken: dict[int, list[Record]] = defaultdict(list)
        rest: list[Record] = []
        full: set[int] = set()
        now_ms = int(time.time() * 1000)
        for record in records:
            partition = _partition(record.key, partitions)
            if partition in full or not _fits(builders[partition], record, now_ms):
                full.add(partition)
                rest.append(record)
                continue
            taken[partition].append(record)
            if len(taken[partition]) >= self._records_per_batch:
                full.add(partition)
        batches = [
            _Batch(partition, taken[partition], await producer.send_batch(builder, self._topic, partition=partition))
            for partition, builder in builders.items()
        ]
        return batches, rest

    def _is_settled(self, batch: _Batch) -> bool:
        if batch.acknowledged.cancelled() or batch.acknowledged.exception() is not None:
            return False
        self._tally.sent(len(batch.records))
        self._outage.is_over()
        self._settle(batch.records)
        return True

    def _after_failure(self, failed: Sequence[_Batch]) -> set[int]:
        """What to send again, after a record that the broker refuses for what it is was dropped."""
        again: set[int] = set()
        for batch in failed:
            error = _failure(batch)
            if not _is_refusal(error):
                again |= _ids(batch.records)
            elif len(batch.records) > 1:
                self._records_per_batch = len(batch.records) // 2  # until the one is found
                again |= _ids(batch.records)
            else:
                self._records_per_batch = EVENTS_PER_ROUND
                self._tally.drop(batch.records[0].dropped(DropReason.REFUSED, f"by the broker: {error!r}"))
                self._settle(batch.records)
        return again

    async def _acknowledgements(self, batches: Sequence[_Batch]) -> None:
        """Wait until each batch is acknowledged, has failed or, when that takes too long, is cancelled."""
        futures = [batch.acknowledged for batch in batches]
        try:
            if (await asyncio.wait(futures, timeout=SECONDS_TO_WORRY))[1]:
                nothing_said = self._failed(f"no acknowledgement within {SECONDS_TO_WORRY:.0f} s")
                self._outage.goes_on(self._complaint or nothing_said)
                await asyncio.wait(futures, timeout=SECONDS_TO_ACKNOWLEDGE - SECONDS_TO_WORRY)
        finally:
            for future in futures:
                future.cancel()  # nothing to those that are done

    def _settle(self, records: Sequence[Record]) -> None:
        self._complaint = None
        self._buffer.settle(records)


class _RoundFailedError(Exception):
    def __init__(self, cause: BaseException, rest: list[Record]) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.rest = rest


def _failure(batch: _Batch) -> BaseException:
    if batch.acknowledged.cancelled():
        return TimeoutError(f"no acknowledgement within {SECONDS_TO_ACKNOWLEDGE:.0f} s")
    return batch.acknowledged.exception() or RuntimeError("acknowledged")


def _is_refusal(error: BaseException) -> bool:
    return getattr(error, "errno", None) in _REFUSALS and not isinstance(error, OSError)


def _ids(records: Sequence[Record]) -> set[int]:
    return {id(record) for record in records}


def _partition(key: bytes, partitions: list[int]) -> int:
    """Where every Kafka client puts that key."""
    from aiokafka.partitioner import murmur2

    index: int = (murmur2(key) & 0x7FFFFFFF) % len(partitions)
    return partitions[index]


def _fits(builder: Any, record: Record, now_ms: int) -> bool:
    return builder.append(timestamp=now_ms, key=record.key, value=record.value, headers=HEADERS) is not None


async def _stop(producer: AIOKafkaProducer) -> None:
    """Stop it without waiting for what it cannot deliver.

    Its own `stop` waits until every batch is acknowledged, which an idempotent producer without its broker never
    sees, and there is no other way out. So its sender is ended and its connections are closed from here.
    """
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(SECONDS_TO_STOP):
            sender = producer._sender.sender_task  # noqa: SLF001 - see above
            if sender is not None:
                sender.cancel()
                await asyncio.wait([sender])
            producer._closed = True  # noqa: SLF001 - or it complains of not being stopped
            await producer.client.close()
