"""Rows as Postgres itself writes them in JSON, in the shapes of `views`: a list is as fast as its text is short. Pure.

A test holds these expressions and the models of the shapes together.
"""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Final

from execledger_lifecycle.record import EXECUTION_COLUMNS
from execledger_query.sql import LARGE_COLUMNS, is_large
from execledger_query.views import EXECUTION_FIELDS, PAYLOAD_FIELDS, Owner, Trigger, Workflow

_MOST_ARGUMENTS: Final = 90  # a function of Postgres takes a hundred


# Each makes an SQL expression of a text in JSON, `null` for null, from that of a column.


def text(column: str) -> str:
    return f"coalesce(to_json({column})::text, 'null')"


def word(column: str) -> str:
    """A text that needs no escapes, and is not null."""
    return f"'\"' || {column} || '\"'"


def plain(column: str) -> str:
    """A number, or what jsonb holds."""
    return f"coalesce({column}::text, 'null')"


def truth(column: str) -> str:
    return f"CASE WHEN {column} THEN 'true' ELSE 'false' END"


def time(column: str) -> str:
    """In UTC with three decimals; to_char cuts the rest off."""
    shape = '"\\""YYYY-MM-DD"T"HH24:MI:SS.MS"Z\\""'
    return f"coalesce(to_char({column} AT TIME ZONE 'UTC', '{shape}'), 'null')"


def money(column: str) -> str:
    return f"coalesce('\"' || trim_scale({column}) || '\"', 'null')"


def members(shown: Mapping[str, str]) -> str:
    """An object with these members."""
    parts: list[str] = []
    for number, (name, expression) in enumerate(shown.items()):
        parts += [f"'{',' if number else '{'}\"{name}\":'", expression]
    parts.append("'}'")
    groups = [parts[first : first + _MOST_ARGUMENTS] for first in range(0, len(parts), _MOST_ARGUMENTS)]
    return " || ".join(f"concat({', '.join(group)})" for group in groups)


def part(shown: Mapping[str, str], columns: Collection[str]) -> str:
    """An object made of these columns; null when none of them says anything."""
    return f"CASE WHEN num_nonnulls({', '.join(columns)}) > 0 THEN {members(shown)} ELSE 'null' END"


def texts(columns: Mapping[str, str]) -> str:
    """An object whose members are texts, by their columns; null when none says anything."""
    return part({name: text(column) for name, column in columns.items()}, [*columns.values()])


@cache
def listed_execution(fields: frozenset[str]) -> str:
    """An execution as lists show it, with these members: one that is large is null, and named in `omitted`."""
    small = {name: expression for name, expression in _EXECUTION.items() if name in fields}
    cut = {name: _cut(name, expression) for name, expression in small.items()}
    if "omitted" in fields:
        hidden = [f"CASE WHEN {is_there} THEN '\"{name}\"' END" for name, is_there in _HIDDEN.items()]
        large = [f"CASE WHEN {is_large(column)} THEN '\"{_named(column)}\"' END" for column in LARGE_COLUMNS]
        small["omitted"] = f"concat('[', concat_ws(',', {', '.join(hidden)}), ']')"
        cut["omitted"] = f"concat('[', concat_ws(',', {', '.join([*large, *hidden])}), ']')"
    return f"CASE WHEN has_large THEN {members(cut)} ELSE {members(small)} END AS item, "


@cache
def whole_execution() -> str:
    """An execution as it is shown alone: nothing is too large, payloads are named in `omitted`.

    It is null where the stored record is damaged.
    """
    hidden = [f"CASE WHEN {is_there} THEN '\"{name}\"' END" for name, is_there in _HIDDEN.items()]
    item = members({**_EXECUTION, "omitted": f"concat('[', concat_ws(',', {', '.join(hidden)}), ']')"})
    return f"CASE WHEN {_IS_SOUND} THEN {item} END AS item, status, "


def _named(column: str) -> str:
    return "error.message" if column == "error_message" else column


