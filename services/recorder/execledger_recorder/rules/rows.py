"""What the tables hold, and what a batch reads of them, as values."""

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

Alias = tuple[str, str]
"""Tenant, external id."""


class EventRow(NamedTuple):
    """One row of `execution_events`."""

    execution_id: str
    event_id: str
    tenant_id: str
    type: str
    attempt: int
    occurred_at: datetime
    sequence: int | None
    rank: int
    received_at: datetime
    outcome: str
    reason: str | None
    ignored: str | None
    topic: str
    partition: int
    offset: int
    event_index: int
    digest: bytes
    raw: str
    log_type: str | None  # as `rules.foreign` has it, as the next one
    imported_from: str | None


class LlmCallRow(NamedTuple):
    """One row of `llm_calls`."""

    execution_id: str
    event_id: str
    tenant_id: str
    occurred_at: datetime
    attempt: int
    provider: str | None
    model: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    input_audio_tokens: int | None
    output_audio_tokens: int | None
    cost_usd: Decimal | None
    cost_source: str | None
    price_version: str | None
    duration_ms: int | None
    error: str | None
    agent_id: str | None
    step_id: str | None
    cache_hit: bool | None
    row_uuid: str | None  # of an imported row, likewise


class UnreportedCall(NamedTuple):
    """A call whose cost nobody reported, and the price that is stored for it."""

    execution_id: str
    event_id: str
    occurred_at: datetime
    provider: str | None
    model: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    input_audio_tokens: int | None
    output_audio_tokens: int | None
    cache_hit: bool | None
    cost_nanos: int | None


class ToolCallRow(NamedTuple):
    """One row of `tool_calls`."""

    execution_id: str
    event_id: str
    tenant_id: str
    occurred_at: datetime
    attempt: int
    tool_name: str | None
    success: bool | None
    duration_ms: int | None
    error: str | None
    agent_id: str | None
    step_id: str | None
    cache_hit: bool | None
    row_uuid: str | None


class DuplicateRow(NamedTuple):
    """One row of `duplicates`."""

    topic: str
    partition: int
    offset: int
    event_index: int
    execution_id: str
    event_id: str
    reason: str


class DeadLetterRow(NamedTuple):
    """One row of `dead_letters`; headers as JSON pairs of name and base64, `cut` as `rules.dead_letter.Kept` has it.

    It has a tenant where it can be shown whose it is.
    """

    topic: str
    partition: int
    offset: int
    timestamp: datetime
    key: bytes | None
    headers: str
    value: bytes | None
    reason: str
    detail: str
    fingerprint: str
    cut: str | None
    tenant_id: str | None
    event_index: int


class LabelRow(NamedTuple):
    """One row of `execution_labels`."""

    execution_id: str
    kind: str
    key: str
    value: str
    tenant_id: str


class Foreign(NamedTuple):
    """The foreign ids of an execution, as `executions` stores them beside its record."""

    tenant_uuid: str
    owner_uuid: str | None
    workflow_uuid: str | None
    venture_id: str | None
    venture_uuid: str | None
    prd_id: str | None
    prd_uuid: str | None
    sd_id: str | None
    board_meeting_id: str | None
    board_meeting_uuid: str | None
    message_id: str | None
    graph_id: str | None


class LockedExecution(NamedTuple):
    """What a batch needs of an execution that is known already."""

    status: str
    owner_id: str | None
    usage_day: date
    fold: str
    tenant_id: str
    external_id: str
    attempt: int
    total_tokens: int
    cost_nanos: int
    token_limit: int | None
    cost_limit_usd: Decimal | None
    budget_scope: str | None
    root_execution_id: str
    start_hour: int  # hours since 1970 to its start, else its creation


LimitKey = tuple[str, int, str, str, str, date | None, Decimal]
"""Execution id, attempt, type of command; kind, whose (budget, owner, tenant), day and value of the limit."""
Named = tuple[str, str, str | None, str | None, datetime, str]
"""Tenant, id, two names of it, when that was said, by which event."""
NamedOwner = tuple[str, str, str | None, str | None, datetime, str, str | None]
"""The same of an owner, and the uuid that stands for its id."""
UsageMark = tuple[str, str, date]
"""Tenant, owner (empty: nobody), UTC day."""
HourMark = tuple[str, int]
"""Tenant, hours since 1970."""
EventCount = tuple[str, int, str, int]
"""Tenant, hours since 1970, type as sent, how many."""


class TreeMarks(NamedTuple):
    """Trees that changes touch."""

    roots: set[Alias]  # named as the root by others
    parts: set[Alias]  # executions that may be a root themselves

    def add(self, alias: Alias, *roots: str) -> None:
        """An execution, and those that it names as its root, or did."""
        tenant_id, external_id = alias
        self.parts.add(alias)
        self.roots.update((tenant_id, root) for root in roots if root != external_id)
