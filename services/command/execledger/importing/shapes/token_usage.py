"""Rows of `token_usage`: calls of models."""

from collections.abc import Mapping
from typing import Final

from execledger.importing.columns import Column, Refused, Row, moment, money, placed, text, uuid, whole
from execledger.importing.drafts import Draft
from execledger.importing.shapes.children import Parent, check_owner, id_of

COLUMNS: Final[Mapping[str, Column]] = {
    "id": Column(uuid),
    "task_id": Column(uuid, is_required=True),
    "user_id": Column(uuid),
    "provider": Column(text, begin="provider"),
    "model": Column(text, begin="model"),
    "agent_id": Column(text, begin="agent_id"),
    "prompt_tokens": Column(whole, begin="prompt_tokens"),
    "completion_tokens": Column(whole, begin="completion_tokens"),
    "total_tokens": Column(whole),
    "cost_usd": Column(money, begin="cost_usd"),
    "created_at": Column(moment, is_required=True),
}
_PLACES: Final = {name: column.begin for name, column in COLUMNS.items() if column.begin}
_COLUMNS: Final = {"time": "created_at", **{place: name for name, place in _PLACES.items()}}


def events(row: Row, parent: Parent) -> list[Draft]:
    """The call of a model."""
    check_owner(row, parent)
    if row.get("total_tokens", total := row.get("prompt_tokens", 0) + row.get("completion_tokens", 0)) != total:
        raise Refused("total_tokens", "is not the sum of prompt_tokens and completion_tokens")
    return [Draft(id_of(row), "llm.called", parent.home, row["created_at"], placed(row, _PLACES), _COLUMNS)]
