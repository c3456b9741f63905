"""What an orchestrator can say of an execution or a step, and how it becomes the data of an event.

Nothing here raises for a value: what is no amount, no owner, no list is passed on as it is, for the recorder to read as
it can. A misspelt option is a TypeError, as with any function.
"""

import math
import traceback
from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypedDict

from execledger_contracts.models import Budget, Owner, Trigger, Usage, Workflow
from execledger_publisher.identifiers import shown
from execledger_publisher.run import without_none
from execledger_publisher.usage import tokens

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
    """Links to your own things: venture_id, prd_id, sd_id, board_meeting_id, message_id, graph_id, …"""
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
    usage: Any
    """What the attempt consumed: `Usage`, or a provider's usage object; without it, the sum of its `llm_called`."""
    duration_ms: float
    agents_used: int
    tools_invoked: int
    cache_hits: int
    metadata: Mapping[str, Any]


class StepOptions(TypedDict, total=False):
    """What can be said of a step when it begins."""

    id: str
    """What tells it from the other steps, if not its name: the same id again is its next try."""
    operation: str
    agent_id: str
    iteration: int
    """1-based, in a loop. `loop()` counts by itself."""
    total_items: int
    try_number: int
    """From 1; when another process tries again what failed."""
    parent_id: str
    input: Any
    metadata: Mapping[str, Any]


class StepOutcome(TypedDict, total=False):
    """What can be said of a step when it ends."""

    output: Any
    metadata: Mapping[str, Any]
    duration_ms: float


def check_names(given: Mapping[str, Any], allowed: type[Any]) -> None:
    """What Python does for named parameters, and not for those of a TypedDict."""
    if unknown := given.keys() - allowed.__annotations__.keys():
        raise TypeError(f"unknown option {', '.join(sorted(unknown))}; known: {', '.join(allowed.__annotations__)}")


def start_data(options: Mapping[str, Any]) -> dict[str, Any]:
    """The data of `execution.created` and `execution.started`."""
    check_names(options, ExecutionOptions)
    return without_none(
        {
            **{name: options.get(name) for name in _PLAIN_START_FIELDS},
            "workflow": _named("id", options.get("workflow")),
            "owner": _named("id", options.get("owner")),
            "trigger": _named("mode", options.get("trigger")),
            "budget": _with_money(options.get("budget"), "cost_limit_usd"),
            "tags": _listed(options.get("tags")),
        }
    )


def outcome_data(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """What the data of an execution's ending say of its outcome."""
    check_names(outcome, Outcome)
    return _rounded({**outcome, "usage": _usage(outcome.get("usage"))})


def step_outcome_data(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """What the data of a step's ending say of its outcome."""
    check_names(outcome, StepOutcome)
    return _rounded({**outcome})


def progress_data(**said: Any) -> dict[str, Any]:
    """The data of an `execution.progressed`."""
    return without_none({name: whole(value) for name, value in said.items()})


def whole(value: Any) -> Any:
    """A fraction as the whole number that the contract wants; anything else as it is."""
    return round(value) if isinstance(value, float) and math.isfinite(value) else value


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
            return {"message": shown(error)}


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


def _listed(tags: Any) -> Any:
    if not isinstance(tags, Iterable) or isinstance(tags, str | bytes | Mapping):
        return tags
    try:
        return list(tags)
    except Exception:  # noqa: BLE001 - as above
        return None


def _named(key: str, value: Any) -> Any:
    return {key: value} if isinstance(value, str) else _plain(value)


def _usage(value: Any) -> Any:
    """A mapping or model of ours as it is; a provider's usage object as the tokens that it names."""
    plain = _with_money(value, "cost_usd")
    if plain is None or isinstance(value, Usage):
        return plain
    named = {name: plain[name] for name in _USAGE if name in plain} if isinstance(plain, Mapping) else {}
    return {name: whole(amount) for name, amount in {**tokens(value), **named}.items() if name in _USAGE} or plain


def _rounded(said: dict[str, Any]) -> dict[str, Any]:
    return without_none({**said, "duration_ms": whole(said.get("duration_ms"))})


def _with_money(value: Any, key: str) -> Any:
    plain = _plain(value)
    return {**plain, key: money(plain[key])} if isinstance(plain, Mapping) and key in plain else plain


def _plain(value: Any) -> Any:
    return value.model_dump(exclude_none=True) if isinstance(value, _OURS) else value


_OURS: Final = (Budget, Owner, Trigger, Usage, Workflow)
_USAGE: Final = frozenset(Usage.model_fields)
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
