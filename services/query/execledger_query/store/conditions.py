"""What lists of executions are narrowed to, and the conditions that say so. Pure."""

import json
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple


class Condition(NamedTuple):
    """A part of a WHERE clause, and the values for its places."""

    sql: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of executions is narrowed to; of the statuses any, of all else everything holds."""

    statuses: tuple[str, ...] = ()
    workflow_id: str | None = None
    owner_id: str | None = None
    external_id: str | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None
    tenant_id: str | None = None
    workflow_version: str | None = None
    session_id: str | None = None
    trigger: str | None = None
    mode: str | None = None
    error_type: str | None = None
    tags: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    duration_ms_gte: int | None = None
    duration_ms_lte: int | None = None
    cost_usd_gte: Decimal | None = None
    parent: str | None = None
    root: str | None = None
    has_children: bool | None = None
    paused: bool | None = None
    waiting_for: str | None = None
    killed_by_budget: bool | None = None
    q: str | None = None

    def given(self) -> dict[str, Any]:
        """The filters that narrow anything, those of several values in one order."""
        said = {name: getattr(self, name) for name in _FILTERS}
        said |= {"statuses": sorted({*self.statuses}), "tags": sorted({*self.tags}), "labels": sorted({*self.labels})}
        return {name: value for name, value in said.items() if value not in (None, [])}

    def scope(self, sort: str = "-id") -> str:
        """The same text for the same list, whatever the order in which its filters were written."""
        return json.dumps(["executions", sort, self.given()], default=str)


_FILTERS: Final = tuple(field.name for field in fields(Filters))
