"""What an execution called, models and tools: the shapes, and how rows become them. Pure."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from pydantic import Field, JsonValue, ValidationError

from execledger_query.errors import DamagedError
from execledger_query.views import Cursor, Money, Payloads, Row, Shape, Source, Timestamp


class _Call(Shape):
    event_id: UUID = Field(description="of the event that said it", examples=["019ca945-0a7b-7d77-aed5-0b667674308f"])
    occurred_at: Timestamp = Field(
        description="when it was made, by the clock of its orchestrator", examples=["2026-03-01T12:00:00.123Z"]
    )
    attempt: int = Field(description="as sent", examples=[1])
    step_id: str | None = Field(description="the step that made it", examples=["draft"])
    agent_id: str | None = Field(description="the agent that made it", examples=["writer"])
    duration_ms: int | None = Field(description="how long it took", examples=[820])
    error: str | None = Field(description="why it failed", examples=["rate limited"])
    cache_hit: bool | None = Field(description="whether a cache answered", examples=[False])


class LlmCall(_Call):
    """A call of a model."""

    provider: str | None = Field(description="who serves the model", examples=["openai"])
    model: str | None = Field(description="the model, as its provider calls it", examples=["gpt-4o"])
    prompt_tokens: int | None = Field(description="tokens that were sent", examples=[1000])
    completion_tokens: int | None = Field(description="tokens that came back", examples=[200])
    cached_tokens: int | None = Field(description="part of prompt_tokens", examples=[400])
    cache_write_tokens: int | None = Field(description="part of prompt_tokens", examples=[0])
    reasoning_tokens: int | None = Field(description="part of completion_tokens", examples=[50])
    input_audio_tokens: int | None = Field(description="part of prompt_tokens", examples=[0])
    output_audio_tokens: int | None = Field(description="part of completion_tokens", examples=[0])
    cost_usd: Money | None = Field(
        description="null when nobody said it and the price table does not have the model", examples=["0.0125"]
    )
    cost_source: Literal["reported", "computed"] | None = Field(
        description="who says what it cost", examples=["computed"]
    )
    price_version: str | None = Field(
        description="of the price table, when the cost is computed", examples=["genai-prices 0.2.3 sha256:0a1b2c3d"]
    )


class ToolCall(_Call):
    """A call of a tool."""

    tool_name: str | None = Field(description="the tool", examples=["search"])
    success: bool | None = Field(description="whether it succeeded", examples=[True])
    input: JsonValue = Field(description="a payload: null without include=payloads", examples=[{"query": "tea"}])
    output: JsonValue = Field(description="a payload: null without include=payloads", examples=[[{"title": "Tea"}]])


class LlmCallPage(Shape):
    """Calls of models, by time."""

    items: list[LlmCall] = Field(description="the calls", examples=[[]])
    next_cursor: Cursor


class ToolCallPage(Shape):
    """Calls of tools, by time."""

    items: list[ToolCall] = Field(description="the calls", examples=[[]])
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
