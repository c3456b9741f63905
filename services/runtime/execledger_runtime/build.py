"""Which version of a service runs, as a metric."""

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Gauge


def build_info(registry: CollectorRegistry, service: str) -> None:
    """Show `execledger_build_info`: 1, with the name of the service and its version."""
    gauge = Gauge("execledger_build_info", "1, of the version that runs", ("service", "version"), registry=registry)
    gauge.labels(service, version("execledger")).set(1)
