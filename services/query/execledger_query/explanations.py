"""Why an execution's record is as it is: what the service shows of it, and what that is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from execledger_contracts.decoding import reread
from execledger_contracts.events import ExecutionTimedOut
from execledger_lifecycle import Entry, NotApplied, enter, explain
from execledger_query.errors import DamagedError
from execledger_query.store import UNBOUNDED, Reader, Row
from execledger_query.views import IgnoredField, Payloads, Timestamp, Trees, execution_of, execution_sources


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class DecidedField(_Shape):
    """A field of the record, and the event that decided it."""

    event_id: UUID
    type: str = Field(description="as sent")
    occurred_at: Timestamp
    value: JsonValue = Field(description="as the record shows it; null for a payload without include=payloads")


class ExplainedEvent(_Shape):
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


class Provisional(_Shape):
    """Why we took the execution for ended."""

    reason: str | None


class Note(_Shape):
    """What events say that cannot be, and what became of it."""

    field: str
    event_id: UUID
    reason: str


class Explanation(_Shape):
    """Which event decided each field, by the field's name, and what each event did."""

    fields: dict[str, DecidedField]
    events: list[ExplainedEvent] = Field(description="in their order")
    provisional: Provisional | None
    notes: list[Note] = Field(default=[], exclude_if=lambda notes: not notes, description="absent when there are none")


@dataclass(frozen=True, slots=True)
class Logged:
    """An execution with its whole log."""

    execution: Row
    events: Sequence[Row]
    payloads: Payloads
    trees: Trees

    @property
    def is_whole(self) -> bool:
        return not any(row["goes_on"] for row in self.events[-1:])


async def read(reader: Reader, execution: Row, most_bytes: int = UNBOUNDED, *, with_payloads: bool) -> Logged:
    """All that an explanation is made from; it is not whole when the events come to more than that many bytes."""
    events = await reader.logged_events(execution["id"], most_bytes)
    payloads = await reader.payloads(execution_sources([execution]) if with_payloads else ())
    return Logged(execution, events, payloads, await reader.trees([execution]))


def explanation_of(logged: Logged) -> Explanation:
    """The explanation, as it is shown. Takes 0.15 ms an event: not for the event loop. Raises DamagedError."""
    arrived = {str(row["event_id"]): row for row in logged.events}
    shown = execution_of(logged.execution, logged.payloads, logged.trees).model_dump(mode="json")
    explanation = explain([_entry(row) for row in logged.events], logged.execution)
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


def _entry(row: Row) -> Entry:
    try:
        return enter(reread(row["event"]), str(row["event_id"]))
    except Exception as error:
        raise DamagedError.of_event(row["event_id"]) from error


def _identified(entry: Entry) -> dict[str, Any]:
    return {"event_id": entry.event_id, "type": entry.event.type, "occurred_at": entry.event.time}


def _value(shown: Mapping[str, Any], name: str) -> Any:
    whole, _, part = name.partition(".")
    return shown[whole][part] if part else shown[whole]


def _provisional(ending: Entry | None) -> Provisional | None:
    if ending is None or not isinstance(ending.event, ExecutionTimedOut):
        return None
    return Provisional(reason=ending.event.data.reason)
