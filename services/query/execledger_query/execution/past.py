"""An execution as it was: the same fold over what was recorded by a moment, or had happened by one. Pure."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

from execledger_lifecycle import ExecutionFold, StepFolds, execution_record, fold, place, raised_by
from execledger_lifecycle.record import EXECUTION_COLUMNS
from execledger_query.execution.log import Logged
from execledger_query.store import Row
from execledger_query.views import Execution, Payloads, execution_of

_NAMES = ("id", "external_id", "tenant_id")


def as_it_was(logged: Logged) -> Logged | None:
    """The execution that a part of its log gives; None when there was none yet. Raises DamagedError.

    Takes 0.01 ms an event, measured with 10,000 of steps: not for the event loop.
    """
    if not logged.events:
        return None
    entries, state = logged.entries(), ExecutionFold(caps=logged.caps)
    fold(state, StepFolds(), sorted(place(entries, raised_by(entries)), key=lambda entry: entry.key))
    record = execution_record(state, logged.execution["external_id"])._asdict()
    said = {name: _read(EXECUTION_COLUMNS[name].sql, value) for name, value in record.items()}
    return replace(logged, execution={**said, **{name: logged.execution[name] for name in _NAMES}})


def shown_of(execution: Row, payloads: Payloads) -> Execution:
    """An execution as it was shown; but for its tree, which was another one, and what a budget counts of that."""
    shown = execution_of(execution, payloads)
    budget = shown.budget.model_copy(update={"consumed_tokens": None, "consumed_cost_usd": None})
    return shown.model_copy(update={"budget": budget})


def _read(kind: str, value: Any) -> Any:
    """A value of a record as Postgres gives it back."""
    match kind:
        case "jsonb":
            return None if value is None else json.loads(value)
        case "uuid":
            return None if value is None else UUID(value)
        case _:
            return value
