"""Puts the recorder together, and runs it until it is told to stop."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiokafka.errors import KafkaError
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from execledger_publisher.outages import Outage
from execledger_recorder.duties.cancelling import pass_on
from execledger_recorder.duties.daily_limits import halt_days
from execledger_recorder.duties.feed import trim
from execledger_recorder.duties.relay import relay_forever
from execledger_recorder.duties.rollups import RollupTask
from execledger_recorder.duties.spot_check import SelfAudit
from execledger_recorder.duties.topic_watch import TopicWatch
from execledger_recorder.duties.trees import sum_trees
from execledger_recorder.duties.watchdog import watch
from execledger_recorder.intake.consumer import Consumer
from execledger_recorder.metrics import Metrics
from execledger_recorder.rules.circuit import Circuit, accepting
from execledger_recorder.settings import Settings
from execledger_recorder.store import USAGE_MARKS_AT_ONCE, Store
from execledger_runtime.errors import MustWait, SchemaMissing
from execledger_runtime.kafka.complaints import quiet_kafka
from execledger_runtime.listener import Answer, Kept, answering, listening
from execledger_runtime.process import Lifetime

log = structlog.get_logger()

_RETRY_SECONDS: Final = 2.0
_OBSERVE_SECONDS: Final = 1.0
_COMMIT_SECONDS: Final = 1.0
_TOPIC_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 15.0
_LEDGER_SECONDS: Final = 5.0
_STUCK_SECONDS: Final = 5.0
_TREE_SECONDS: Final = 0.5  # a budget that is passed halts within a second
_CANCEL_SECONDS: Final = 0.5
_FORGET_SECONDS: Final = 3600.0
_FEED_SECONDS: Final = 60.0
_PARTITION_SECONDS: Final = 3600.0
_PARTITION_MONTHS_AHEAD: Final = 2


async def run(settings: Settings) -> int:
    """Record until SIGTERM or SIGINT. Returns the exit status: 0 when it was told to stop, 1 when it failed."""
    # A batch makes a hundred thousand objects and frees them by reference count: the collector has next to nothing to
    # find, and cost a tenth of the time with its default thresholds.
    gc.freeze()
    gc.set_threshold(1_000_000, 50, 100)
    return await _Recorder(settings).run()


class _Recorder:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self._metrics = Metrics(self._registry)
        self._lifetime = Lifetime(MustWait, KafkaError)
        self._waits_for: str | None = "start"
        self._consumer: Consumer | None = None

    async def run(self) -> int:
        self._lifetime.end_by_signal()
        async with (
            self._http(),
            Store(
                self._settings.dsn,
                statement_timeout_ms=self._settings.statement_timeout_ms,
                outbox_limit=self._settings.outbox_limit,
                connections=self._settings.recorder_pool_size,
                partition_policy=self._settings.partition_policy,
                caps=self._settings.caps,
            ) as store,
        ):
            with quiet_kafka():
                if await self._wait_for_postgres(store):
                    await self._record(store)
        log.info("recorder_stopped", failed=self._lifetime.has_failed)
        return 1 if self._lifetime.has_failed else 0

    async def _record(self, store: Store) -> None:
        consumer = self._consumer = Consumer(store, self._metrics, self._settings, on_bug=self._lifetime.fail)
        if not await self._wait_for(f"Kafka at {self._settings.kafka_bootstrap_servers}", consumer.start):
            return
        self._waits_for = None
        log.info("recorder_started", topics=self._settings.topics, group=self._settings.consumer_group)
        async with self._lifetime.background(self._background(consumer, store)):
            await self._lifetime.wait()
            await consumer.drain()
        with suppress(TimeoutError):  # of brokers that are away no leave is taken
            await asyncio.wait_for(consumer.client.stop(), _STOP_SECONDS)

    def _background(self, consumer: Consumer, store: Store) -> Iterator[Coroutine[Any, Any, None]]:
        settings, every = self._settings, self._lifetime.every
        yield every(_OBSERVE_SECONDS, consumer.observe)
        yield every(_COMMIT_SECONDS, consumer.commit)
        yield every(_OBSERVE_SECONDS, consumer.watch_circuits)
        yield every(settings.circuit_probe_seconds, consumer.circuits.probe)
        yield every(_LEDGER_SECONDS, consumer.watch_ledger)
        yield every(_OBSERVE_SECONDS, lambda: self._show_outbox(store))
        yield every(_STUCK_SECONDS, lambda: self._terminate_stuck_sessions(store))
        yield every(settings.watchdog_interval_seconds, lambda: watch(store, self._metrics, settings.topics))
        yield every(settings.usage_interval_seconds, lambda: self._settle_days(store))
        yield every(settings.usage_interval_seconds, RollupTask(store).settle)
        yield every(_TREE_SECONDS, lambda: self._sum_trees(store))
        yield every(_CANCEL_SECONDS, lambda: pass_on(store, settings.topics, settings.control_topic))
        yield every(_FORGET_SECONDS, store.cancel_requests.forget)
        yield every(_FEED_SECONDS, lambda: trim(store, self._metrics, settings.feed_retention_hours))
        yield every(_TOPIC_SECONDS, TopicWatch(self._metrics, settings).look)
        yield every(_PARTITION_SECONDS, lambda: store.partitions.make_ahead(_PARTITION_MONTHS_AHEAD))
        yield relay_forever(store, settings)
        if settings.self_audit_interval_seconds and settings.self_audit_executions:
            audit = SelfAudit(store, self._metrics, settings.self_audit_executions)
            yield every(settings.self_audit_interval_seconds, audit.look)

    async def _show_outbox(self, store: Store) -> None:
        """Whichever recorder is the relay, and however it fares."""
        self._metrics.waiting(*await store.outbox.state())

    async def _terminate_stuck_sessions(self, store: Store) -> None:
        """A recorder that was frozen must keep neither the ledger nor the outbox from those that are awake."""
        if ended := await store.terminate_stuck_sessions():
            log.warning("stuck_sessions_terminated", sessions=ended)

    async def _settle_days(self, store: Store) -> None:
        while await store.usage.recompute() == USAGE_MARKS_AT_ONCE:
            pass  # of fewer there is no more than what came meanwhile: the limits must not wait for an end of that
        while sent := await halt_days(store, self._settings.control_topic):
            self._metrics.commanded(sent)
            log.info("days_halted", **{type_.removeprefix("execution."): count for type_, count in sent.items()})

    async def _sum_trees(self, store: Store) -> None:
        policy = self._settings.command_policy
        while (done := await sum_trees(store, policy.topic, policy.warning_share))[0]:
            self._metrics.commanded(done[1])

    async def _wait_for_postgres(self, store: Store) -> bool:
        async def current() -> None:
            if pending := await store.pending_migrations():
                raise SchemaMissing(f"the schema lacks {', '.join(pending)}: run execledger migrate")

        return await self._wait_for(f"Postgres at {self._settings.database_address}", current)

    async def _wait_for(self, what: str, attempt: Callable[[], Awaitable[None]]) -> bool:
        """Whether it came, rather than the signal to stop."""
        outage = Outage(lambda said: log.warning("waiting_for", what=what, error=said), what)
        self._waits_for = what  # from now on: a broker that drops what it is sent is asked for long
        self._metrics.paused.set(1)
        while not self._lifetime.is_over:
            try:
                await attempt()
            except (MustWait, KafkaError) as error:
                self._metrics.retries.inc()
                outage.goes_on(str(error) or repr(error))
                await self._lifetime.wait(_RETRY_SECONDS)
            else:
                outage.is_over()
                self._metrics.paused.set(0)
                return True
        return False

    @asynccontextmanager
    async def _http(self) -> AsyncIterator[None]:
        """Metrics and health, up before anything else is."""
        paths: dict[str, Callable[[], Answer]] = {
            "/healthz": self._health,
            "/readyz": self._readiness,
            "/metrics": Kept(self._show_metrics),
        }
        settings = self._settings
        where = settings.recorder_metrics_host, settings.recorder_metrics_port
        limits = settings.recorder_metrics_connections, settings.recorder_metrics_seconds
        with listening(*where, "EXECLEDGER_RECORDER_METRICS_PORT") as listener:
            async with answering(listener, paths, most=limits[0], seconds=limits[1]):
                yield

    def _show_metrics(self) -> Answer:
        return Answer(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    def _health(self) -> Answer:
        return Answer(b"alive\n")

    def _readiness(self) -> Answer:
        if troubles := list(self._troubles()):
            return Answer("".join(f"{trouble}\n" for trouble in troubles).encode(), HTTPStatus.SERVICE_UNAVAILABLE)
        return Answer(b"ready\n")

    def _troubles(self) -> Iterator[str]:
        if self._waits_for is not None:
            yield f"waiting for {self._waits_for}"
        elif self._consumer is not None:
            yield from _troubles(self._consumer)


def _troubles(consumer: Consumer) -> Iterator[str]:
    yield from consumer.waits_for
    if consumer.is_stalled:
        yield "records wait in Kafka, and none comes: see the log"
    yield from map(_why_stopped, sorted(consumer.circuits.open.values()))


def _why_stopped(circuit: Circuit) -> str:
    return (
        f"partition {circuit.partition} is stopped at offset {circuit.at_offset} of {circuit.topic}: "
        f"{circuit.bad} of {circuit.seen} records were bad; mend the producer, or let it drain: {accepting(circuit)}"
    )
