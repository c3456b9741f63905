"""Events as an orchestrator sends them: say only what matters.

Every builder takes `at` (seconds after noon, which keep microseconds), `attempt`, `sequence`, `event_id`, `source` and
`traceparent`; the rest is its data. Ids that are not said ascend, so that of two events the one made first is ordered
first when all else is equal.
"""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from execledger_contracts.decoding import reread
from execledger_contracts.events import WATCHDOG_SOURCE, Event
from execledger_contracts.status import Status

OF_THE_STEP: Final = ("name", "operation", "iteration", "total_items", "try_number", "agent_id", "parent_id")
NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
_ids: Final = itertools.count(1)


def event(
    type_: str,
    data: Any = None,
    *,
    at: float = 0,
    attempt: int = 1,
    sequence: int | None = None,
    event_id: str | None = None,
    source: str = "/orchestrator",
    traceparent: str | None = None,
) -> Event:
    """An event of any type, read by the contract as the recorder reads it from the log."""
    attributes = {"sequence": sequence, "traceparent": traceparent, "data": data}
    return reread(
        json.dumps(
            {
                "specversion": "1.0",
                "id": event_id or nth_id(next(_ids)),
                "source": source,
                "type": type_,
                "subject": "run-1",
                "time": moment(at).isoformat(),
                "attempt": attempt,
                **{name: value for name, value in attributes.items() if value is not None},
            }
        )
    )


def moment(at: float) -> datetime:
    """That many seconds after noon, to the microsecond."""
    return NOON + timedelta(microseconds=round(at * 1_000_000))


def nth_id(number: int) -> str:
    """An event id; they are ordered as their numbers."""
    return str(UUID(int=number))


def created(**said: Any) -> Event:
    return _said("execution.created", said)


def started(**said: Any) -> Event:
    return _said("execution.started", said)


def progressed(**said: Any) -> Event:
    return _said("execution.progressed", said)


def paused(**said: Any) -> Event:
    return _said("execution.paused", said)


def resumed(**said: Any) -> Event:
    return _said("execution.resumed", said)


def cancel_requested(**said: Any) -> Event:
    return _said("execution.cancel_requested", said)


def finished(status: str = Status.COMPLETED, **said: Any) -> Event:
    """The execution's end in one of the four terminal statuses."""
    return _said(f"execution.{status}", said)


def watchdog_ended(*, reason: str = "silent for 60 s", **said: Any) -> Event:
    """The watchdog's provisional ending."""
    said.setdefault("source", WATCHDOG_SOURCE)
    return _said("execution.timed_out", {**said, "provisional": True, "reason": reason})


def step_started(step_id: str = "draft", **said: Any) -> Event:
    return _step("step.started", step_id, said)


def step_finished(step_id: str = "draft", status: str = Status.COMPLETED, **said: Any) -> Event:
    """A step's end in one of the five terminal statuses."""
    return _step(f"step.{status}", step_id, said)


def llm_called(**said: Any) -> Event:
    return _said("llm.called", said)


def tool_called(**said: Any) -> Event:
    return _said("tool.called", said)


def other(type_: str = "agent.thinking", **said: Any) -> Event:
    """An event of a type that is not in the table."""
    return _said(type_, said)


_ATTRIBUTES: Final = ("at", "attempt", "sequence", "event_id", "source", "traceparent")


def _said(type_: str, said: dict[str, Any]) -> Event:
    attributes = {name: said.pop(name) for name in _ATTRIBUTES if name in said}
    return event(type_, said or None, **attributes)


def _step(type_: str, step_id: str, said: dict[str, Any]) -> Event:
    step: dict[str, Any] = {"id": step_id, **{name: said.pop(name) for name in OF_THE_STEP if name in said}}
    return _said(type_, {**said, "step": step})
