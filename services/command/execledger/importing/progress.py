"""How far an import is, in a file, from which the next one goes on."""

import json
import os
from pathlib import Path
from typing import NamedTuple

from execledger.errors import UserError


class Place(NamedTuple):
    """So many rows of it are done; `key` of the last one, in a table."""

    what: str
    rows: int = 0
    key: str = ""


def read_place(file: Path | None, what: str) -> Place:
    """Where to go on; the beginning, when nothing is noted. UserError: it is noted of something else."""
    if file is None or not file.exists():
        return Place(what)
    try:
        noted = Place(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise UserError(f"{file} does not say how far an import is", exit_status=2) from None
    if noted.what != what:
        raise UserError(f"{file} says how far an import of {noted.what} is, not of {what}", exit_status=2)
    return noted


def note_place(file: Path | None, place: Place) -> None:
    """Note how far it is, wholly or not at all."""
    if file is not None:
        beside = file.with_name(f"{file.name}.new")
        beside.write_text(json.dumps(place._asdict()), encoding="utf-8")
        os.replace(beside, file)  # noqa: PTH105 - by name, as rename is
