"""Rows of `tool_executions`: calls of tools."""

from collections.abc import Mapping
from typing import Final

from execledger.importing.columns import Column, Row, document, flag, moment, placed, text, uuid, whole
from execledger.importing.drafts import Draft
from execledger.importing.shapes.children import Parent, id_of

COLUMNS: Final[Mapping[str, Column]] = {
    "id": Column(uuid),
    "task_id": Column(uuid, is_required=True),
    "tool_name": Column(text, begin="tool_name"),
    "agent_id": Column(text, begin="agent_id"),
    "success": Column(flag, begin="success"),
    "duration_ms": Column(whole, begin="duration_ms"),
    "error_message": Column(text, begin="error"),
    "input": Column(document, begin="input"),
    "output": Column(document, begin="output"),
    "created_at": Column(moment, is_required=True),
}
_PLACES: Final = {name: column.begin for name, column in COLUMNS.items() if column.begin}
_COLUMNS: Final = {"time": "created_at", **{place: name for name, place in _PLACES.items()}}


def events(row: Row, parent: Parent) -> list[Draft]:
    """The call of a tool."""
    return [Draft(id_of(row), "tool.called", parent.home, row["created_at"], placed(row, _PLACES), _COLUMNS)]
