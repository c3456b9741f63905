"""Lists of executions: what they are narrowed to, how they are sorted, and the statement of a page. Pure.

The operators that have an index are leakproof, so that row security lets them use it: comparisons of text, uuids,
integers and times are. Words are looked up beforehand (`found_words`), for those of text search are not.
"""

from collections.abc import Collection, Iterator, Sequence
from decimal import ROUND_CEILING, Decimal
from itertools import chain, product
from typing import Any, Final

from execledger_query.paging import Key
from execledger_query.sql import statement
from execledger_query.store.conditions import Condition, Filters
from execledger_query.store.sorts import NEWEST_FIRST, SORTS, Sort

_EQUAL: Final = {
    "tenant_id": "tenant_id = {}::text",
    "workflow_id": "workflow_id = {}::text",
    "workflow_version": "workflow_version = {}::text",
    "owner_id": "owner_id = {}::text",
    "session_id": "session_id = {}::text",
    "trigger": "trigger_mode = {}::text",
    "mode": "mode = {}::text",
    "error_type": "error_type = {}::text",
    "external_id": "id IN (SELECT alias.id FROM execledger.execution_aliases AS alias WHERE external_id = {}::text)",
    "parent": "parent_execution_id = {}::text",
    "waiting_for": "paused_at IS NOT NULL AND waiting_for = {}::text",
}
_BOUNDS: Final = {
    "started_after": "started_at >= {}::timestamptz",
    "started_before": "started_at < {}::timestamptz",
    "duration_ms_gte": "duration_ms >= {}::bigint",
    "duration_ms_lte": "duration_ms <= {}::bigint",
}
_CHILDREN: Final = (
    "EXISTS (SELECT FROM execledger.executions AS child WHERE child.tenant_id = execution.tenant_id"
    " AND child.parent_execution_id = execution.external_id)"
)
_TRUTHS: Final = {
    "has_children": (_CHILDREN, f"NOT {_CHILDREN}"),
    "paused": ("paused_at IS NOT NULL", "paused_at IS NULL"),
    "killed_by_budget": ("killed_by_budget", "NOT killed_by_budget"),
}
_LABELLED: Final = (
    "id IN (SELECT label.execution_id FROM execledger.execution_labels AS label"
    " WHERE label.kind = '{kind}' AND label.key = {{}}::text AND label.value = {{}}::text)"
)
# The same where nothing else narrows: labels are walked in the order of the list, and what they are on is looked up. A
# plan that begins with executions walks all where few have one, and to plan for each value takes longer than the list.
_LABELS: Final = (
    "(SELECT label.execution_id FROM execledger.execution_labels AS label WHERE true /* AND filters */"
    " ORDER BY label.execution_id {direction} OFFSET 0) AS labelled"
    " JOIN execledger.executions AS execution ON execution.id = labelled.execution_id"
)
# Ids hold the time at which an execution was first heard of, hardly ever later than its start: a list begins at the ids
# of that time. Where it is later, an index of those alone finds them, first: the planner takes them for a third of all.
_SINCE: Final = "id < execledger.uuid_floor({}::timestamptz + interval '1 ms')"
_EARLIER: Final = (
    "id >= execledger.uuid_floor({}::timestamptz + interval '1 ms') AND id = ANY (ARRAY("
    "SELECT early.id FROM execledger.executions AS early WHERE early.started_at < execledger.uuid_time(early.id)))"
)
_OPEN: Final = "status IN ('pending', 'running')"  # as the partial index says it


_OF_PAGE: Final = "(SELECT page.tenant_id, page.external_id)"
_OWN_TREES: Final = f"LATERAL ({statement('own_trees').replace('unnest($1::text[], $2::text[])', _OF_PAGE)}) AS tree"
_WALKED: Final = frozenset(
    (
        *("tenant_id", "statuses", "workflow_id", "owner_id", "session_id", "error_type", "external_id"),
        *("parent", "root", "paused", "waiting_for", "killed_by_budget", "started_before"),
    )
)


