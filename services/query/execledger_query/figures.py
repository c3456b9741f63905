"""Figures of the executions for Prometheus, computed from the database in the background and shown at any time."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from execledger_contracts.status import TERMINAL
from execledger_query.caller import EVERYTHING
from execledger_query.seldom import Seldom
from execledger_query.store import Store
from execledger_runtime.errors import StoreTooSlow, StoreUnavailable

Row = Mapping[str, Any]

# From a call of a tool to a crew that works all day.
BOUNDS_SECONDS: Final = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400)
BOUNDS_MS: Final = tuple(int(bound * 1000) for bound in BOUNDS_SECONDS)
_REST: Final = 10  # a look is followed by a rest of ten times its length: on a big table it takes a tenth of a core

log: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Look:
    """The rows of sql/figures.sql, and when they were read."""

    rows: Sequence[Row]
    read_at: float
    took: float


class ExecutionFigures(Collector):
    """The newest look at the executions, as metrics; without one, only that there is none."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.look: Look | None = None
        self.database_up = False

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "execledger_query_database_up",
            "Whether the database answered the last look.",
            value=float(self.database_up),
        )
        if self.look is None:
            return
        age = self._clock() - self.look.read_at
        yield GaugeMetricFamily("execledger_query_figures_age_seconds", "Age of the figures of executions.", value=age)
        yield GaugeMetricFamily(
            "execledger_query_figures_read_seconds", "How long reading them took.", value=self.look.took
        )
        yield from families(self.look.rows, age)

    def describe(self) -> Iterable[Metric]:
        """Names nothing: registering must not collect."""
        return []


def families(rows: Sequence[Row], age: float) -> Iterator[Metric]:
    """The metrics that the rows say, `age` seconds after they were read."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        counts[row["status"], row["workflow"]] += row["executions"]
    yield _by_status("execledger_executions", "Executions.", counts)
    finished = {labels: count for labels, count in counts.items() if labels[0] in TERMINAL}
    yield _by_status(
        "execledger_executions_finished", "Executions that have ended; falls on reopening and retention.", finished
    )
    killed = GaugeMetricFamily(
        "execledger_executions_killed_by_budget",
        "Executions that were cancelled for their budget.",
        labels=("workflow",),
    )
    for workflow in sorted({row["workflow"] for row in rows}):
        killed.add_metric((workflow,), sum(row["killed_by_budget"] for row in rows if row["workflow"] == workflow))
    yield killed
    oldest = [row["oldest_seconds"] for row in rows if row["oldest_seconds"] is not None]
    yield GaugeMetricFamily(
        "execledger_executions_oldest_running_seconds",
        "Age of the execution that has been running longest; 0 when none runs.",
        value=max(oldest) + age if oldest else 0.0,
    )
    yield _durations(rows)


async def keep_fresh(
    store: Store, figures: ExecutionFigures, *, interval: float, longest: float, top_workflows: int
) -> None:
    """Read the figures again and again, until cancelled. A database that is away is waited for."""
    failure = Seldom()
    while True:
        started_at = time.monotonic()
        try:
            async with store.reading(EVERYTHING, longest, reserved=True) as reader:
                rows = await reader.figures(top_workflows, BOUNDS_MS)
        except StoreUnavailable as error:
            figures.database_up = isinstance(error, StoreTooSlow)
            log.debug("figures_unavailable", cause=str(error))
        except Exception as error:  # noqa: BLE001  # the next look may succeed; what is shown grows old, and says so
            failure.say("figures_failed", error)
        else:
            now = time.monotonic()
            figures.look, figures.database_up = Look(rows, now, now - started_at), True
        await asyncio.sleep(max(interval, _REST * (time.monotonic() - started_at)))


def _by_status(name: str, text: str, counts: Mapping[tuple[str, str], int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=("status", "workflow"))
    for labels, count in sorted(counts.items()):
        family.add_metric(labels, count)
    return family


def _durations(rows: Sequence[Row]) -> Metric:
    family = HistogramMetricFamily(
        "execledger_execution_duration_seconds", "Durations of the executions that have ended.", labels=("workflow",)
    )
    per_workflow: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["bucket"] is not None:
            per_workflow[row["workflow"]].append(row)
    for workflow, mine in sorted(per_workflow.items()):
        total_ms = sum(row["duration_ms"] for row in mine)
        family.add_metric((workflow,), _cumulative(mine), total_ms / 1000)
    return family


def _cumulative(rows: Sequence[Row]) -> list[tuple[str, float]]:
    """Buckets as Prometheus has them: each counts what the ones before it count, too."""
    counts = [0] * (len(BOUNDS_SECONDS) + 1)
    for row in rows:
        counts[row["bucket"]] += row["executions"]
    names = [*(str(float(bound)) for bound in BOUNDS_SECONDS), "+Inf"]
    return [(name, float(sum(counts[: place + 1]))) for place, name in enumerate(names)]
