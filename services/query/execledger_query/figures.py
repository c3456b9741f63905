"""Figures of the executions for Prometheus, read from roll-ups in the background and shown at any time."""

import asyncio
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import structlog
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from execledger_contracts.status import EXECUTION_STATUSES, STEP_STATUSES, TERMINAL
from execledger_lifecycle.rollups import bucket_floor_ms
from execledger_query.caller import EVERYTHING
from execledger_query.seldom import Seldom
from execledger_query.store import Store
from execledger_runtime.errors import StoreTooSlow, StoreUnavailable

Row = Mapping[str, Any]

# From a call of a tool to a crew that works all day.
BOUNDS_SECONDS: Final = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400)
_SUMMED: Final = (
    ("killed_by_budget", "killed_by_budget", "Executions that were cancelled for their budget."),
    ("prompt_tokens", "prompt_tokens", "Tokens that went into models."),
    ("completion_tokens", "completion_tokens", "Tokens that came from models."),
    ("cost_usd", "cost_usd", "What executions cost, in dollars."),
)
_REST: Final = 10  # a look is followed by a rest of ten times its length: however long, it takes a tenth of a core

log: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Look:
    """The rows of sql/figures.sql, of sql/step_figures.sql and sql/open_figures.sql, and when they were read."""

    rows: Sequence[Row]
    steps: Sequence[Row]
    open: Row
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
        yield from families(self.look, age)

    def describe(self) -> Iterable[Metric]:
        """Names nothing: registering must not collect."""
        return []


def families(look: Look, age: float) -> Iterator[Metric]:
    """The metrics that a look says, `age` seconds after it."""
    rows = [row for row in look.rows if row["bucket"] is None]
    workflows = sorted({row["workflow"] for row in rows})
    counts = dict.fromkeys(((str(status), workflow) for workflow in workflows for status in EXECUTION_STATUSES), 0.0)
    for row in rows:
        counts[row["status"], row["workflow"]] += row["executions"]
    yield _by_status("execledger_executions", "Executions.", counts)
    finished = {labels: count for labels, count in counts.items() if labels[0] in TERMINAL}
    yield _by_status(
        "execledger_executions_finished", "Executions that have ended; falls on reopening and retention.", finished
    )
    for name, column, text in _SUMMED:
        family = GaugeMetricFamily(f"execledger_executions_{name}", text, labels=("workflow",))
        for workflow in workflows:
            family.add_metric((workflow,), sum(row[column] for row in rows if row["workflow"] == workflow))
        yield family
    steps = GaugeMetricFamily("execledger_steps", "Tries of steps.", labels=("status",))
    found = {row["status"]: row["steps"] for row in look.steps}
    for status in STEP_STATUSES:
        steps.add_metric((str(status),), found.get(status, 0))
    yield steps
    yield GaugeMetricFamily(
        "execledger_executions_paused", "Executions that wait in a pause.", value=look.open["paused"]
    )
    oldest = look.open["oldest_seconds"]
    yield GaugeMetricFamily(
        "execledger_executions_oldest_running_seconds",
        "Age of the execution that has been running longest; 0 when none runs.",
        value=0.0 if oldest is None else oldest + age,
    )
    yield _durations(look.rows)


async def keep_fresh(
    store: Store, figures: ExecutionFigures, *, interval: float, longest: float, top_workflows: int
) -> None:
    """Read the figures again and again, until cancelled. A database that is away is waited for."""
    failure = Seldom()
    while True:
        started_at = time.monotonic()
        try:
            async with store.reading(EVERYTHING, longest, reserved=True) as reader:
                look = await reader.figures(top_workflows)
        except StoreUnavailable as error:
            figures.database_up = isinstance(error, StoreTooSlow)
            log.debug("figures_unavailable", cause=str(error))
        except Exception as error:  # noqa: BLE001  # the next look may succeed; what is shown grows old, and says so
            failure.say("figures_failed", error)
        else:
            now = time.monotonic()
            figures.look, figures.database_up = Look(*look, now, now - started_at), True
        await asyncio.sleep(max(interval, _REST * (time.monotonic() - started_at)))


def _by_status(name: str, text: str, counts: Mapping[tuple[str, str], float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=("status", "workflow"))
    for labels, count in sorted(counts.items()):
        family.add_metric(labels, count)
    return family


def _durations(rows: Sequence[Row]) -> Metric:
    """A roll-up's bucket counts below a bound where it begins below it: it may hold what is a twelfth above."""
    family = HistogramMetricFamily(
        "execledger_execution_duration_seconds", "Durations of the executions that have ended.", labels=("workflow",)
    )
    counts: dict[str, list[float]] = defaultdict(lambda: [0.0] * (len(BOUNDS_SECONDS) + 1))
    for row in rows:
        if row["bucket"] is not None:
            place = bisect_left(BOUNDS_SECONDS, bucket_floor_ms(row["bucket"]) / 1000)
            counts[row["workflow"]][place] += row["executions"]
    names = [*(str(float(bound)) for bound in BOUNDS_SECONDS), "+Inf"]
    for workflow, mine in sorted(counts.items()):
        total_ms = sum(row["duration_ms"] or 0 for row in rows if row["workflow"] == workflow)
        family.add_metric((workflow,), list(zip(names, accumulate(mine), strict=True)), total_ms / 1000)
    return family
