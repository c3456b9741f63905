"""What a record says of its columns: the type of each in Postgres, where its value comes from, and what decides it.

A record is a NamedTuple with a Column in each annotation. The recorder's statements, the query service's lists, explain
and the comparison with the schema go by them, so that a column is written down once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter, itemgetter
from typing import Any, Final, get_args, get_type_hints

PARTS: Final = 3
"""So many has each value of which columns hold the parts."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a record. Its value is what `of` names, or a part of that, unless `make` works it out."""

    sql: str  # its type in Postgres
    of: str = ""  # a state of the fold and an attribute, as "execution.query": explain names the event that set it
    part: int | None = None  # of a value that is taken whole, like the owner
    make: Callable[[Any], Any] | None = None
    shown: str = ""  # the field that people see it as, its own name unless said
    is_internal: bool = False  # of no concern to readers
    is_nullable: bool = False  # as its type in Python says

    @property
    def said(self) -> tuple[str, str]:
        """The state of the fold and its attribute."""
        state, _, attribute = self.of.partition(".")
        return state, attribute


def columns_of(record: type) -> Mapping[str, Column]:
    """The columns of a record by name, in their order."""
    found: dict[str, Column] = {}
    for name, hint in get_type_hints(record, include_extras=True).items():
        python_type, column = get_args(hint)
        is_nullable = type(None) in get_args(python_type)
        found[name] = replace(column, shown=column.shown or name, is_nullable=is_nullable)
    return found


def reader_of(columns: Mapping[str, Column]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that gives the values of columns, in their order, of an object that `of` and `make` fit."""
    plain = {name: column.of for name, column in columns.items() if column.make is None and column.part is None}
    made = {name: column.make for name, column in columns.items() if column.make is not None}
    wholes = list(dict.fromkeys(c.of for c in columns.values() if c.make is None and c.part is not None))
    found = [*plain, *((of, part) for of in wholes for part in range(PARTS)), *made]
    in_order: Callable[[Sequence[Any]], tuple[Any, ...]] = itemgetter(
        *(found.index(name if c.make or c.part is None else (c.of, c.part)) for name, c in columns.items())
    )
    plain_values = attrgetter(*plain.values())
    whole_values = [attrgetter(whole) for whole in wholes]
    makers = list(made.values())
    nothing = (None,) * PARTS

    def values(made_of: Any) -> tuple[Any, ...]:
        found = [*plain_values(made_of)]
        for whole in whole_values:
            found += whole(made_of) or nothing
        found += [make(made_of) for make in makers]
        return in_order(found)

    return values
