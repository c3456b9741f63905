"""Rows about an execution that is there already: which one, and what it may not say otherwise. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from execledger.importing.columns import Refused, Row
from execledger.importing.drafts import Home


class Named(NamedTuple):
    """How a row names its execution: by the id of that one's row, or by the external id."""

    row_id: str | None
    external_id: str | None


@dataclass(frozen=True, slots=True)
class Parent:
    """An execution that rows name."""

    home: Home
    owner_id: str | None


def named_by(row: Row) -> Named:
    """What a row of a child table says of its execution."""
    return Named(row.get("task_id"), row.get("workflow_id"))


def parent_of(named: Named, found: Mapping[Named, Sequence[Parent]]) -> Parent:
    """The execution that is named. Refused: there is none, or several tenants have one."""
    fields = [field for field, value in zip(("task_id", "workflow_id"), named, strict=True) if value is not None]
    if not fields:
        raise Refused("task_id", "is missing")
    parents = found.get(named, ())
    if not parents:
        raise Refused(fields[0], "names no execution that is recorded yet; repeat it when that one is there")
    if len(parents) > 1:
        raise Refused(fields[0], "names executions of several tenants; --tenant says which")
    return parents[0]


def check_owner(row: Row, parent: Parent) -> None:
    """Who is billed for a call is the owner of its execution."""
    if row.get("user_id", parent.owner_id) != parent.owner_id:
        raise Refused("user_id", "is not the owner of the execution")


def id_of(row: Mapping[str, Any]) -> str:
    """The id of a row, or one that is made of all that it says."""
    said: str | None = row.get("id")
    return said or sha256(json.dumps(row, sort_keys=True, default=str).encode()).hexdigest()
