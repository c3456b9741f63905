"""Rows of `crewai_flow_executions`: governed flows."""

from typing import Final

from execledger.importing.columns import Column, Row, document, flag, moment, money, text, uuid, whole
from execledger.importing.drafts import Draft, Home
from execledger.importing.lifecycle import Table, events_of

TABLE: Final = Table(
    "crewai_flow_executions",
    {
        "id": Column(uuid, is_required=True),
        "flow_id": Column(uuid, begin="workflow.id"),
        "execution_key": Column(text, is_required=True),
        "input_state": Column(document, begin="input"),
        "output_state": Column(document, end="output"),
        "metadata": Column(document, begin="metadata"),
        "status": Column(text, is_required=True),
        "error_message": Column(text, end="error.message"),
        "error_stack": Column(text, end="error.stack"),
        "error_type": Column(text, end="error.type"),
        "started_at": Column(moment, is_required=True),
        "completed_at": Column(moment),
        "duration_ms": Column(whole),
        "token_count": Column(whole, end="usage.total_tokens"),
        "cost_usd": Column(money, end="usage.cost_usd"),
        "board_meeting_id": Column(uuid, begin="labels.board_meeting_id"),
        "executed_by": Column(uuid, begin="owner.id"),
        "venture_id": Column(uuid, begin="labels.venture_id"),
        "prd_id": Column(uuid, begin="labels.prd_id"),
        "sd_id": Column(text, begin="labels.sd_id"),
        "execution_mode": Column(text, begin="trigger.mode"),
        "budget_consumed": Column(whole),  # reads as the tokens
        "budget_limit": Column(whole, begin="budget.token_limit"),
        "killed_by_budget": Column(flag, end="killed_by_budget"),
    },
    external_id="execution_key",
)


def events(row: Row, tenant: str) -> list[Draft]:
    """The events of a flow's execution; its key names it."""
    key = row["execution_key"]
    return events_of(TABLE, row, Home(tenant, key, key), row["id"])
