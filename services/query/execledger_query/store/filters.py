"""What lists are narrowed to, and where their pages go on: the conditions of statements. Pure."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from execledger_lifecycle.order import LIST_ORDER
from execledger_query.paging import Key
from execledger_query.sql import statement

Row = Mapping[str, Any]

_FILTERS: Final = "/* AND filters */"
_NEWEST_FIRST: Final = "ORDER BY created_at DESC, id DESC\nLIMIT $1"

# What a request may filter by. Each operator is leakproof, so that row security lets it use the indexes.
# An external id is looked up where it has an index for every reader.
_CLAUSES: Final = {
    "id": "id = {}::uuid",
    "among": "id = ANY ({}::uuid[])",
    "status": "status = {}::text",
    "workflow_id": "workflow_id = {}::text",
    "owner_id": "owner_id = {}::text",
    "external_id": "id IN (SELECT alias.id FROM execledger.execution_aliases AS alias WHERE external_id = {}::text)",
    "started_after": "started_at >= {}::timestamptz",
    "started_before": "started_at < {}::timestamptz",
    "reason": "reason = {}::text",
    "fingerprint": "fingerprint = {}::text",
}
EXECUTION_KEY: Final = (datetime, UUID)
AFTER_EXECUTION: Final = " AND (created_at, id) < ({}::timestamptz, {}::uuid)"
STEP_KEY: Final = (datetime, str, int, int, int)
AFTER_STEP: Final = (
    ' AND (first_event_at, step_id COLLATE "C", iteration_key, attempt, try_number)'
    " > ({}::timestamptz, {}::text, {}::bigint, {}::bigint, {}::bigint)"
)
DEAD_LETTER_KEY: Final = (int,)
AFTER_DEAD_LETTER: Final = " AND id < {}::bigint"
EVENT_KEY: Final = (datetime, int, int, UUID)
CALL_KEY: Final = (datetime, UUID)
AFTER_CALL: Final = " AND (occurred_at, event_id) > ({}::timestamptz, {}::uuid)"
AFTER_EVENT: Final = f" AND ({', '.join(LIST_ORDER)}) > ({{}}::timestamptz, {{}}::bigint, {{}}::bigint, {{}}::uuid)"

MEMBER_KEY: Final = (datetime, UUID)
AFTER_MEMBER: Final = " AND (began_at, id) > ({}::timestamptz, {}::uuid)"
BY_ARRIVAL: Final = 'topic, partition, "offset"'
NOT_ARRIVED: Final = (
    ' AND "offset" > coalesce((SELECT seen.position FROM unnest({}::text[], {}::bigint[]) AS seen (name, position)'
    " WHERE seen.name = topic || '/' || partition), -1)"
)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of executions is narrowed to; the statuses are alternatives."""

    statuses: tuple[str, ...] = ()
    workflow_id: str | None = None
    owner_id: str | None = None
    external_id: str | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None

    def scope(self) -> str:
        """The same text for the same list, whatever the order in which its filters were written."""
        return json.dumps(
            ["executions", sorted(set(self.statuses)), *({key: str(value)} for key, value in self._single().items())]
        )

    def _single(self) -> dict[str, Any]:
        names = ("workflow_id", "owner_id", "external_id", "started_after", "started_before")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def alternatives(self) -> list[dict[str, Any]]:
        """The equalities and bounds of each status: one index range each."""
        single = self._single()
        return [{"status": status, **single} for status in sorted(set(self.statuses))] or [single]


def member_key(row: Row) -> Key:
    return (row["began_at"], row["id"])


def execution_key(row: Row) -> Key:
    return (row["created_at"], row["id"])


def step_key(row: Row) -> Key:
    return (row["first_event_at"], row["step_id"], row["iteration_key"], row["attempt"], row["try_number"])


def event_key(row: Row) -> Key:
    return (row["occurred_at"], row["position"], row["rank"], row["event_id"])


def call_key(row: Row) -> Key:
    return (row["occurred_at"], row["event_id"])


def dead_letter_key(row: Row) -> Key:
    return (row["id"],)


def executions_query(
    filters: Filters, after: Key | None, among: Collection[UUID] | None = None
) -> tuple[str, list[Any]]:
    """One statement per status, merged: each walks its own index range and stops at the limit.

    `status = ANY(...)` would read either all executions of those statuses or all newer ones of others.
    """
    queries: list[str] = []
    arguments: list[Any] = []
    within = {} if among is None else {"among": among}
    for narrowing in filters.alternatives():
        query, values = narrowed("listed_executions", {**narrowing, **within}, first=2 + len(arguments))
        query, places = with_place(query, AFTER_EXECUTION, after, first=2 + len(arguments) + len(values))
        queries.append(query)
        arguments += [*values, *places]
    if len(queries) == 1:
        return queries[0], arguments
    united = "\nUNION ALL\n".join(f"({query})" for query in queries)
    return f"SELECT * FROM (\n{united}\n) AS execution\n{_NEWEST_FIRST}", arguments  # noqa: S608  # constants only


def narrowed(name: str, narrowing: Mapping[str, Any], first: int) -> tuple[str, list[Any]]:
    """The statement with a clause for each filter; its parameters are numbered from `first`."""
    clauses = [f" AND {_CLAUSES[key].format(f'${number}')}" for number, key in enumerate(narrowing, first)]
    return statement(name).replace(_FILTERS, "".join(clauses) + _FILTERS), list(narrowing.values())


def continued(name: str, clause: str, after: Key | None, first: int) -> tuple[str, list[Any]]:
    return with_place(statement(name), clause, after, first)


def with_place(query: str, clause: str, after: Key | None, first: int) -> tuple[str, list[Any]]:
    """The statement from that place on; the whole of it without one."""
    if after is None:
        return query, []
    numbers = [f"${number}" for number in range(first, first + len(after))]
    return query.replace(_FILTERS, clause.format(*numbers)), list(after)
