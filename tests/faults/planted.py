"""A fault: a patch file whose first lines say which promise it breaks and which tests must notice.

Promise: a record below the ledger's position is counted nowhere (3.3)
Tests: tests/integration/test_recording.py::test_a tests/unit/test_b.py::test_b
--- a/services/...
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_PATCHES: Final = Path(__file__).parent
_FILE: Final = re.compile(r"^--- .*\n\+\+\+ (?:b/)?(\S+).*\n((?:(?!--- ).*\n)+)", re.MULTILINE)
_HUNK: Final = re.compile(r"^@@ .*\n", re.MULTILINE)
_BETWEEN_TESTS: Final = re.compile(r" (?=tests/)")  # an id of a test may hold spaces
_LEFT_OUT: Final = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", ".execledger*")


@dataclass(frozen=True, slots=True)
class Fault:
    """One patch."""

    name: str
    promise: str
    tests: tuple[str, ...]
    patch: Path

    def plant(self, folder: Path) -> None:
        """Copy the project into that folder with the fault in it. Raises ValueError when the patch does not fit."""
        shutil.copytree(ROOT, folder, ignore=_LEFT_OUT)
        for file, text in self.planted().items():
            (folder / file).write_text(text, encoding="utf-8")

    def planted(self) -> dict[str, str]:
        """The files that the patch changes, as it leaves them.

        Each hunk goes where its lines stand, whatever their numbers are by now: `patch` may be missing, and the
        packages that read patches insist on the numbers. Raises ValueError unless there is exactly one such place.
        """
        texts: dict[str, str] = {}
        for name, hunks in _FILE.findall(self.patch.read_text(encoding="utf-8")):
            text = texts.get(name) or (ROOT / name).read_text(encoding="utf-8")
            for hunk in _HUNK.split(hunks)[1:]:
                lines = hunk.splitlines(keepends=True)
                before = "".join(line[1:] for line in lines if line[0] in " -")
                if text.count(before) != 1:
                    raise ValueError(f"{name} has {text.count(before)} places for\n{before}")
                text = text.replace(before, "".join(line[1:] for line in lines if line[0] in " +"))
            texts[name] = text
        return texts


def faults() -> list[Fault]:
    """All of them, by name."""
    return [_read(file) for file in sorted(_PATCHES.glob("*.patch"))]


def _read(file: Path) -> Fault:
    said = dict(line.split(": ", 1) for line in file.read_text(encoding="utf-8").splitlines()[:2])
    return Fault(file.stem, said["Promise"], tuple(_BETWEEN_TESTS.split(said["Tests"])), file)
