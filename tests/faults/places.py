"""Where a change belongs: to a name in a package, in whichever module or folder below that it lies by now."""

from functools import cache
from pathlib import Path
from typing import Final

from faults.changes import definitions

ROOT: Final = Path(__file__).parents[2]
# What is on the path of Python, from the root.
SOURCES: Final = (
    Path("contracts"),
    *sorted(folder.relative_to(ROOT) for folder in (ROOT / "services").iterdir() if folder.is_dir()),
    Path("tests"),
)


def module_of(place: str) -> tuple[Path, str]:
    """The file of a symbol, from the root, and its qualified name: of "package:Class.function", "package:CONSTANT".

    A module or an inner package may stand for the package where that tells two of one name apart; "package.module"
    is a whole module. Raises ValueError unless there is exactly one.
    """
    package, _, symbol = place.partition(":")
    return _only([file for file in _files(package, "*.py") if symbol in definitions(read(file))], place), symbol


def file_of(place: str) -> Path:
    """The file, from the root, of "package:name.sql"; it may lie anywhere below the package."""
    package, _, name = place.partition(":")
    return _only(list(_files(package, name)), place)


@cache
def read(file: Path) -> str:
    """A file of the project, by its path from the root."""
    return (ROOT / file).read_text(encoding="utf-8")


@cache
def _files(dotted: str, pattern: str) -> tuple[Path, ...]:
    """What has such a name in a package, or is that module."""
    paths = [ROOT / source / Path(*dotted.split(".")) for source in SOURCES]
    modules = [module for path in paths if (module := path.with_suffix(".py")).is_file()]
    return tuple(file.relative_to(ROOT) for file in modules or [file for path in paths for file in path.rglob(pattern)])


def _only(files: list[Path], place: str) -> Path:
    if len(files) != 1:
        found = ", ".join(sorted(map(str, files))) or "was it renamed?"
        raise ValueError(f"{len(files)} files have {place}: {found}")
    return files[0]
