"""What the service says of itself: its own metrics."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from execledger_query.store import Store


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


def open_streams(registry: CollectorRegistry, count: Callable[[], int]) -> None:
    """How many streams are open."""
    Gauge("execledger_query_streams", "Streams that are open.", registry=registry).set_function(count)


def lag_seconds(registry: CollectorRegistry, last: Callable[[], float]) -> None:
    """How far the record lies behind Kafka, as answers say it."""
    text = "Age of the oldest record that is not recorded yet, or of the recorder's last look; -1: never seen."
    Gauge("execledger_query_lag_seconds", text, registry=registry).set_function(last)


def registry_of(*collectors: Collector) -> CollectorRegistry:
    """A registry of our own: the library's global one would be shared by every application in a process."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry
