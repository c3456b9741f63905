"""The shapes of analytics. Of the keys an item has those that it is grouped by. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import ConfigDict, Field, PlainSerializer, WithJsonSchema

from execledger_contracts.status import ExecutionStatus
from execledger_lifecycle.rollups import percentile_ms
from execledger_query.ranges import Bucket
from execledger_query.views import Money, Shape, Timestamp, show_money

_AMOUNT = {"type": "string", "pattern": r"^-?\d+(\.\d*[1-9])?$", "examples": ["0.0125"]}
Amount = Annotated[Decimal, PlainSerializer(show_money, return_type=str), WithJsonSchema(_AMOUNT)]
Rate = Annotated[float | None, Field(ge=0, le=1, description="from 0 to 1; null of none", examples=[0.97])]
Count = Annotated[int, Field(ge=0, examples=[12])]


class Durations(Shape):
    """Milliseconds, from a histogram: a percentile lies within 4.4 % of the true one; null of none."""

    p50: int | None = Field(examples=[1069])
    p95: int | None = Field(examples=[4287])
    p99: int | None = Field(examples=[9080])
    mean: int | None = Field(description="rounded; that one is exact", examples=[1490])


class Item(Shape):
    """One bucket, and within it one group."""

    bucket_start: Timestamp = Field(description="where the bucket begins; without buckets, where the range does")
    workflow_id: str | None = None
    workflow_version: str | None = None
    mode: str | None = None
    complexity: str | None = Field(default=None, description="a band of the score", examples=["0.4-0.6"])
    status: str | None = None
    owner_id: str | None = None
    trigger: str | None = None
    error_type: str | None = None
    step: str | None = None
    operation: str | None = None
    agent_id: str | None = None
    provider: str | None = None
    model: str | None = None
    tool_name: str | None = None
    type: str | None = None


class ExecutionsItem(Item):
    """Executions by what became of them."""

    executions: Count
    pending: Count
    running: Count
    completed: Count
    failed: Count
    cancelled: Count
    timed_out: Count
    killed_by_budget: Count
    success_rate: Rate = Field(description="completed, of those that have ended; null of none")


class DurationsItem(Item):
    """How long executions took that have ended."""

    executions: Count = Field(description="those that have ended")
    success_rate: Rate
    duration_ms: Durations


class StepsItem(Item):
    """Tries of steps by what became of them."""

    steps: Count = Field(description="tries of steps, of all attempts")
    running: Count
    completed: Count
    failed: Count
    cancelled: Count
    timed_out: Count
    skipped: Count
    success_rate: Rate = Field(description="completed, of those that ended otherwise than skipped; null of none")
    duration_ms: Durations


class AgentsItem(Item):
    """What agents did."""

    steps: Count
    completed: Count
    failed: Count = Field(description="steps that failed or timed out")
    success_rate: Rate
    duration_ms: Durations = Field(description="of steps")
    llm_calls: Count
    calls_of_tools: Count
    failed_calls: Count = Field(description="of models and tools")
    total_tokens: Count
    cost_usd: Money


class ToolsItem(Item):
    """Calls of tools."""

    calls: Count
    succeeded: Count
    failed: Count
    success_rate: Rate = Field(description="of the calls that said whether they succeeded; null of none")
    cache_hits: Count
    cache_hit_rate: Rate
    duration_ms: Durations


class CostItem(Item):
    """Tokens and cost: the figures of executions, by whatever they are grouped, add up to the same."""

    executions: int | None = Field(description="null where calls are told apart")
    calls: int | None = Field(description="calls of models; null where executions are told apart")
    cache_hits: int | None = Field(description="null for what no call told")
    prompt_tokens: int = Field(description="negative where executions reported less than their calls did")
    completion_tokens: int
    total_tokens: int
    cost_usd: Amount


class UsageItem(Item):
    """What owners used."""

    executions: Count
    completed: Count
    failed: Count = Field(description="failed and timed out")
    prompt_tokens: Count
    completion_tokens: Count
    total_tokens: Count
    cost_usd: Money


class EventsItem(Item):
    """How many events there were."""

    events: Count


class VersionChange(Shape):
    """What is other than in the version before: a difference of rates, and ratios (1.0: the same); null: unknown."""

    success_rate: float | None = Field(examples=[-0.02])
    p50: float | None = Field(examples=[1.1])
    p95: float | None
    cost_usd: float | None = Field(description="of one execution")
    total_tokens: float | None = Field(description="of one execution")


class VersionsItem(Item):
    """One version of a workflow, and what changed with it."""

    executions: Count
    success_rate: Rate
    duration_ms: Durations
    total_tokens: Count
    cost_usd: Money
    first_started_at: Timestamp = Field(description="in the bucket, to the hour, day or month")
    version_before: str | None = Field(description="of the workflow, in the bucket, by their first starts")
    change: VersionChange | None = Field(description="against that one; null of the first")


class Ranking(Shape):
    """An execution of which there is most."""

    id: UUID
    external_id: str
    workflow_id: str | None
    workflow_version: str | None
    owner_id: str | None
    status: ExecutionStatus
    started_at: Timestamp | None
    ended_at: Timestamp | None
    duration_ms: int | None
    total_tokens: int
    cost_usd: Money


Kind = TypeVar("Kind", bound=Shape)


class Analysis(Shape, Generic[Kind]):
    """A range of time, and what it comes to."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    begin: Timestamp = Field(alias="from")
    end: Timestamp = Field(alias="to")
    time_zone: str = Field(examples=["UTC"])
    bucket: Bucket | None
    items: list[Kind]


class ExecutionsAnalysis(Analysis[ExecutionsItem]):
    """Executions over time."""


class DurationsAnalysis(Analysis[DurationsItem]):
    """How long executions took."""


class VersionsAnalysis(Analysis[VersionsItem]):
    """Versions of workflows."""


class StepsAnalysis(Analysis[StepsItem]):
    """Steps."""


class AgentsAnalysis(Analysis[AgentsItem]):
    """Agents."""


class ToolsAnalysis(Analysis[ToolsItem]):
    """Tools."""


class CostAnalysis(Analysis[CostItem]):
    """Tokens and cost."""


class UsageAnalysis(Analysis[UsageItem]):
    """Usage of owners."""


class EventsAnalysis(Analysis[EventsItem]):
    """Events over time."""


class RankedExecutions(Analysis[Ranking]):
    """The executions of which there is most."""


def rate(part: int | Decimal, whole: int | Decimal) -> float | None:
    """A share of a whole, to six decimals; None of nothing.

    >>> rate(2, 3), rate(0, 0)
    (0.666667, None)
    """
    return round(float(part) / float(whole), 6) if whole else None


def durations(buckets: Sequence[int], counts: Sequence[int], total_ms: Decimal) -> Durations:
    """What a histogram and the sum of its durations say."""
    shares = {name: percentile_ms(buckets, counts, share) for name, share in _SHARES.items()}
    return Durations(**shares, mean=round(total_ms / sum(counts)) if counts else None)


_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
