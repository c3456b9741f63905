"""The filters of the API as options, the same for each command that takes them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any

from cyclopts import Parameter

Words = Annotated[list[str] | None, Parameter(negative=())]
Truth = bool | None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Filters:
    """What executions are narrowed to: all that is said must hold, as in the API.

    Parameters
    ----------
    status
        In any of these; may be repeated.
    workflow_id
        Of this workflow.
    workflow_version
        Of this version of their workflow.
    owner_id
        Of this owner.
    session_id
        Of this session.
    tenant_id
        Of this tenant: on a big table sorts are quick for one alone.
    external_id
        With this external id.
    trigger
        Set off so: manual, scheduled, triggered.
    mode
        In this mode.
    tag
        With this tag; repeated, with each.
    label
        With this label, as KEY=VALUE; repeated, with each.
    error_type
        With an error of this type.
    started_after
        Started then or later, as 2026-03-01T12:00:00Z.
    started_before
        Started before then.
    duration_ms_gte
        That took as many milliseconds, or more.
    duration_ms_lte
        That took as many milliseconds, or less.
    cost_usd_gte
        That cost as much at least.
    parent
        Whose parent has this external id.
    root
        In the tree of this external id, itself among them.
    has_children
        That others name as their parent.
    paused
        That are paused.
    waiting_for
        That wait for this.
    killed_by_budget
        That their budget ended.
    q
        With all of these words, in query, error and names.
    """

    status: Words = None
    workflow_id: str | None = None
    workflow_version: str | None = None
    owner_id: str | None = None
    session_id: str | None = None
    tenant_id: Annotated[str | None, Parameter(alias="--tenant")] = None
    external_id: str | None = None
    trigger: str | None = None
    mode: str | None = None
    tag: Words = None
    label: Words = None
    error_type: str | None = None
    started_after: str | None = None
    started_before: str | None = None
    duration_ms_gte: str | None = None
    duration_ms_lte: str | None = None
    cost_usd_gte: str | None = None
    parent: str | None = None
    root: str | None = None
    has_children: Truth = None
    paused: Truth = None
    waiting_for: str | None = None
    killed_by_budget: Truth = None
    q: str | None = None

    @property
    def said(self) -> Mapping[str, Any]:
        """Those that were said, by their names in the API."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in given.items() if value is not None}


NONE = Filters()
