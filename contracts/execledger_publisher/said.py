"""What an orchestrator can say of an execution or a step, and how it becomes the data of an event.

Nothing here raises for a value: what is no amount, no owner, no list is passed on as it is, for the check against
the contract to name. A misspelt option is a TypeError, as with any function.
"""

import traceback
from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypedDict

from pydantic import BaseModel

from execledger_contracts.models import Budget, Owner, Trigger, Usage, Workflow
from execledger_publisher.run import without_none

MoneyLike = str | Decimal | int | float

MAX_STACK_CHARACTERS: Final = 32_000  # the end of a trace tells most, and the recorder would keep its beginning


class ExecutionOptions(TypedDict, total=False):
    """What can be said of an execution when it begins. All of it is optional."""

    workflow: str | Workflow | Mapping[str, Any]
    """The definition that runs; a text is its id."""
    owner: str | Owner | Mapping[str, Any]
    """Who runs it; a text is the id. A nested execution has its parent's."""
    session_id: str
    """The conversation it belongs to. A nested execution has its parent's."""
    trigger: str | Trigger | Mapping[str, Any]
    """What set it off; a text is the mode: manual, scheduled or triggered."""
    mode: str
    query: str
    input: Any
    total_steps: int
    tags: Iterable[str]
    labels: Mapping[str, Any]
    """Links to your own things: venture, prd, message, graph, …"""
    metadata: Mapping[str, Any]
    complexity_score: float
    timeout_seconds: float
    """The recorder ends the execution as timed out after that."""
    budget: Budget | Mapping[str, Any]
    parent_execution_id: str
    root_execution_id: str
    """For a parent in another process; `execution.execution()` sets both."""
    external_id: str
    """Your own id for it, unique within the tenant; a new UUIDv7 without it."""
    attempt: int
    """Above 1 when another process began it and this one tries again."""
    tenant: str
    traceparent: str


class Outcome(TypedDict, total=False):
    """What can be said of an execution when it ends."""

    output: Any
    result: str
    usage: Usage | Mapping[str, Any]
    """What the attempt consumed; without it, the sum of its `llm_called`."""
    duration_ms: int
    agents_used: int
    tools_invoked: int
    cache_hits: int
    metadata: Mapping[str, Any]


class StepOptions(TypedDict, total=False):
    """What can be said of a step when it begins."""

    id: str
    """Tells steps of one name apart; the name without it."""
    operation: str
    agent_id: str
    iteration: int
    """1-based, in a loop."""
    total_items: int
    parent_id: str
    input: Any
    metadata: Mapping[str, Any]


class StepOutcome(TypedDict, total=False):
    """What can be said of a step when it ends."""

    output: Any
    metadata: Mapping[str, Any]
    duration_ms: int


def check_names(given: Mapping[str, Any], allowed: type[Any]) -> None:
    """What Python does for named parameters, and not for those of a TypedDict."""
    if unknown := given.keys() - allowed.__annotations__.keys():
        raise TypeError(f"unknown option {', '.join(sorted(unknown))}; known: {', '.join(allowed.__annotations__)}")


def start_data(options: Mapping[str, Any]) -> dict[str, Any]:
    """The data of `execution.created` and `execution.started`."""
    check_names(options, ExecutionOptions)
    tags = options.get("tags")
    return without_none(
        {
            **{name: options.get(name) for name in _PLAIN_START_FIELDS},
            "workflow": _named("id", options.get("workflow")),
            "owner": _named("id", options.get("owner")),
            "trigger": _named("mode", options.get("trigger")),
            "budget": _with_money(options.get("budget"), "cost_limit_usd"),
            "tags": list(tags) if isinstance(tags, Iterable) and not isinstance(tags, str) else tags,
        }
    )


def outcome_data(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """What the data of an execution's ending say of its outcome."""
    check_names(outcome, Outcome)
    return without_none({**outcome, "usage": _with_money(outcome.get("usage"), "cost_usd")})


def step_outcome_data(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """What the data of a step's ending say of its outcome."""
    check_names(outcome, StepOutcome)
    return without_none(dict(outcome))


def step_identity(name: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """The `step` of a step's events."""
    check_names(options, StepOptions)
    return without_none({"name": name, **{key: options.get(key) for key in _STEP_IDENTITY}})


def money(amount: Any) -> Any:
    """An amount as text, plainly written: a JSON number would pass through a float."""
    if isinstance(amount, int | float | Decimal) and not isinstance(amount, bool):
        with suppress(InvalidOperation, ValueError):
            return format(Decimal(str(amount)), "f")
    return amount


def error_data(error: BaseException | str | None) -> dict[str, Any] | None:
    """The `error` of a failure: message, and of an exception also type and stack."""
    match error:
        case None:
            return None
        case BaseException():
            return {"message": message(error), "type": type(error).__name__, "stack": _stack(error)}
        case _:
            return {"message": error}


def message(error: BaseException) -> str:
    """What the exception says."""
    try:
        return str(error)
    except Exception as failure:  # noqa: BLE001 - somebody's __str__ must not hide what happened
        return f"(its message raised {type(failure).__name__})"


def _stack(error: BaseException) -> str:
    try:
        stack = "".join(traceback.format_exception(error))
    except Exception as failure:  # noqa: BLE001 - as above
        return f"(formatting it raised {type(failure).__name__})"
    return stack if len(stack) <= MAX_STACK_CHARACTERS else "…" + stack[-MAX_STACK_CHARACTERS:]


def _named(key: str, value: Any) -> Any:
    return {key: value} if isinstance(value, str) else _plain(value)


def _with_money(value: Any, key: str) -> Any:
    plain = _plain(value)
    return {**plain, key: money(plain[key])} if isinstance(plain, Mapping) and key in plain else plain


def _plain(value: Any) -> Any:
    return value.model_dump(exclude_none=True) if isinstance(value, BaseModel) else value


_STEP_IDENTITY: Final = ("id", "operation", "iteration", "total_items", "agent_id", "parent_id")
_PLAIN_START_FIELDS: Final = (
    "session_id",
    "parent_execution_id",
    "root_execution_id",
    "mode",
    "query",
    "input",
    "total_steps",
    "labels",
    "metadata",
    "complexity_score",
    "timeout_seconds",
)
