"""Why an execution's record is as it is: what the service shows of it, and what that is made from."""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, JsonValue

from execledger_contracts.events import ExecutionTimedOut
from execledger_lifecycle import Entry, NotApplied, explain
from execledger_query.execution.log import Logged
from execledger_query.views import IgnoredField, Shape, Timestamp, execution_of


class DecidedField(Shape):
    """A field of the record, and the event that decided it."""

    event_id: UUID
    type: str = Field(description="as sent")
    occurred_at: Timestamp
    value: JsonValue = Field(description="as the record shows it; null for a payload without include=payloads")


class ExplainedEvent(Shape):
    """An event: what became of it on arrival, and what the record owes to it now."""

    event_id: UUID
    id: str = Field(description="as sent")
    source: str
    type: str = Field(description="as sent")
    occurred_at: Timestamp
    attempt: int = Field(description="as sent")
    sequence: int | None
    outcome: Literal["applied", "late", "rejected"]
    ignored: list[IgnoredField] = Field(description="what was left out, or read otherwise than it was sent")
    decides: list[str]
    not_applied: NotApplied | None


class Provisional(Shape):
    """Why we took the execution for ended."""

    reason: str | None


class Note(Shape):
    """What events say that cannot be, and what became of it."""

    field: str
    event_id: UUID
    reason: str


class Explanation(Shape):
    """Which event decided each field, by the field's name, and what each event did."""

    fields: dict[str, DecidedField]
    events: list[ExplainedEvent] = Field(description="in their order")
    provisional: Provisional | None
    notes: list[Note] = Field(default=[], exclude_if=lambda notes: not notes, description="absent when there are none")


def explanation_of(logged: Logged) -> Explanation:
    """The explanation, as it is shown. Takes 0.15 ms an event: not for the event loop. Raises DamagedError."""
    arrived = {str(row["event_id"]): row for row in logged.events}
    shown = execution_of(logged.execution, logged.payloads, logged.trees).model_dump(mode="json")
    explanation = explain(logged.entries(), logged.execution)
    return Explanation(
        fields={
            name: DecidedField(**_identified(entry), value=_value(shown, name))
            for name, entry in explanation.fields.items()
        },
        events=[
            ExplainedEvent(
                **_identified(explained.entry),
                id=explained.entry.event.id,
                source=explained.entry.event.source,
                attempt=explained.entry.event.attempt,
                sequence=explained.entry.event.sequence,
                outcome=arrived[explained.entry.event_id]["outcome"],
                ignored=arrived[explained.entry.event_id]["ignored"] or [],
                decides=list(explained.decides),
                not_applied=explained.not_applied,
            )
            for explained in explanation.events
        ],
        provisional=_provisional(explanation.provisional),
        notes=[Note(field=n.field, event_id=UUID(n.entry.event_id), reason=n.text) for n in explanation.notes],
    )


def _identified(entry: Entry) -> dict[str, Any]:
    return {"event_id": entry.event_id, "type": entry.event.type, "occurred_at": entry.event.time}


def _value(shown: Mapping[str, Any], name: str) -> Any:
    whole, _, part = name.partition(".")
    return shown[whole][part] if part else shown[whole]


def _provisional(ending: Entry | None) -> Provisional | None:
    if ending is None or not isinstance(ending.event, ExecutionTimedOut):
        return None
    return Provisional(reason=ending.event.data.reason)