def _cut(name: str, expression: str) -> str:
    if name == "error":
        return expression.replace(
            text("error_message"), f"CASE WHEN {is_large('error_message')} THEN 'null' ELSE {text('error_message')} END"
        )
    return f"CASE WHEN {is_large(name)} THEN 'null' ELSE {expression} END" if name in LARGE_COLUMNS else expression


_HIDDEN: Final = {
    "input": "input_event_id IS NOT NULL",
    "output": "output_event_id IS NOT NULL",
    "result": "result_event_id IS NOT NULL",
    "error.stack": "has_stack",
}
_ASSEMBLED: Final[Mapping[str, str]] = {
    "id": word("id"),
    "external_id": text("external_id"),
    "tenant_id": text("tenant_id"),
    "owner": texts({name: f"owner_{name}" for name in Owner.model_fields}),
    "workflow": texts({name: f"workflow_{name}" for name in Workflow.model_fields}),
    "trigger": texts({name: f"trigger_{name}" for name in Trigger.model_fields}),
    "status": word("status"),
    "error": "CASE WHEN error_event_id IS NULL THEN 'null' WHEN has_stack THEN "
    + members({"message": text("error_message"), "type": text("error_type")})
    + " ELSE "
    + members({"message": text("error_message"), "type": text("error_type"), "stack": "'null'"})
    + " END",
    "usage": members(
        {name: plain(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
        | {"cost_usd": money("cost_usd"), "cost_source": text("cost_source")}
    ),
    "budget": members(
        {
            "token_limit": plain("token_limit"),
            "cost_limit_usd": money("cost_limit_usd"),
            "scope": text("budget_scope"),
            "consumed_tokens": plain(
                "CASE WHEN budget_scope = 'tree' AND tree_executions IS NOT NULL THEN tree_total_tokens"
                " ELSE total_tokens END"
            ),
            "consumed_cost_usd": money(
                "CASE WHEN budget_scope = 'tree' AND tree_executions IS NOT NULL THEN tree_cost_usd ELSE cost_usd END"
            ),
        }
    ),
    "tree": "CASE WHEN tree_executions IS NULL THEN 'null' ELSE "
    + members(
        {name: plain(f"tree_{name}") for name in ("executions", "open", "failed", "total_tokens")}
        | {"cost_usd": money("tree_cost_usd")}
    )
    + " END",
    "revision": "version + coalesce(tree_revision, 0)",
}
_OF_TYPE: Final = {
    "text": text,
    "bigint": plain,
    "integer": plain,
    "double precision": plain,
    "jsonb": plain,
    "boolean": truth,
    "timestamptz": time,
}
_EXECUTION: Final[Mapping[str, str]] = {
    name: _ASSEMBLED[name] if name in _ASSEMBLED else _OF_TYPE[EXECUTION_COLUMNS[name].sql](name)
    for name in EXECUTION_FIELDS
    if name not in (*PAYLOAD_FIELDS, "omitted")
}
_FINITE: Final = "{} NOT IN ('NaN', 'Infinity', '-Infinity')"
_OF_TEXTS: Final = "jsonb_typeof({{}}) = '{}' AND NOT jsonb_path_exists({{}}, '{} ? (@.type() <> \"string\")')"
_SOUND: Final[Mapping[str, str]] = {
    "timestamptz": "{} BETWEEN '0001-01-01 00:00+00' AND '9999-12-31 23:59:59.999999+00'",
    "numeric": _FINITE,
    "double precision": _FINITE,
    "tags": _OF_TEXTS.format("array", "$[*]"),
    "labels": _OF_TEXTS.format("object", "$.*"),
    "metadata": "jsonb_typeof({}) = 'object'",
    "capped": _OF_TEXTS.format("array", "$[*]"),
}
"""What the values of these types and columns are in a record that is not damaged."""


def _is_sound() -> str:
    shown = [(name, column.sql) for name, column in EXECUTION_COLUMNS.items() if not column.is_internal]
    said = [rule.replace("{}", name) for name, sql in shown if (rule := _SOUND.get(name) or _SOUND.get(sql))]
    return f"({' AND '.join(said)}) IS NOT FALSE"


_IS_SOUND: Final = _is_sound()
