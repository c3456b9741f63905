"""Analytics: what is asked over which range, and what it comes to."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from execledger_query.analytics import shapes, subjects
from execledger_query.analytics.parameters import (
    Bucketed,
    OfAgents,
    OfCost,
    OfDurations,
    OfEvents,
    OfExecutions,
    OfSteps,
    OfTools,
    OfUsage,
    OfVersions,
    Ranged,
    Ranked,
)
from execledger_query.analytics.shapes import Analysis, Ranking
from execledger_query.arguments import Direct
from execledger_query.caller import Caller
from execledger_query.problems import ProblemError
from execledger_query.service import PROBLEMS, CallerOf, Services, ServicesOf
from execledger_query.store import Row, Sums
from execledger_query.views import Shape

_MOST_ITEMS: Final = 10_000
analytics = APIRouter(prefix="/v1/analytics", route_class=Direct, tags=["analytics"], responses=PROBLEMS)


@analytics.get("/executions", response_model=shapes.ExecutionsAnalysis)
async def analyse_executions(held: ServicesOf, caller: CallerOf, asked: Annotated[OfExecutions, Query()]) -> Response:
    """Executions over time, by what became of them."""
    rows, head = await _summed(held, caller, asked, subjects.executions(asked))
    return _answer(asked, [subjects.executions_item(row, head) for row in rows[0]])


@analytics.get("/durations", response_model=shapes.DurationsAnalysis)
async def analyse_durations(held: ServicesOf, caller: CallerOf, asked: Annotated[OfDurations, Query()]) -> Response:
    """How long executions took, and how many succeeded."""
    rows, head = await _summed(held, caller, asked, subjects.durations_of(asked))
    return _answer(asked, [subjects.durations_item(row, head) for row in rows[0]])


@analytics.get("/steps", response_model=shapes.StepsAnalysis)
async def analyse_steps(held: ServicesOf, caller: CallerOf, asked: Annotated[OfSteps, Query()]) -> Response:
    """Steps of the executions that started in the range: which fail, which are slow."""
    rows, head = await _summed(held, caller, asked, subjects.steps(asked))
    return _answer(asked, [subjects.steps_item(row, head) for row in rows[0]])


@analytics.get("/agents", response_model=shapes.AgentsAnalysis)
async def analyse_agents(held: ServicesOf, caller: CallerOf, asked: Annotated[OfAgents, Query()]) -> Response:
    """What agents did in the executions that started in the range."""
    rows, head = await _summed(held, caller, asked, *(wanted := subjects.agents(asked)))
    return _answer(asked, list(subjects.agents_items(rows, wanted[0].keys, head)))


@analytics.get("/tools", response_model=shapes.ToolsAnalysis)
async def analyse_tools(held: ServicesOf, caller: CallerOf, asked: Annotated[OfTools, Query()]) -> Response:
    """Calls of tools in the executions that started in the range."""
    rows, head = await _summed(held, caller, asked, subjects.tools(asked))
    return _answer(asked, [subjects.tools_item(row, head) for row in rows[0]])


@analytics.get("/cost", response_model=shapes.CostAnalysis)
async def analyse_cost(held: ServicesOf, caller: CallerOf, asked: Annotated[OfCost, Query()]) -> Response:
    """Tokens and cost of the executions that started in the range; by whatever they are grouped, they add up."""
    whole, calls = subjects.cost(asked)
    rows, head = await _summed(held, caller, asked, *((whole,) if calls is None else (whole, calls)))
    return _answer(asked, list(subjects.cost_items(rows[0], None if calls is None else rows[1], asked, head)))


@analytics.get("/usage", response_model=shapes.UsageAnalysis)
async def analyse_usage(held: ServicesOf, caller: CallerOf, asked: Annotated[OfUsage, Query()]) -> Response:
    """What owners used, by day."""
    rows, head = await _summed(held, caller, asked, subjects.usage(asked))
    return _answer(asked, [subjects.usage_item(row, head) for row in rows[0]])


@analytics.get("/events", response_model=shapes.EventsAnalysis)
async def analyse_events(held: ServicesOf, caller: CallerOf, asked: Annotated[OfEvents, Query()]) -> Response:
    """How many events there were of each type, by their own time; the range is made one of whole hours."""
    rows, head = await _summed(held, caller, asked, subjects.events(asked))
    return _answer(asked, [subjects.events_item(row, head) for row in rows[0]])


@analytics.get("/versions", response_model=shapes.VersionsAnalysis)
async def analyse_versions(held: ServicesOf, caller: CallerOf, asked: Annotated[OfVersions, Query()]) -> Response:
    """Versions of workflows, each with what changed against the one before."""
    rows, head = await _summed(held, caller, asked, subjects.versions(asked))
    return _answer(asked, list(subjects.versions_items(rows[0], head)))


@analytics.get("/slowest", response_model=shapes.RankedExecutions)
async def list_slowest(held: ServicesOf, caller: CallerOf, asked: Annotated[Ranked, Query()]) -> Response:
    """The executions that took longest of those that started in the range."""
    return await _ranked(held, caller, asked, "duration_ms")


@analytics.get("/costliest", response_model=shapes.RankedExecutions)
async def list_costliest(held: ServicesOf, caller: CallerOf, asked: Annotated[Ranked, Query()]) -> Response:
    """The executions that cost most of those that started in the range and have ended."""
    return await _ranked(held, caller, asked, "ended_cost_nanos")


async def _summed(
    held: Services, caller: Caller, asked: Bucketed, *wanted: Sums
) -> tuple[list[Sequence[Row]], subjects.Heads]:
    bounds = asked.bounds
    async with held.store.reading(caller) as reader:
        rows = [await reader.sums(each, bounds, _MOST_ITEMS + 1) for each in wanted]
    return rows, subjects.heads(asked, bounds)


async def _ranked(held: Services, caller: Caller, asked: Ranked, by: str) -> Response:
    async with held.store.reading(caller) as reader:
        rows = await reader.ranked(by, *asked.range, asked.limit, asked.filters, asked.narrowing)
    return _answer(asked, [Ranking.model_validate({**row}) for row in rows])


def _answer(asked: Ranged, items: Sequence[Shape]) -> Response:
    if len(items) > _MOST_ITEMS:
        detail = f"the answer would have more than {_MOST_ITEMS} items: take a coarser bucket, or fewer groups"
        raise ProblemError("invalid-parameter", detail, errors=[{"parameter": "bucket", "detail": detail}])
    begin, end = asked.range
    bucket = asked.shown_bucket if isinstance(asked, Bucketed) else None
    shown: Analysis[Any] = Analysis(begin=begin, end=end, time_zone=asked.time_zone, bucket=bucket, items=list(items))
    return Response(shown.model_dump_json(by_alias=True, exclude_unset=True), media_type="application/json")
