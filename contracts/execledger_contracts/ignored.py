"""What was left out of an event, or read otherwise than it was sent: a value costs its field, never the event."""

from enum import StrEnum
from typing import Final, NamedTuple

MOST: Final = 100
"""So many of an event are noted: a list of a million wrong items is one fault of its producer, not a million."""
_LONGEST: Final = 255


class Rule(StrEnum):
    """Why a field is not as it was sent."""

    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    NOT_FINITE = "not_finite"
    ROUNDED = "rounded"
    READ_FROM_TEXT = "read_from_text"
    READ_AS_TEXT = "read_as_text"
    READ_AS_OBJECT = "read_as_object"
    UNKNOWN_WORD = "unknown_word"
    SHORTENED = "shortened"
    CUT = "cut"
    TOO_DEEP = "too_deep"
    CHARACTERS = "characters"
    UNREADABLE = "unreadable"


class Ignored(NamedTuple):
    """A field, by its dotted path within the data, or an attribute; `data` is all of it."""

    field: str
    rule: Rule


MORE: Final = Ignored("ignored", Rule.CUT)
"""The last of the notes, where there would have been more."""


class Notes:
    """The notes on one event, in the order in which they were made, each once."""

    __slots__ = ("_notes", "is_full")

    def __init__(self) -> None:
        self._notes: dict[Ignored, None] = {}
        self.is_full = False
        """What is added is not kept, and need not be said at length."""

    def add(self, field: str, rule: Rule) -> None:
        """Note it, unless there are so many already that nobody reads them. An empty path is that of all the data."""
        if self.is_full:
            return
        field = field or "data"
        short = field if len(field) <= _LONGEST else field[: _LONGEST - 1] + "…"
        self._notes[Ignored(short, rule)] = None
        if len(self._notes) == MOST:
            self._notes.popitem()
            self._notes[MORE] = None
            self.is_full = True

    def __bool__(self) -> bool:
        return bool(self._notes)

    def all(self) -> tuple[Ignored, ...]:
        return tuple(self._notes)

    def within(self, path: str, name: object) -> str:
        """The path of a part of what lies at a path; of one that is cut anyway, or is not noted any more, the path."""
        if not path:
            return str(name)
        return path if self.is_full or len(path) > _LONGEST else f"{path}.{name}"
