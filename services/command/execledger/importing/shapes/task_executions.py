"""Rows of `task_executions`: tasks of agents."""

from typing import Final

from execledger.importing.columns import Column, Row, document, moment, money, real, text, uuid, whole
from execledger.importing.drafts import Draft, Home
from execledger.importing.lifecycle import Table, events_of

TABLE: Final = Table(
    "task_executions",
    {
        "id": Column(uuid, is_required=True),
        "workflow_id": Column(text, is_required=True),
        "user_id": Column(uuid, begin="owner.id"),
        "tenant_id": Column(uuid),
        "session_id": Column(text, begin="session_id"),
        "query": Column(text, begin="query"),
        "mode": Column(text, begin="mode"),
        "status": Column(text, is_required=True),
        "started_at": Column(moment, is_required=True),
        "completed_at": Column(moment),
        "result": Column(text, end="result"),
        "response": Column(document, end="output"),
        "error_message": Column(text, end="error.message"),
        "total_tokens": Column(whole, end="usage.total_tokens"),
        "prompt_tokens": Column(whole, end="usage.prompt_tokens"),
        "completion_tokens": Column(whole, end="usage.completion_tokens"),
        "total_cost_usd": Column(money, end="usage.cost_usd"),
        "duration_ms": Column(whole),
        "agents_used": Column(whole, end="agents_used"),
        "tools_invoked": Column(whole, end="tools_invoked"),
        "cache_hits": Column(whole, end="cache_hits"),
        "complexity_score": Column(real, begin="complexity_score"),
        "metadata": Column(document, begin="metadata"),
        "created_at": Column(moment),
    },
    external_id="workflow_id",
)


def events(row: Row, tenant: str) -> list[Draft]:
    """The events of a task; its tenant is the row's, if it has one."""
    name = row["workflow_id"]
    return events_of(TABLE, row, Home(row.get("tenant_id", tenant), name, name), row["id"])
