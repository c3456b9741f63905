"""The registry of workflows, with what their executions come to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from execledger_contracts.fields import RequiredIdentifier
from execledger_contracts.status import EXECUTION_STATUSES, TERMINAL, Status
from execledger_lifecycle.rollups import percentile_ms
from execledger_query.analytics.shapes import Rate, rate
from execledger_query.arguments import Direct
from execledger_query.listing import page_of_executions
from execledger_query.narrowing import MOST_OFFSET, PageOfWorkflow
from execledger_query.paging import split, write_cursor
from execledger_query.parameters import Page, Parameters
from execledger_query.problems import ProblemError
from execledger_query.service import OF_EXECUTION, OF_ONE, PROBLEMS, CallerOf, ServicesOf, answer, place
from execledger_query.store import Row
from execledger_query.store.workflows import WORKFLOW_KEY, workflow_key
from execledger_query.views import Cursor, ExecutionPage, Shape, Timestamp

_SCOPE = "workflows"


class Percentiles(Shape):
    """Milliseconds, from a histogram: each lies within 4.4 % of the true one; null of none."""

    p50: int | None = Field(description="the median", examples=[1069])
    p95: int | None = Field(description="what 95 of 100 do not exceed", examples=[4287])
    p99: int | None = Field(description="what 99 of 100 do not exceed", examples=[9080])


class RegisteredWorkflow(Shape):
    """A workflow of which executions were recorded, and what they come to."""

    id: str = Field(description="as executions say it", examples=["write-article"])
    tenant_id: str = Field(description="whose it is", examples=["acme"])
    name: str | None = Field(description="as it was said last", examples=["Write an article"])
    versions: list[str] = Field(description="those that ran", examples=[["1", "2"]])
    executions: int = Field(description="those that you may see", examples=[120])
    by_status: dict[str, int] = Field(description="the same by status", examples=[{"completed": 117, "failed": 3}])
    success_rate: Rate = Field(description="completed, of those that have ended; null of none", examples=[0.975])
    duration_ms: Percentiles = Field(description="of those that have ended")
    last_started_at: Timestamp | None = Field(
        description="when the newest of them started", examples=["2026-03-01T12:00:00.123Z"]
    )


class WorkflowPage(Shape):
    """A page of workflows, by tenant and id."""

    items: list[RegisteredWorkflow] = Field(description="workflows")
    next_cursor: Cursor = Field(description="of the next page; null of the last")
    total: int | None = Field(default=None, description="how many workflows there are", examples=[12])
    total_is_exact: bool | None = Field(default=None, description="always: they are counted", examples=[True])


class PageOfWorkflows(Page):
    """A page of workflows."""

    offset: int = Field(default=0, ge=0, le=MOST_OFFSET, description="so many are passed over before the page")
    total: bool = Field(default=True, description="say how many there are in all")


Id = Annotated[RequiredIdentifier, Path(alias="id", description="as executions say it")]
registry = APIRouter(prefix="/v1", route_class=Direct, tags=["workflows"], responses=PROBLEMS)


@registry.get("/workflows", response_model=WorkflowPage)
async def list_workflows(held: ServicesOf, caller: CallerOf, asked: Annotated[PageOfWorkflows, Query()]) -> Response:
    """Workflows by id, with counts and rates of their executions."""
    after = place(_SCOPE, asked, WORKFLOW_KEY)
    async with held.store.reading(caller) as reader:
        rows = await reader.workflows(after, asked.limit + 1, asked.offset)
        rows, end = split(rows, asked.limit, workflow_key)
        counts = await reader.workflow_counts([row["id"] for row in rows])
        total = {"total": await reader.count_workflows(), "total_is_exact": True} if asked.total else {}
    cursor = None if end is None else write_cursor(_SCOPE, end)
    page = WorkflowPage(items=[_shown(row, counts) for row in rows], next_cursor=cursor, **total)
    return answer(page, exclude=None if asked.total else {"total", "total_is_exact"})


@registry.get("/workflows/{id}", response_model=RegisteredWorkflow, responses=OF_EXECUTION)
async def show_workflow(
    held: ServicesOf,
    caller: CallerOf,
    workflow_id: Id,
    _asked: Annotated[Parameters, Query()],
) -> Response:
    """One workflow, with counts and rates of its executions."""
    async with held.store.reading(caller) as reader:
        rows = await reader.workflow(workflow_id)
        counts = await reader.workflow_counts([workflow_id])
    if not rows:
        raise ProblemError("not-found", "there is no such workflow")
    if len(rows) > 1:
        raise ProblemError("conflict", "several tenants have a workflow of that id: ask the list")
    return answer(_shown(rows[0], counts))


@registry.get("/workflows/{id}/executions", response_model=ExecutionPage, responses=OF_ONE)
async def list_executions_of_workflow(
    held: ServicesOf, caller: CallerOf, workflow_id: Id, asked: Annotated[PageOfWorkflow, Query()]
) -> Response:
    """The executions of a workflow, newest first unless another sort is asked for; with how many there are.

    Besides what is listed, `label.KEY=VALUE` narrows to executions that have that label.
    """
    async with held.store.reading(caller) as reader:
        if not await reader.workflow(workflow_id):
            raise ProblemError("not-found", "there is no such workflow")
    filters = replace(asked.filters, workflow_id=workflow_id)
    return await page_of_executions(held, caller, asked, filters, asked.offset)


def _shown(row: Row, counts: Sequence[Row]) -> RegisteredWorkflow:
    own = [count for count in counts if (count["tenant_id"], count["workflow_id"]) == (row["tenant_id"], row["id"])]
    statuses = Counter[str]()
    for count in own:
        if count["bucket"] is None:
            statuses[count["status"]] += count["number"]
    cells = sorted((count["bucket"], count["number"]) for count in own if count["bucket"] is not None)
    buckets, numbers = [bucket for bucket, _ in cells], [number for _, number in cells]
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return RegisteredWorkflow(
        id=row["id"],
        tenant_id=row["tenant_id"],
        name=row["name"],
        versions=sorted({count["workflow_version"] for count in own if count["workflow_version"] is not None}),
        executions=statuses.total(),
        by_status={str(status): statuses[status] for status in EXECUTION_STATUSES},
        success_rate=rate(statuses[Status.COMPLETED], sum(statuses[status] for status in TERMINAL)),
        duration_ms=Percentiles(**{name: percentile_ms(buckets, numbers, share) for name, share in shares.items()}),
        last_started_at=row["last_started_at"],
    )
