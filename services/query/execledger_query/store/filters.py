"""Where pages of lists go on, and what narrows them: conditions of statements. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from execledger_lifecycle.order import LIST_ORDER
from execledger_query.paging import Key
from execledger_query.sql import statement

Row = Mapping[str, Any]

_FILTERS: Final = "/* AND filters */"

_CLAUSES: Final = {
    "id": "id = {}::uuid",
    "external_id": "id IN (SELECT alias.id FROM execledger.execution_aliases AS alias WHERE external_id = {}::text)",
    "reason": "reason = {}::text",
    "fingerprint": "fingerprint = {}::text",
}
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


def member_key(row: Row) -> Key:
    return (row["began_at"], row["id"])


def step_key(row: Row) -> Key:
    return (row["first_event_at"], row["step_id"], row["iteration_key"], row["attempt"], row["try_number"])


def event_key(row: Row) -> Key:
    return (row["occurred_at"], row["position"], row["rank"], row["event_id"])


def call_key(row: Row) -> Key:
    return (row["occurred_at"], row["event_id"])


def dead_letter_key(row: Row) -> Key:
    return (row["id"],)


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
