"""Rows of `executions`: crews, linked to messages and graphs."""

from typing import Any, Final

from execledger.importing.columns import Column, Refused, Row, document, moment, money, text, uuid, whole
from execledger.importing.drafts import Draft, Home
from execledger.importing.lifecycle import Table, events_of

_METRICS: Final = {
    "metrics.total_tokens": Column(whole, end="usage.total_tokens"),
    "metrics.prompt_tokens": Column(whole, end="usage.prompt_tokens"),
    "metrics.completion_tokens": Column(whole, end="usage.completion_tokens"),
    "metrics.cost_usd": Column(money, end="usage.cost_usd"),
    "metrics.agents_used": Column(whole, end="agents_used"),
    "metrics.tools_invoked": Column(whole, end="tools_invoked"),
    "metrics.cache_hits": Column(whole, end="cache_hits"),
    "metrics.total_steps": Column(whole),
    "metrics.completed_steps": Column(whole),
}
TABLE: Final = Table(
    "executions",
    {
        "id": Column(uuid, is_required=True),
        "status": Column(text, is_required=True),
        "message_id": Column(text, begin="labels.message_id"),
        "graph_id": Column(text, begin="labels.graph_id"),
        "result": Column(text, end="result"),
        "output": Column(document, end="output"),
        "error": Column(text, end="error.message"),
        "error_type": Column(text, end="error.type"),
        "created_at": Column(moment, is_required=True),
        "started_at": Column(moment),
        "completed_at": Column(moment),
        "duration_ms": Column(whole),
        "metrics": Column(document),
        **_METRICS,
    },
    progress={"completed_steps": "metrics.completed_steps", "total_steps": "metrics.total_steps"},
)


def events(row: Row, tenant: str) -> list[Draft]:
    """The events of a crew's execution; each of its metrics is told like a column."""
    home = Home(tenant, row["id"], row["id"])
    return events_of(TABLE, {**row, **_metrics(row.get("metrics", {}))}, home, row["id"])


def _metrics(metrics: Any) -> dict[str, Any]:
    if not isinstance(metrics, dict):
        raise Refused("metrics", "should be an object")
    figures: dict[str, Any] = {}
    for name, value in metrics.items():
        if (column := _METRICS.get(field := f"metrics.{name}")) is None:
            raise Refused(field, "no event says it")
        try:
            if value is not None:
                figures[field] = column.read(value)
        except (ValueError, OverflowError) as error:
            raise Refused(field, str(error)) from None
    return figures