def executions_statement(
    filters: Filters,
    sort: Sort,
    after: Key | None,
    shown: str,
    besides: Sequence[Condition] = (),
    offset: int = 0,
    *,
    own_trees: bool = False,
) -> tuple[str, list[Any]]:
    """The statement of a page `offset` behind the key `after`, which shows that, and its arguments from $2.

    One branch for each status, merged: each walks its own range of an index and stops at the limit. `status = ANY(...)`
    would read either all executions of those statuses or all newer ones of others.
    """
    arguments: list[Any] = []
    head, branch, tail = _parts()
    common = [*shared_conditions(filters), *besides]
    if label := _only_label(filters, sort):
        branch = branch.replace("execledger.executions AS execution", _labelled(label, sort, after, arguments))
        common = [*besides]
    groups = _groups(filters, sort)
    branches = [[*common, *chain.from_iterable(choice)] for choice in product(*groups)]
    texts = [_branch(branch, conditions, sort, after, arguments) for conditions in branches]
    order = sort.order.format("sort_value")
    passed = _passed_over(offset, arguments)
    page = texts[0]
    if len(texts) > 1:
        united = "\nUNION ALL\n".join(f"({text}{passed and f' + {passed}'})" for text in texts)
        page = f"SELECT * FROM (\n{united}\n) AS united\nORDER BY {order}\nLIMIT $1"  # noqa: S608  # constants only
    if passed:
        page += f" OFFSET {passed}"
    text = f"{head}{page}{tail}".replace("/* shown */", shown).replace("/* order */ id", order)
    return text.replace("/* trees */ execledger.trees AS tree", _OWN_TREES) if own_trees else text, arguments


def _passed_over(offset: int, arguments: list[Any]) -> str:
    """Where the statement says how many it passes over: nowhere where there are none, for a plan reckons with some."""
    if not offset:
        return ""
    arguments.append(offset)
    return f"${len(arguments) + 1}::bigint"


def counting_statement(filters: Filters, sort: Sort, besides: Sequence[Condition] = ()) -> tuple[str, list[Any]]:
    """The statement that counts a list as far as $1."""
    arguments: list[Any] = []
    conditions = [*shared_conditions(filters), *besides, *_with_value(sort.column)]
    groups = _groups(filters, SORTS[NEWEST_FIRST])
    wanted = [*conditions, *(_either(group) for group in groups)]
    return _narrowed(statement("count_executions"), wanted, arguments), arguments


def shared_conditions(filters: Filters) -> Iterator[Condition]:
    """Those that hold in every branch."""
    for name, clause in (*_EQUAL.items(), *_BOUNDS.items()):
        if (value := getattr(filters, name)) is not None:
            yield Condition(clause, (value,))
    for name, (holds, fails) in _TRUTHS.items():
        if (value := getattr(filters, name)) is not None:
            yield Condition(holds if value else fails)
    for tag in sorted({*filters.tags}):
        yield Condition(_LABELLED.format(kind="tag"), ("", tag))
    for label in sorted({*filters.labels}):
        yield Condition(_LABELLED.format(kind="label"), label)


def _only_label(filters: Filters, sort: Sort) -> Condition | None:
    """What labels a list by id shows, where that is all that narrows it."""
    given = filters.given()
    if sort.column != "id" or len(given) != 1 or not given.keys() <= {"tags", "labels"}:
        return None
    ((kind, named),) = given.items()
    if len(named) != 1:
        return None
    key, value = ("", *named) if kind == "tags" else named[0]
    return Condition(
        f"label.kind = '{kind[:-1]}' AND label.key = {{}}::text AND label.value = {{}}::text", (key, value)
    )


def _labelled(label: Condition, sort: Sort, after: Key | None, arguments: list[Any]) -> str:
    sign, direction = ("<", "DESC") if sort.is_descending else (">", "ASC")
    behind = [] if after is None else [Condition(f"label.execution_id {sign} {{}}::uuid", after)]
    return _narrowed(_LABELS.format(direction=direction), [label, *behind], arguments)


def _groups(filters: Filters, sort: Sort) -> list[list[list[Condition]]]:
    """Alternatives, each of which has an index of its own."""
    groups: list[list[list[Condition]]] = []
    if filters.started_before is not None and sort.column == "id":
        bound = (filters.started_before,)
        usual = [Condition(_SINCE, bound), Condition(_BOUNDS["started_before"], bound)]
        unusual = [Condition(_EARLIER, bound), Condition(_BOUNDS["started_before"], bound)]
        groups.append([usual, unusual])
    if filters.root is not None:
        itself = [Condition(_EQUAL["external_id"], (filters.root,)), Condition("root_execution_id = external_id")]
        below = Condition("root_execution_id = {}::text AND root_execution_id <> external_id", (filters.root,))
        groups.append([[below], itself])
    if filters.cost_usd_gte is not None or sort.column == "cost_nanos":
        groups.append(_by_cost(filters.cost_usd_gte))
    if statuses := sorted({*filters.statuses}):
        if groups and len(statuses) > 1:
            groups.append([[Condition("status = ANY ({}::text[])", (statuses,))]])
        else:
            groups.append([[Condition("status = {}::text", (status,))] for status in statuses])
    return groups


