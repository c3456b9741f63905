"""What the service says of itself: log lines and its own metrics."""

import logging
import sys
from collections.abc import Iterable

import structlog
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from execledger_query.store import Store


def configure_logs(level: str) -> None:
    """JSON lines on standard error, one for each thing that happened; for people when a terminal reads them."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(sys.stderr.isatty())],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for library in ("uvicorn", "httpx2", "httpcore2", "asyncio"):  # their ordinary lines say what ours say already
        logging.getLogger(library).setLevel(logging.WARNING)


class PoolFigures(Collector):
    """The database connections."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterable[Metric]:
        size, idle, most = self._store.connections()
        open_now = GaugeMetricFamily(
            "execledger_query_pool_connections", "Open database connections.", labels=("state",)
        )
        open_now.add_metric(("idle",), idle)
        open_now.add_metric(("used",), size - idle)
        yield open_now
        yield GaugeMetricFamily("execledger_query_pool_connections_limit", "As many there may be.", value=most)


def request_seconds(registry: CollectorRegistry) -> Histogram:
    """How long requests take, by route template and status."""
    return Histogram(
        "execledger_query_http_request_seconds",
        "Seconds from a request to the end of its answer.",
        ("method", "route", "status"),
        registry=registry,
        buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    )


def registry_of(*collectors: Collector) -> CollectorRegistry:
    """A registry of our own: the library's global one would be shared by every application in a process."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def _rendering(for_people: bool) -> list[structlog.typing.Processor]:
    if for_people:
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # locals hold tokens and payloads
    return [structlog.processors.ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer()]
