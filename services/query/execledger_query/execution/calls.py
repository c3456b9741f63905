"""What an execution called, models and tools: the shapes, and how rows become them. Pure."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from pydantic import Field, JsonValue, ValidationError

from execledger_query.errors import DamagedError
from execledger_query.views import Cursor, Money, Payloads, Row, Shape, Source, Timestamp


class _Call(Shape):
    event_id: UUID = Field(description="of the event that said it")
    occurred_at: Timestamp
    attempt: int = Field(description="as sent")
    step_id: str | None
    agent_id: str | None
    duration_ms: int | None
    error: str | None
    cache_hit: bool | None


class LlmCall(_Call):
    """A call of a model."""

    provider: str | None
    model: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None = Field(description="part of prompt_tokens")
    cache_write_tokens: int | None = Field(description="part of prompt_tokens")
    reasoning_tokens: int | None = Field(description="part of completion_tokens")
    input_audio_tokens: int | None = Field(description="part of prompt_tokens")
    output_audio_tokens: int | None = Field(description="part of completion_tokens")
    cost_usd: Money | None = Field(description="null when nobody said it and the price table does not have the model")
    cost_source: Literal["reported", "computed"] | None
    price_version: str | None = Field(description="of the price table, when the cost is computed")


class ToolCall(_Call):
    """A call of a tool."""

    tool_name: str | None
    success: bool | None
    input: JsonValue = Field(description="a payload: null without include=payloads")
    output: JsonValue = Field(description="a payload: null without include=payloads")


class LlmCallPage(Shape):
    """Calls of models, by time."""

    items: list[LlmCall]
    next_cursor: Cursor


class ToolCallPage(Shape):
    """Calls of tools, by time."""

    items: list[ToolCall]
    next_cursor: Cursor


def tool_call_sources(rows: Sequence[Row]) -> list[Source]:
    """The events that hold the payloads of these calls, in their order."""
    return [(row["execution_id"], row["event_id"]) for row in rows]


def llm_call_of(row: Row) -> LlmCall:
    """A call of a model as it is shown. Raises DamagedError."""
    try:
        return LlmCall(**{name: row[name] for name in LlmCall.model_fields})
    except ValidationError as error:
        raise DamagedError.of_event(row["event_id"]) from error


def tool_call_of(row: Row, payloads: Payloads) -> ToolCall:
    """A call of a tool as it is shown; what `payloads` lack is null. Raises DamagedError."""
    said = payloads.get((row["execution_id"], row["event_id"]), {})
    shown = {name: row[name] for name in ToolCall.model_fields if name not in ("input", "output")}
    try:
        return ToolCall(**shown, input=said.get("input"), output=said.get("output"))
    except ValidationError as error:
        raise DamagedError.of_event(row["event_id"]) from error
