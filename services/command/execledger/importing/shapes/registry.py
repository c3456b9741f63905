"""The tables that can be imported, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from execledger.importing.columns import Column, Row, uuid
from execledger.importing.drafts import Draft
from execledger.importing.lifecycle import Table
from execledger.importing.shapes import (
    crewai_flow_executions,
    event_logs,
    executions,
    task_executions,
    token_usage,
    tool_executions,
    users,
    workflow_execution_log,
    workflow_executions,
)
from execledger.importing.shapes.children import Parent
from execledger.importing.shapes.users import Owner


@dataclass(frozen=True, slots=True)
class Whole:
    """A table of which a row tells an execution; the tenant is the one of rows that name none."""

    columns: Mapping[str, Column]
    events: Callable[[Row, str], list[Draft]]


@dataclass(frozen=True, slots=True)
class Child:
    """A table whose rows are about an execution that is there."""

    columns: Mapping[str, Column]
    events: Callable[[Row, Parent], list[Draft]]


@dataclass(frozen=True, slots=True)
class Users:
    """The table whose rows are about the owner of executions."""

    columns: Mapping[str, Column]
    events: Callable[[Row, Owner], list[Draft]]


Shape = Whole | Child | Users
KeyType = Literal["uuid", "text"]


def _whole(table: Table, events: Callable[[Row, str], list[Draft]]) -> Whole:
    dotted = {name for name in table.columns if "." in name}  # parts of a column, which are no columns of their own
    return Whole({name: column for name, column in table.columns.items() if name not in dotted}, events)


SHAPES: Final[Mapping[str, Shape]] = {
    "crewai_flow_executions": _whole(crewai_flow_executions.TABLE, crewai_flow_executions.events),
    "task_executions": _whole(task_executions.TABLE, task_executions.events),
    "workflow_executions": _whole(workflow_executions.TABLE, workflow_executions.events),
    "workflow_execution_log": _whole(workflow_execution_log.TABLE, workflow_execution_log.events),
    "executions": _whole(executions.TABLE, executions.events),
    "event_logs": Child(event_logs.COLUMNS, event_logs.events),
    "token_usage": Child(token_usage.COLUMNS, token_usage.events),
    "tool_executions": Child(tool_executions.COLUMNS, tool_executions.events),
    "users": Users(users.COLUMNS, users.events),
}


def key_type(shape: Shape) -> KeyType:
    """The type in Postgres of the column `id`."""
    return "uuid" if shape.columns["id"].read is uuid else "text"
