"""Roll-ups, one entry for each: what is counted of executions, by what, and how durations are told from a histogram."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, Literal, NamedTuple

SPANS: Final = ("hour", "day", "month")
"""Of UTC; each is a sum of those before it."""
PARTS_OF_AN_OCTAVE: Final = 8  # 4 make rows a third shorter and twice as wrong
DURATION_ERROR: Final = 2 ** (0.5 / PARTS_OF_AN_OCTAVE) - 1
"""How far, at most, a duration told from a histogram lies from the true one, as a share of it: 4.4 %."""
Complexity = Literal["0.0-0.2", "0.2-0.4", "0.4-0.6", "0.6-0.8", "0.8-1.0"]


class Rollup(NamedTuple):
    """A table `rolled_NAME`, which counts the rows of a view `measured_NAME`; both have these columns."""

    name: str
    keys: tuple[str, ...]
    measures: tuple[str, ...]
    spans: tuple[str, ...] = SPANS
    has_durations: bool = True


EXECUTIONS: Final = Rollup(
    "executions",
    ("workflow_id", "workflow_version", "mode", "complexity", "status"),
    (
        "executions",
        "killed",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "cost_usd",
        "tools_invoked",
        "cache_hits",
        "lasted_ms",
    ),
)
STEPS: Final = Rollup(
    "steps",
    ("workflow_id", "workflow_version", "step_name", "operation", "agent_id", "step_status"),
    ("steps", "lasted_ms"),
)
LLM_CALLS: Final = Rollup(
    "llm_calls",
    ("workflow_id", "provider", "model", "agent_id"),
    (
        "calls",
        "failures",
        "hits",
        "call_prompt_tokens",
        "call_completion_tokens",
        "call_cost_usd",
        "lasted_ms",
    ),
)
TOOL_CALLS: Final = Rollup(
    "tool_calls",
    ("workflow_id", "tool_name", "agent_id"),
    ("calls", "successes", "failures", "hits", "lasted_ms"),
)
USAGE: Final = Rollup(
    "usage",
    ("owner_id",),
    ("executions", "completed", "failed", "prompt_tokens", "completion_tokens", "total_tokens", "cost_usd"),
    spans=("day",),
    has_durations=False,
)
EVENTS: Final = Rollup("events", ("type",), ("events",), has_durations=False)
ROLLUPS: Final = (EXECUTIONS, STEPS, LLM_CALLS, TOOL_CALLS)
"""Those that the task computes from rows; daily usage is a table of its own, and events are counted as they come."""


def bucket_ms(bucket: int) -> float:
    """The duration that a bucket stands for: in the middle, so that it is equally wrong either way.

    >>> bucket_ms(0), round(bucket_ms(1)), round(bucket_ms(1 + 8 * 10))
    (0.0, 1, 1069)
    """
    return 0.0 if bucket <= 0 else 2.0 ** ((bucket - 0.5) / PARTS_OF_AN_OCTAVE)


def bucket_floor_ms(bucket: int) -> float:
    """The shortest duration of a bucket."""
    return 0.0 if bucket <= 0 else 2.0 ** ((bucket - 1) / PARTS_OF_AN_OCTAVE)


def percentile_ms(buckets: Sequence[int], counts: Sequence[int], share: float) -> int | None:
    """The duration that this share of a histogram's values does not exceed, within DURATION_ERROR; None of none.

    The buckets ascend. Of values in order it is the one at `share` times their number, rounded up.

    >>> percentile_ms([1, 81], [1, 1], 0.5), percentile_ms([1, 81], [1, 1], 0.51), percentile_ms([], [], 0.5)
    (1, 1069, None)
    """
    if not counts:
        return None
    reached = list(accumulate(counts))
    return round(bucket_ms(buckets[min(bisect_left(reached, share * reached[-1]), len(buckets) - 1)]))