def row_conditions(filters: Filters) -> Iterator[Condition]:
    """The same filters for rows that another index finds; without `q`."""
    yield from shared_conditions(filters)
    if filters.statuses:
        yield Condition("status = ANY ({}::text[])", (sorted({*filters.statuses}),))
    if filters.root is not None:
        yield Condition("root_execution_id = {}::text", (filters.root,))
    if filters.cost_usd_gte is not None:
        yield Condition("cost_nanos >= {}::bigint", (_nanos(filters.cost_usd_gte),))


def _nanos(cost: Decimal) -> int:
    return int(cost.scaleb(9).to_integral_value(ROUND_CEILING))


def _by_cost(least: Decimal | None) -> list[list[Condition]]:
    """Costs rise while an execution is open, and only ended ones are in an index: of the others there are few."""
    ended, is_open = [Condition("ended_cost_nanos IS NOT NULL")], [Condition(_OPEN)]
    if least is not None:
        nanos = _nanos(least)
        ended.append(Condition("ended_cost_nanos >= {}::bigint", (nanos,)))
        is_open.append(Condition("cost_nanos >= {}::bigint", (nanos,)))
    return [ended, is_open]


def _branch(text: str, conditions: Sequence[Condition], sort: Sort, after: Key | None, arguments: list[Any]) -> str:
    column = sort.column
    if column == "cost_nanos" and any(each.sql.startswith("ended_cost_nanos") for each in conditions):
        column = "ended_cost_nanos"
    wanted = [*conditions, *_with_value(column)]
    if after is not None:
        sign = "<" if sort.is_descending else ">"
        place = (
            f"id {sign} {{}}::uuid" if column == "id" else f"({column}, id) {sign} ({{}}::{sort.sql_type}, {{}}::uuid)"
        )
        wanted.append(Condition(place, after))
    text = text.replace("/* sort */ id", column).replace("/* order */ id", sort.order.format(column))
    return _narrowed(text, wanted, arguments)


def _with_value(column: str) -> Iterator[Condition]:
    """What has no value to sort by has no place."""
    if column in ("started_at", "duration_ms"):
        yield Condition(f"{column} IS NOT NULL")


def _narrowed(text: str, conditions: Collection[Condition], arguments: list[Any]) -> str:
    """The statement with these conditions; their values join the arguments, whose first is $2."""
    clauses = []
    for condition in conditions:
        places = [f"${number}" for number in range(len(arguments) + 2, len(arguments) + 2 + len(condition.values))]
        clauses.append(f" AND {condition.sql.format(*places)}")
        arguments += condition.values
    return text.replace("/* AND filters */", "".join(clauses))


def _either(group: Sequence[Sequence[Condition]]) -> Condition:
    alternatives = [" AND ".join(condition.sql for condition in choice) for choice in group]
    values = tuple(value for choice in group for condition in choice for value in condition.values)
    return Condition(f"(({') OR ('.join(alternatives)}))", values)


def is_walked(filters: Filters, sort: Sort) -> bool:
    """Whether each branch of a list walks one index in its order: then its plan need not know the values."""
    given = filters.given()
    only = next(iter(given), "tenant_id")
    if walks_labels(filters, sort):
        return True
    return sort.column != "cost_nanos" and len(given) <= 1 and only in _WALKED


def walks_labels(filters: Filters, sort: Sort) -> bool:
    """Whether a list walks labels, which are in its order: there may be many of one, and to sort them takes long."""
    return _only_label(filters, sort) is not None


def _parts() -> tuple[str, str, str]:
    """The statement of a page in three: what is around the branch, and the branch."""
    head, rest = statement("listed_executions").split("/* branch */")
    branch, tail = rest.split("/* end of branch */")
    return head, branch.strip(), tail
