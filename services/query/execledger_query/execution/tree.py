"""Parents and children of an execution: the shapes, and how rows become them. Pure."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from pydantic import Field, ValidationError

from execledger_contracts.status import ExecutionStatus
from execledger_query.errors import DamagedError
from execledger_query.views import Cursor, Money, Row, Shape, Timestamp, Workflow, workflow_of


class Relative(Shape):
    """An execution that belongs to another."""

    id: UUID = Field(description="the internal id", examples=["019ca945-0a7b-7d77-aed5-0b667674308f"])
    external_id: str = Field(description="as its orchestrator calls it", examples=["run-2"])
    workflow: Workflow | None = Field(
        description="the definition that ran", examples=[{"id": "research", "name": "Research", "version": "3"}]
    )
    status: ExecutionStatus = Field(description="where it stands", examples=["running"])
    started_at: Timestamp | None = Field(description="when it began", examples=["2026-03-01T12:00:00.123Z"])
    duration_ms: int | None = Field(description="how long it took", examples=[9000])


class Member(Relative):
    """An execution of a tree, with its figures."""

    parent_execution_id: str | None = Field(description="an external id, as it was sent", examples=["run-1"])
    ended_at: Timestamp | None = Field(description="when it ended", examples=["2026-03-01T12:00:00.123Z"])
    total_tokens: int = Field(description="tokens that it consumed", examples=[1200])
    cost_usd: Money = Field(description="what it cost", examples=["0.0125"])


class TreePage(Shape):
    """A tree: its root, and the executions that name it as theirs, by start."""

    root: Member | None = Field(description="null when it was not recorded, or is none that you see")
    executions: list[Member] = Field(description="the root among them, by start, else creation")
    next_cursor: Cursor


def relative_of(row: Row) -> Relative:
    """An execution as its relatives show it. Raises DamagedError."""
    return _of(Relative, row)


def member_of(row: Row) -> Member:
    """An execution as its tree shows it. Raises DamagedError."""
    return _of(Member, row)


def tree_of(rows: Sequence[Row], root: Row | None, next_cursor: str | None) -> TreePage:
    """A page of a tree. Raises DamagedError."""
    shown = None if root is None else member_of(root)
    return TreePage(root=shown, executions=[*map(member_of, rows)], next_cursor=next_cursor)


_Kind = TypeVar("_Kind", bound=Relative)


def _of(shape: type[_Kind], row: Row) -> _Kind:
    try:
        return shape(**{name: workflow_of(row) if name == "workflow" else row[name] for name in shape.model_fields})
    except ValidationError as error:
        raise DamagedError.of_execution(row["id"], str(error.errors()[0]["loc"][0])) from error
