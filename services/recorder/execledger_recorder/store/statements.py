"""The statements, by name: each lies in a file of its own below sql/."""

from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final


def _files(folder: Traversable) -> Iterator[Traversable]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry)
        elif entry.name.endswith(".sql"):
            yield entry


SQL: Final = {
    file.name.removesuffix(".sql"): file.read_text(encoding="utf-8")
    for file in _files(resources.files(__package__).joinpath("sql"))
}
