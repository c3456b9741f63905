"""The statements of the service, a file each; the first line of each says what it is for."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

from execledger_lifecycle.columns import Column
from execledger_lifecycle.record import EXECUTION_COLUMNS, STEP_COLUMNS

_COLUMNS: Final = {"executions": EXECUTION_COLUMNS, "steps": STEP_COLUMNS}

LARGE_COLUMNS: Final = ("query", "tags", "labels", "metadata", "error_message", "cancel_reason", "waiting_for")
"""Those of an execution that a list leaves out where one is above a size: the others are short."""
_LISTED_BYTES: Final = 8192


@cache
def statement(name: str) -> str:
    """The statement of that file; the columns of a record, which are declared elsewhere, go where a comment is."""
    text = (resources.files(__package__) / f"{name}.sql").read_text(encoding="utf-8")
    text = text.replace("/* columns */", ", ".join(_shown(_COLUMNS.get(name, {}))))
    return text.replace("/* is large */ false", f"({' OR '.join(map(is_large, LARGE_COLUMNS))})")


@cache
def small_columns() -> str:
    """What a list reads of an execution, for the statement of a list: large columns are null, and named."""
    listed = [_if_small(column) if column in LARGE_COLUMNS else column for column in _shown(EXECUTION_COLUMNS)]
    large = f"array_remove(ARRAY[{', '.join(map(_name_if_large, LARGE_COLUMNS))}], NULL) AS large_columns"
    return ", ".join(["external_id", "tenant_id", *listed, large, ""])


def names() -> list[str]:
    """Every statement there is."""
    files = (entry.name for entry in resources.files(__package__).iterdir())
    return sorted(name.removesuffix(".sql") for name in files if name.endswith(".sql"))


def is_large(column: str) -> str:
    """A condition, false for null. What is not compressed need not be read for it, nor written as text."""
    if EXECUTION_COLUMNS[column].sql == "text":
        return f"coalesce(octet_length({column}) > {_LISTED_BYTES}, false)"
    is_compressed = f"pg_column_compression({column}) IS NOT NULL AND octet_length({column}::text) > {_LISTED_BYTES}"
    return f"coalesce(pg_column_size({column}) > {_LISTED_BYTES} OR {is_compressed}, false)"


def _shown(columns: Mapping[str, Column]) -> list[str]:
    return [column for column, said in columns.items() if not said.is_internal]


def _if_small(column: str) -> str:
    return f"CASE WHEN NOT {is_large(column)} THEN {column} END AS {column}"


def _name_if_large(column: str) -> str:
    return f"CASE WHEN {is_large(column)} THEN '{column}' END"
