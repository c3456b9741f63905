"""The statements, by name: each lies in a file of its own below sql/, or below templates/ for all derived tables."""

from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from execledger_lifecycle.rollups import Rollup
from execledger_recorder.rules.tables import Table


def _read(folder: str) -> dict[str, str]:
    files = _files(resources.files(__package__).joinpath(folder))
    return {file.name.removesuffix(".sql"): file.read_text(encoding="utf-8") for file in files}


def _files(folder: Traversable) -> Iterator[Traversable]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry)
        elif entry.name.endswith(".sql"):
            yield entry


SQL: Final = _read("sql")
TEMPLATES: Final = _read("templates")


@cache
def about(name: str, table: Table) -> str:
    """A statement about a derived table; where the table has one of its own of that name, that one."""
    template = TEMPLATES.get(f"{name}_{table.name}") or TEMPLATES[name]
    key = (table.id_column, *table.key)
    return template.format(
        table=table.name,
        id_column=table.id_column,
        key=", ".join(key),
        matches=" AND ".join(f"{name} = ${number}" for number, name in enumerate(key, 1)),
        columns=", ".join(table.columns),
        updates=", ".join(f"{name} = excluded.{name}" for name in table.columns if name not in {*key, *table.settled}),
    )


@cache
def about_rollup(name: str, rollup: Rollup) -> str:
    """A statement about a roll-up."""
    return TEMPLATES[name].format(
        name=rollup.name,
        keys=", ".join(rollup.keys),
        measures=", ".join(rollup.measures),
        sums=", ".join(f"coalesce(sum({measure}), 0) AS {measure}" for measure in rollup.measures),
        first_sums=", ".join(
            f"coalesce(sum({measure}) FILTER (WHERE coalesce(part.place, 1) = 1), 0) AS {measure}"
            for measure in rollup.measures
        ),
    )
