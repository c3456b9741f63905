"""Rows of `users`: what owners are called."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from execledger.importing.columns import Column, Row, placed, text, uuid
from execledger.importing.drafts import Draft, Home

COLUMNS: Final[Mapping[str, Column]] = {
    "id": Column(uuid, begin="owner.id", is_required=True),
    "email": Column(text, begin="owner.email"),
    "name": Column(text, begin="owner.name"),
}
_PLACES: Final = {name: column.begin for name, column in COLUMNS.items()}
_COLUMNS: Final = {place: name for name, place in _PLACES.items()}


@dataclass(frozen=True, slots=True)
class Owner:
    """An owner as it is known, and the newest of its executions. `is_created`: an event said when that was made."""

    home: Home
    email: str | None
    name: str | None
    said_at: datetime  # when somebody last said what it is called
    is_created: bool


def events(row: Row, owner: Owner) -> list[Draft]:
    """What says on an execution of the owner what that is called; nothing where it is called so already.

    It lies a microsecond behind what was last said of the owner. It moves neither the start of the execution nor its
    making: the earliest counts.
    """
    if (row.get("email"), row.get("name")) == (owner.email, owner.name):
        return []
    at = owner.said_at + timedelta(microseconds=1)
    said = sha256(repr((at, row.get("email"), row.get("name"))).encode()).hexdigest()
    type_ = "execution.created" if owner.is_created else "execution.started"
    return [Draft(f"{row['id']}/{said}", type_, owner.home, at, placed(row, _PLACES), _COLUMNS)]
