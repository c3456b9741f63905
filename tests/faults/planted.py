"""A fault: a file that says which promise it breaks, which tests must notice, and what it changes for that.

promise = "a record below the ledger's position is counted nowhere (3.3)"
tests = ["tests/integration/test_recording.py::test_a", "tests/unit/test_b.py::test_b"]

[[plant]]
in = "execledger_recorder:Consumer.on_batch"    # or file = "execledger_recorder:lock_ledger.sql"
replace = "offset < position"
by = "False"

`drop` alone, and `before` or `after` with `add`, do other things to what they find; several plants are made in order.
The smallest piece that is the only one of its kind in its symbol survives most changes around it. Only where two
modules of a package define the same name, `in` names the module: "execledger_recorder.outbox:send".
"""

import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from faults.changes import Change, change_source, change_text
from faults.places import ROOT, file_of, module_of, read

_LEFT_OUT: Final = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", ".execledger*")


@dataclass(frozen=True, slots=True)
class Fault:
    """What one file says."""

    name: str
    promise: str
    tests: tuple[str, ...]
    plants: tuple[Mapping[str, str], ...]

    def plant(self, folder: Path) -> None:
        """Copy the project into that folder with the fault in it. Raises ValueError when the fault does not fit."""
        planted = self.planted()
        shutil.copytree(ROOT, folder, ignore=_LEFT_OUT)
        for file, text in planted.items():
            (folder / file).write_text(text, encoding="utf-8")

    def planted(self) -> dict[Path, str]:
        """The files that change, by their paths from the root. Raises ValueError when the fault does not fit."""
        texts: dict[Path, str] = {}
        for plant in self.plants:
            match plant:
                case {"in": place, **said}:
                    file, symbol = module_of(place)
                    texts[file] = change_source(texts.get(file, read(file)), symbol, Change.read(said))
                case {"file": place, **said}:
                    file = file_of(place)
                    texts[file] = change_text(texts.get(file, read(file)), Change.read(said))
                case _:
                    raise ValueError(f"says nowhere: {plant}")
        return texts


def faults() -> list[Fault]:
    """All of them, by name."""
    return [_read(file) for file in sorted(Path(__file__).parent.glob("*.toml"))]


def _read(file: Path) -> Fault:
    said = tomllib.loads(file.read_text(encoding="utf-8"))
    return Fault(file.stem, said["promise"], tuple(said["tests"]), tuple(said["plant"]))
