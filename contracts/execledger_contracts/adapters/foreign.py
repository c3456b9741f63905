"""What an adapter needs to read documents that others define, and to say what they mean as CloudEvents. Pure.

Whatever a document holds, reading it gives a value or None, and raises nothing but `Untranslatable`.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, TypeVar
from urllib.parse import quote

Document = dict[str, Any]
_T = TypeVar("_T")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_WORD: Final = 200
_OF_A_URI: Final = "!#$%&'()*+,/:;=?@[]~"


class Untranslatable(Exception):  # noqa: N818  # it says what is missing of an event, and may be no fault
    """What an event cannot be made of: its message names the field and the rule."""


Translated = Iterable[Document | Untranslatable]
"""Events, and why there is none of some part of a document."""


def at(said: Any, *path: str) -> Any:
    """What lies there; None where the path does not lead."""
    for name in path:
        if not isinstance(said, dict):
            return None
        said = said.get(name)
    return said


def text(said: Any, *path: str) -> str | None:
    """The text there, a number as JSON writes it; None for anything else, and for no characters."""
    found = at(said, *path)
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return None
    return str(found) or None


def part(said: Any, *path: str) -> Document:
    """The object there, empty where there is none."""
    found = at(said, *path)
    return found if isinstance(found, dict) else {}


def parts(said: Any, *path: str) -> list[Document]:
    """The objects of the list there."""
    found = at(said, *path)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def whole(said: Any, *path: str) -> int | None:
    """The whole number there, as a number or as up to 18 digits."""
    found = at(said, *path)
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= 18:
        return int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def first(*found: _T | None) -> _T | None:
    """The first of them that is not None."""
    return next((each for each in found if each is not None), None)


def needed(found: str | None, name: str) -> str:
    """The same, if there is any. Raises Untranslatable."""
    if found is None:
        raise Untranslatable(f"{name}: is missing")
    return found


def said(**fields: Any) -> Document:
    """An object of the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def some(**fields: Any) -> Document | None:
    """The same; None when that is nothing."""
    return said(**fields) or None


def event(  # an event has so many attributes
    kind: str, id_: str, source: str, subject: str, time: str, data: Any, **attributes: Any
) -> Document:
    """A CloudEvent; attributes that are None are left out."""
    return {
        "specversion": "1.0",
        "type": kind,
        "id": id_,
        "source": source,
        "subject": subject,
        "time": time,
        **said(**attributes),
        "data": data,
    }


def each(items: Iterable[Document], translate: Callable[[Document], Iterable[Document]]) -> Iterator[Any]:
    """The events of some documents: one that cannot be translated costs the others nothing."""
    for item in items:
        try:
            yield from list(translate(item))
        except Untranslatable as error:
            yield error


def own_type(system: str, word: str) -> str:
    """A type that only that system has: one label behind another, so that it reads as none of the table."""
    return f"{system}.{word.replace('.', '_')[:_LONGEST_WORD].lower() or 'event'}"


def as_source(name: str) -> str:
    """A URI-reference of some text: what does not belong into one is percent-encoded."""
    return quote(name, safe=_OF_A_URI, errors="replace")


def digest(document: Any) -> str:
    """By which a document without an id of its own is known again: 32 hexadecimal digits."""
    return sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:32]


def of_microseconds(since_1970: int, name: str) -> str:
    """A time in RFC 3339. Raises Untranslatable where the calendar ends."""
    try:
        return (_EPOCH + timedelta(microseconds=since_1970)).isoformat()
    except OverflowError:
        raise Untranslatable(f"{name}: is no time between the years 1 and 9999") from None
