"""The metrics that the two services serve, as the services themselves declare them."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Metric

from execledger_query.figures import ExecutionFigures, Look
from execledger_query.store import Options, Store
from execledger_query.telemetry import PoolFigures, lag_seconds, open_streams, request_seconds
from execledger_recorder.metrics import Metrics
from execledger_runtime.build import build_info


def recorder_metrics() -> dict[str, Metric]:
    """The recorder's, by the name that PromQL has for them; a histogram by the name without its endings."""
    registry = CollectorRegistry()
    Metrics(registry)
    return _by_name(registry.collect())


async def query_metrics() -> dict[str, Metric]:
    """The query service's."""
    registry = CollectorRegistry()
    request_seconds(registry)
    open_streams(registry, lambda: 0)
    figures = ExecutionFigures()
    lag_seconds(registry, lambda: 0.0)
    build_info(registry, "query")
    nothing_open = {"oldest_seconds": None, "paused": 0}
    figures.look = Look(rows=[], steps=[], open=nothing_open, read_at=0.0, took=0.0)
    async with Store.open(Options("postgresql://127.0.0.1/nowhere")) as store:
        return _by_name([*registry.collect(), *figures.collect(), *PoolFigures(store).collect()])


def series(metrics: dict[str, Metric]) -> set[str]:
    """The names of their time series."""
    endings = ("_bucket", "_sum", "_count")
    return {
        f"{name}{ending}"
        for name, metric in metrics.items()
        for ending in (endings if metric.type == "histogram" else ("",))
    }


def _by_name(metrics: Iterable[Metric]) -> dict[str, Metric]:
    return {f"{metric.name}_total" if metric.type == "counter" else metric.name: metric for metric in metrics}
