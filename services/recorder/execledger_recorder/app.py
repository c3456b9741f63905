"""Puts the recorder together, and runs it until it is told to stop."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
import uvicorn
from aiokafka.errors import KafkaError
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from execledger_recorder.duties.daily_limits import halt_days
from execledger_recorder.duties.feed import trim
from execledger_recorder.duties.relay import relay_forever
from execledger_recorder.duties.spot_check import SelfAudit
from execledger_recorder.duties.watchdog import watch
from execledger_recorder.errors import StoreUnavailable, Unstorable
from execledger_recorder.intake.consumer import Consumer
from execledger_recorder.metrics import Metrics
from execledger_recorder.rules.circuit import Circuit
from execledger_recorder.settings import Settings, SettingsError
from execledger_recorder.store import USAGE_MARKS_AT_ONCE, Store

log = structlog.get_logger()

_RETRY_SECONDS: Final = 2.0
_OBSERVE_SECONDS: Final = 1.0
_COMMIT_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 15.0
_LEDGER_SECONDS: Final = 5.0
_STUCK_SECONDS: Final = 5.0
_FEED_SECONDS: Final = 60.0
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
        self._stop = asyncio.Event()
        self._failed = False
        self._waits_for: str | None = "start"
        self._consumer: Consumer | None = None

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        async with (
            self._http(),
            Store(
                self._settings.dsn,
                statement_timeout_ms=self._settings.statement_timeout_ms,
                outbox_limit=self._settings.outbox_limit,
            ) as store,
        ):
            if await self._wait_for_postgres(store):
                await self._record(store)
        log.info("recorder_stopped", failed=self._failed)
        return 1 if self._failed else 0

    async def _record(self, store: Store) -> None:
        consumer = self._consumer = Consumer(store, self._metrics, self._settings, on_bug=self._fail)
        if not await self._wait_for(f"Kafka at {self._settings.kafka_bootstrap_servers}", consumer.start):
            return
        self._waits_for = None
        log.info("recorder_started", topic=self._settings.events_topic, group=self._settings.consumer_group)
        tasks = [asyncio.create_task(self._guarded(work)) for work in self._background(consumer, store)]
        await asyncio.sleep(0)  # what is cancelled before it began would complain
        await self._stop.wait()
        await consumer.drain()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):  # of brokers that are away no leave is taken
            await asyncio.wait_for(consumer.client.stop(), _STOP_SECONDS)

    def _background(self, consumer: Consumer, store: Store) -> list[Coroutine[Any, Any, None]]:
        settings = self._settings
        return [
            self._every(_OBSERVE_SECONDS, consumer.observe),
            self._every(_COMMIT_SECONDS, consumer.commit),
            self._every(_OBSERVE_SECONDS, consumer.watch_circuits),
            self._every(settings.circuit_probe_seconds, consumer.circuits.probe),
            self._every(_LEDGER_SECONDS, consumer.watch_ledger),
            self._every(_OBSERVE_SECONDS, lambda: self._show_outbox(store)),
            self._every(_STUCK_SECONDS, lambda: self._terminate_stuck_sessions(store)),
            self._every(settings.watchdog_interval_seconds, lambda: watch(store, self._metrics, settings.events_topic)),
            self._every(settings.usage_interval_seconds, lambda: self._settle_days(store)),
            self._every(_FEED_SECONDS, lambda: trim(store, self._metrics, settings.feed_retention_hours)),
            self._every(3600.0, lambda: store.partitions.make_ahead(_PARTITION_MONTHS_AHEAD)),
            relay_forever(store, settings),
            *self._self_audit(store),
        ]

    def _self_audit(self, store: Store) -> Iterator[Coroutine[Any, Any, None]]:
        interval, executions = self._settings.self_audit_interval_seconds, self._settings.self_audit_executions
        if interval and executions:
            yield self._every(interval, SelfAudit(store, self._metrics, executions).look)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """A bug in the background ends the process, as one in a batch does."""
        try:
            await work
        except Exception:
            log.exception("background_failed")
            self._fail()

    async def _every(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await work()
            except (StoreUnavailable, KafkaError) as error:
                log.warning("background_waits", error=str(error) or repr(error))
            except Unstorable as error:  # a row that was damaged by hand must not end what records
                log.error("background_failed", error=str(error))
            await asyncio.sleep(seconds)

    async def _show_outbox(self, store: Store) -> None:
        """Whoever the relay is, and however it fares."""
        self._metrics.waiting(*await store.outbox.state())

    async def _terminate_stuck_sessions(self, store: Store) -> None:
        """One that was frozen must keep neither the ledger nor the outbox from those that are awake."""
        if ended := await store.terminate_stuck_sessions():
            log.warning("stuck_sessions_terminated", sessions=ended)

    async def _settle_days(self, store: Store) -> None:
        while await store.usage.recompute() == USAGE_MARKS_AT_ONCE:
            pass  # of fewer there is no more than what came meanwhile: the limits must not wait for an end of that
        while sent := await halt_days(store, self._settings.control_topic):
            self._metrics.commanded(sent)
            log.info("days_halted", **{type_.removeprefix("execution."): count for type_, count in sent.items()})

    def _fail(self) -> None:
        self._failed = True
        self._stop.set()

    async def _wait_for_postgres(self, store: Store) -> bool:
        async def current() -> None:
            if pending := await store.pending_migrations():
                raise StoreUnavailable(f"the schema lacks {', '.join(pending)}: run execledger migrate")

        return await self._wait_for(f"Postgres at {self._settings.database_address}", current)

    async def _wait_for(self, what: str, attempt: Callable[[], Awaitable[None]]) -> bool:
        """Whether it came, rather than the signal to stop."""
        while not self._stop.is_set():
            try:
                await attempt()
            except (StoreUnavailable, KafkaError) as error:
                self._waits_for = what
                self._metrics.paused.set(1)
                log.warning("waiting_for", what=what, error=str(error) or repr(error), seconds=_RETRY_SECONDS)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), _RETRY_SECONDS)
            else:
                self._metrics.paused.set(0)
                return True
        return False

    @asynccontextmanager
    async def _http(self) -> AsyncIterator[None]:
        """Metrics and health, up before anything else is."""
        routes = [
            Route("/healthz", self._health),
            Route("/readyz", self._ready),
            Route("/metrics", self._show_metrics),
        ]
        server = _Server(uvicorn.Config(Starlette(routes=routes), log_config=None, access_log=False, lifespan="off"))
        with self._listening() as listener:
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                yield
            finally:
                server.should_exit = True
                await serving

    def _listening(self) -> socket.socket:
        host, port = self._settings.recorder_metrics_host, self._settings.recorder_metrics_port
        try:
            return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except OSError as error:
            raise SettingsError(
                f"EXECLEDGER_RECORDER_METRICS_PORT: cannot listen on {host} port {port}: {error.strerror or error}"
            ) from None

    async def _show_metrics(self, _: Request) -> Response:
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    async def _health(self, _: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def _ready(self, _: Request) -> Response:
        if self._waits_for is not None:
            return PlainTextResponse(f"waiting for {self._waits_for}\n", status_code=503)
        if troubles := [] if self._consumer is None else [*_troubles(self._consumer)]:
            return PlainTextResponse("\n".join(troubles) + "\n", status_code=503)
        return PlainTextResponse("ready\n")


def _troubles(consumer: Consumer) -> Iterator[str]:
    yield from consumer.waits_for
    if consumer.is_stalled:
        yield "records wait in Kafka, and none comes: see the log"
    yield from map(_why_stopped, sorted(consumer.circuits.open.values()))


def _why_stopped(circuit: Circuit) -> str:
    return (
        f"partition {circuit.partition} is stopped at offset {circuit.at_offset}: {circuit.bad} of {circuit.seen} "
        f"records were bad; mend the producer, or let it drain: execledger dead-letters accept {circuit.partition}"
    )


class _Server(uvicorn.Server):
    """Leaves the signals to us: the batch in hand is finished first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
