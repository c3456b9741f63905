"""Rows of `event_logs`: what was said of a task while it ran. They are kept, and change nothing."""

import json
from collections.abc import Mapping
from typing import Any, Final

from execledger.importing.columns import Column, Refused, Row, document, moment, text, uuid, whole
from execledger.importing.drafts import Draft
from execledger.importing.shapes.children import Parent, id_of
from execledger_contracts.events import IMPORTED_TYPE

COLUMNS: Final[Mapping[str, Column]] = {
    "id": Column(uuid),
    "workflow_id": Column(text),
    "task_id": Column(uuid),
    "type": Column(text, is_required=True),
    "agent_id": Column(text),
    "message": Column(text),
    "payload": Column(document),
    "timestamp": Column(moment, is_required=True),
    "seq": Column(whole),
    "stream_id": Column(text),
    "created_at": Column(moment),
}
_BESIDE: Final = ("id", "agent_id", "message", "stream_id", "created_at")
_COLUMNS: Final = {"data": "payload", "time": "timestamp", "sequence": "seq", "row": "message"}


def events(row: Row, parent: Parent) -> list[Draft]:
    """The event as it was, its payload as data; the attribute `row` says the columns beside it, as JSON in a text.

    What the event did, it did to the row of its task, which tells it: here its type says that it is kept only.
    """
    external_id = parent.home.external_id
    if row.get("workflow_id", external_id) != external_id:
        raise Refused("workflow_id", "is not that of the execution that task_id names")
    id_ = f"{external_id}/{row['type']}/{row['seq']}" if "seq" in row else id_of(row)
    beside = {name: _said(row[name]) for name in _BESIDE if name in row}
    more = {"row": json.dumps(beside, ensure_ascii=False)} if beside else {}
    type_, payload = f"{IMPORTED_TYPE}{row['type']}", row.get("payload")
    return [Draft(id_, type_, parent.home, row["timestamp"], payload, _COLUMNS, row.get("seq"), more)]


def _said(value: Any) -> str:
    return value if isinstance(value, str) else value.isoformat(timespec="microseconds")
