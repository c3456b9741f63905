"""What a comparison comes to: rows that are the same, that differ and in which columns, and a few of them. Pure."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from execledger.importing.columns import Row


class Difference(NamedTuple):
    """A column in which a row of the table and one of the view differ."""

    key: str
    column: str
    old: Any
    new: Any


@dataclass(slots=True)
class Tally:
    """Counts, and as many examples of each kind as are wanted."""

    examples: int
    old: int = 0
    new: int = 0
    same: int = 0
    differing: int = 0
    only_old: int = 0
    matched: int = 0  # rows of the view that have the key of one of the table
    columns: Counter[str] = field(default_factory=Counter)
    shown: list[Difference] = field(default_factory=list)
    keys_of_old: list[str] = field(default_factory=list)
    keys_of_new: list[str] = field(default_factory=list)
    _rows_shown: int = 0

    @property
    def only_new(self) -> int:
        """Rows of the view whose key no row of the table has."""
        return self.new - self.matched

    @property
    def is_equal(self) -> bool:
        """Whether the view shows what the table holds, and nothing else."""
        return not (self.differing or self.only_old or self.only_new)

    @property
    def compared(self) -> int:
        """Rows of the table that were looked at."""
        return self.same + self.differing + self.only_old

    def add(self, key: str, old: Row, found: Sequence[Row], columns: Collection[str]) -> None:
        """Count a row of the table, with what the view has under its key."""
        self.matched += len(found)
        if not found:
            self.only_old += 1
            if len(self.keys_of_old) < self.examples:
                self.keys_of_old.append(key)
            return
        new = next((row for row in found if row.get("id") == old.get("id")), found[0])
        different = list(differences(key, old, new, columns))
        if not different:
            self.same += 1
            return
        self.differing += 1
        self.columns.update(each.column for each in different)
        if self._rows_shown < self.examples:
            self._rows_shown += 1
            self.shown += different


def differences(key: str, old: Row, new: Row, columns: Collection[str]) -> Iterator[Difference]:
    """The columns in which two rows differ; what a call cost is worked out where the table does not say it."""
    for column in columns:
        if column == "cost_usd" and "task_id" in columns and column not in old:
            continue
        if not same(before := old.get(column), after := new.get(column)):
            yield Difference(key, column, before, after)


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal as JSON has it: true is not 1, 1.0 is."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)
