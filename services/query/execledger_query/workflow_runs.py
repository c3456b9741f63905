"""The HTTP API that clients of the older table `workflow_executions` use: its paths, names and shapes."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BeforeValidator, Field, JsonValue

from execledger_contracts.fields import RequiredIdentifier
from execledger_contracts.status import FAILURES, Status, read_status
from execledger_query.caller import Caller
from execledger_query.paging import DEFAULT_LIMIT, MAX_LIMIT
from execledger_query.parameters import Parameters
from execledger_query.problems import ProblemError
from execledger_query.service import OF_EXECUTION, PROBLEMS, CallerOf, ServicesOf, answer
from execledger_query.store import Row
from execledger_query.views import Shape, Timestamp

_MOST_OFFSET: Final = 100_000
_Word = Literal["pending", "running", "completed", "failed", "cancelled"]


def _word(said: Any) -> Any:
    """A status in any spelling as that table has it."""
    status = read_status(said) if isinstance(said, str) else None
    return said if status is None else _shown_status(status)


def _shown_status(status: str) -> str:
    return Status.FAILED.value if status in FAILURES else str(status)


class WorkflowRun(Shape):
    """An execution as that table shows it."""

    id: str = Field(description="as the orchestrator sent it", examples=["exec-123"])
    workflow_id: str = Field(description="as the orchestrator sent it", examples=["wf-456"])
    owner_id: str | None = Field(description="who ran it", examples=["ann"])
    status: _Word = Field(description="how it stands; one that timed out has failed", examples=["completed"])
    execution_status: _Word = Field(description="the same", examples=["completed"])
    created_at: Timestamp = Field(description="when it was created")
    started_at: Timestamp | None = Field(description="when it began")
    completed_at: Timestamp | None = Field(description="when it ended, however that was")
    duration_ms: int | None = Field(description="how long it took, in milliseconds", examples=[8250])
    initial_input: JsonValue = Field(description="a payload: null without the right to it", examples=[{"topic": "sea"}])
    phase_results: dict[str, dict[str, JsonValue]] = Field(
        description="of each phase status, output (a payload), error, duration_ms and metadata",
        examples=[
            {"draft": {"status": "completed", "output": "…", "error": None, "duration_ms": 12, "metadata": None}}
        ],
    )
    final_output: JsonValue = Field(description="a payload", examples=[{"text": "…"}])
    error_message: str | None = Field(description="why it failed", examples=["no such topic"])
    progress_percent: int = Field(description="how far it is", examples=[100])
    completed_phases: int = Field(description="phases that are completed or skipped", examples=[4])
    total_phases: int = Field(description="phases in all, as far as is known", examples=[4])
    tags: list[str] = Field(description="words that it was given", examples=[["nightly"]])
    metadata: dict[str, JsonValue] = Field(description="whatever else was said of it", examples=[{"region": "eu"}])


class WorkflowRunPage(Shape):
    """Executions of a workflow, newest first."""

    total: int = Field(description="how many there are in all", examples=[120])
    executions: list[WorkflowRun] = Field(description="those of this page")
    limit: int = Field(
        description="as asked; of a page that would be too large, how many it holds: the next one is behind those",
        examples=[50],
    )
    offset: int = Field(description="as asked", examples=[0])


class PageOfWorkflowRuns(Parameters):
    """A page of them."""

    status: Annotated[_Word, BeforeValidator(_word)] | None = Field(
        default=None, description="only these; failed ones with those that timed out"
    )
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="executions at most")
    offset: int = Field(default=0, ge=0, le=_MOST_OFFSET, description="so many are passed over before the page")

    @property
    def statuses(self) -> list[str] | None:
        """The statuses of the record that the word stands for."""
        if self.status is None:
            return None
        return [str(status) for status in FAILURES] if self.status == "failed" else [self.status]


_WorkflowId = Annotated[RequiredIdentifier, Path(description="the workflow's id, or the uuid that stands for it")]
_ExecutionId = Annotated[
    RequiredIdentifier, Path(description="internal or external id, or the id of its row in the older table")
]
workflow_runs = APIRouter(prefix="/api/workflows/custom", tags=["workflows"], responses=PROBLEMS)


@workflow_runs.get("/{workflow_id}/executions", response_model=WorkflowRunPage)
async def list_workflow_runs(
    held: ServicesOf, caller: CallerOf, workflow_id: _WorkflowId, asked: Annotated[PageOfWorkflowRuns, Query()]
) -> Response:
    """Executions of a workflow, as clients of the older table know them."""
    async with held.store.reading(caller) as reader:
        rows = await reader.workflow_runs(workflow_id, asked.statuses, asked.limit, asked.offset, held.page_bytes)
        total = await reader.count_workflow_runs(workflow_id, asked.statuses)
    shown = [_shown(row, caller) for row in rows]
    ends_early = len(shown) < min(asked.limit, total - asked.offset)
    limit = len(shown) if ends_early else asked.limit
    return answer(WorkflowRunPage(total=total, executions=shown, limit=limit, offset=asked.offset))


@workflow_runs.get("/{workflow_id}/executions/{execution_id}", response_model=WorkflowRun, responses=OF_EXECUTION)
async def show_workflow_run(
    held: ServicesOf,
    caller: CallerOf,
    workflow_id: _WorkflowId,
    execution_id: _ExecutionId,
    _asked: Annotated[Parameters, Query()],
) -> Response:
    """One execution of a workflow, as clients of the older table know it."""
    async with held.store.reading(caller) as reader:
        rows = await reader.workflow_run(workflow_id, execution_id)
    if not rows:
        raise ProblemError("not-found", "there is no such execution of that workflow")
    if len(rows) > 1 and rows[0]["likeness"] == rows[1]["likeness"]:
        raise ProblemError("conflict", "several executions of that workflow have that id: use the internal one")
    return answer(_shown(rows[0], caller))


def _shown(row: Row, caller: Caller) -> WorkflowRun:
    status: Any = _shown_status(row["status"])
    phases = row["phase_results"]
    may_read = caller.may_read_payloads(row["tenant_id"], row["owner_id"])
    if not may_read:
        phases = {name: {**phase, "output": None} for name, phase in phases.items()}
    return WorkflowRun(
        id=row["external_id"],
        workflow_id=row["workflow_id"],
        owner_id=row["owner_id"],
        status=status,
        execution_status=status,
        created_at=row["created_at"],
        started_at=row["started_at"],
        completed_at=row["ended_at"],
        duration_ms=row["duration_ms"],
        initial_input=row["initial_input"] if may_read else None,
        phase_results=phases,
        final_output=row["final_output"] if may_read else None,
        error_message=row["error_message"],
        progress_percent=row["progress_percent"] or 0,
        completed_phases=row["completed_steps"],
        total_phases=row["total_steps"],
        tags=row["tags"] or [],
        metadata=row["metadata"] or {},
    )
