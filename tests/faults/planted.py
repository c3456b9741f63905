"""A fault: a patch file whose first lines say which promise it breaks and which tests must notice.

Promise: a record below the ledger's position is counted nowhere (3.3)
Tests: tests/integration/test_recording.py::test_a tests/unit/test_b.py::test_b
--- a/services/...
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import patch_ng

ROOT: Final = Path(__file__).parents[2]
_PATCHES: Final = Path(__file__).parent
_LEFT_OUT: Final = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", ".execledger*", "__pycache__")


@dataclass(frozen=True, slots=True)
class Fault:
    """One patch."""

    name: str
    promise: str
    tests: tuple[str, ...]
    patch: Path

    def plant(self, folder: Path) -> bool:
        """Copy the project into that folder with the fault in it; whether the patch fits."""
        shutil.copytree(ROOT, folder, ignore=_LEFT_OUT)
        patches = patch_ng.fromfile(str(self.patch))
        return bool(patches) and bool(patches.apply(strip=0, root=str(folder)))


def faults() -> list[Fault]:
    """All of them, by name."""
    return [_read(file) for file in sorted(_PATCHES.glob("*.patch"))]


def _read(file: Path) -> Fault:
    said = dict(line.split(": ", 1) for line in file.read_text(encoding="utf-8").splitlines()[:2])
    return Fault(file.stem, said["Promise"], tuple(said["Tests"].split()), file)
