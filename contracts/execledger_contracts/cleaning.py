"""What an event must become before Postgres can hold it, and before its size is bearable."""

import json
import re
import sys
from dataclasses import dataclass
from hashlib import sha256
from heapq import nsmallest
from operator import itemgetter
from typing import Any, ClassVar, Final

from execledger_contracts.ignored import Notes, Rule
from execledger_contracts.parsing import DEEPEST, LOST, Odd

UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
"""Characters that Postgres does not hold."""
_MANY_DIGITS: Final = b"0" * len(str(int(sys.float_info.max)))
_STRIDE: Final = 25
_DIGITS_AT_STRIDES: Final = b"0" * (len(_MANY_DIGITS) // _STRIDE)
_DIGITS_AS_ZERO: Final = bytes.maketrans(b"123456789", b"000000000")
_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_TOO_DEEP: Final = b"[" * (DEEPEST + 1)
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_PLAIN: Final = frozenset({int, float, bool, type(None)})
_At = tuple["_At", str | int] | None
"""Where a value is: in what, and as which part of it. In words only where there is something to note."""
# Data fields that the models read as objects: never replaced as a whole, lest what they say be lost with it.
_OBJECTS: Final = frozenset({"budget", "error", "labels", "metadata", "owner", "step", "trigger", "usage", "workflow"})


_key: Final = itemgetter(0)

MOST_PARTS: Final = 1000
"""So many tags, and labels, of one event are read; reading a wrong one takes a microsecond."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a value may be before it is cut, in bytes of UTF-8."""

    text_bytes: int = 65_536
    json_bytes: int = 262_144
    record_bytes: int = 2_097_152

    PLAIN_BYTES: ClassVar[int] = 16_384
    """A record up to this size holds no value that any allowed limit would cut."""
    FEW_BYTES: ClassVar[int] = 4 * MOST_PARTS
    """And one up to this size no more tags or labels than are read."""

    def __post_init__(self) -> None:
        if min(self.text_bytes, self.json_bytes, self.record_bytes) < self.PLAIN_BYTES:
            raise ValueError(f"limits below {self.PLAIN_BYTES} bytes are not supported")


def may_need_care(text: bytes) -> bool:
    """Whether JSON may hold what parsers let through: NUL, values too deep, a whole number too large.

    A microsecond for an event of 800 bytes: each part begins with the cheapest look that can end it.
    """
    return (
        (b"\\" in text and b"\\u0000" in text)  # a single character is found, or not, in a fifth of the time
        or (text.count(b"{") + (text.count(b"[") if b"[" in text else 0) > DEEPEST and _may_nest_too_deep(text))
        or (
            _DIGITS_AT_STRIDES in text[::_STRIDE].translate(_DIGITS_AS_ZERO)  # a third of the time of all bytes
            and _MANY_DIGITS in text.translate(_DIGITS_AS_ZERO)
        )
    )


def _may_nest_too_deep(text: bytes) -> bool:
    """Whether its brackets nest too deep, or are not in pairs: outside of strings, less `[]`, less `[]` again ...

    A seventh of the time of a regular expression that counts levels, on 250 KB with 2,000 objects.
    """
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = b"".join(text.split(b'"')[::2]).translate(_SQUARE, _NO_BRACKETS)
    for _ in range(DEEPEST):
        if _TOO_DEEP in brackets or len(fewer := brackets.replace(b"[]", b"")) == len(brackets):
            break
        brackets = fewer
    return bool(brackets)


def storable(document: dict[str, Any], notes: Notes) -> dict[str, Any]:
    """A document of `parse` as the log can hold it: what is odd in it replaced or left out, NUL and the like U+FFFD."""
    return _storable_members(document, None, notes)


def _storable(value: Any, at: _At, notes: Notes) -> Any:
    kind = type(value)
    if kind is list:
        return _storable_items(value, at, notes)
    if kind is str:
        return _storable_text(value, at, notes)
    if kind is dict:
        return _storable_members(value, at, notes)
    if kind is Odd:
        notes.add(_path(at, notes), value.rule)
        return value.value
    return value


def _storable_items(items: list[Any], at: _At, notes: Notes) -> list[Any]:
    clean = [
        item if type(item) in _PLAIN else _storable(item, (at, number), notes) for number, item in enumerate(items)
    ]
    return [item for item in clean if item is not LOST] if LOST in clean else clean


def _storable_members(members: dict[str, Any], at: _At, notes: Notes) -> dict[str, Any]:
    clean = {}
    for key, member in members.items():
        name = _storable_text(key, at, notes)
        if type(member) in _PLAIN:
            clean[name] = member
        elif (stored := _storable(member, (at, name), notes)) is not LOST:
            clean[name] = stored
    return clean


def _storable_text(text: str, at: _At, notes: Notes) -> str:
    if not UNSTORABLE.search(text):
        return text
    notes.add(_path(at, notes), Rule.CHARACTERS)
    return UNSTORABLE.sub("\ufffd", text)


def _path(at: _At, notes: Notes) -> str:
    """Where that is, in words. The parts of the data go by their names alone."""
    if at is None or notes.is_full or at == (None, "data"):
        return ""
    return notes.within(_path(at[0], notes), at[1])


def cut(document: dict[str, Any], limits: Limits, notes: Notes) -> dict[str, Any]:
    """The document with oversized values cut with a visible marker; equal to it when there are none."""
    return {
        name: _cut_data(value, limits, notes)
        if name == "data"
        else _cut(value, "" if name == "data_base64" else name, limits, notes)
        for name, value in document.items()
    }


def _cut_data(data: Any, limits: Limits, notes: Notes) -> Any:
    """Each field of the data by itself."""
    if not isinstance(data, dict):
        return _cut(data, "", limits, notes)
    return {name: _cut_field(name, value, limits, notes) for name, value in data.items()}


def _cut_field(name: str, value: Any, limits: Limits, notes: Notes) -> Any:
    if name == "tags" and isinstance(value, list):
        return _fewer(name, value, notes)  # each becomes 255 characters at most
    if name not in _OBJECTS or not isinstance(value, dict):
        return _cut(value, name, limits, notes)
    if name == "metadata":
        return _cut(_cut_parts(name, value, limits, notes), name, limits, notes)
    return _cut_parts(name, _fewer(name, value, notes), limits, notes)


def _cut_parts(name: str, parts: dict[str, Any], limits: Limits, notes: Notes) -> dict[str, Any]:
    return {
        part: child if type(child) in _PLAIN else _cut(child, notes.within(name, part), limits, notes)
        for part, child in parts.items()
    }


def _fewer(name: str, parts: Any, notes: Notes) -> Any:
    """Of a list the first items, of an object the members whose keys come first: reading each takes its time."""
    if len(parts) <= MOST_PARTS:
        return parts
    notes.add(name, Rule.CUT)
    return parts[:MOST_PARTS] if isinstance(parts, list) else dict(nsmallest(MOST_PARTS, parts.items(), key=_key))


def has_many_parts(document: dict[str, Any]) -> bool:
    """Whether `cut` would leave some of them out, of a document that is small in bytes."""
    data = document.get("data")
    return isinstance(data, dict) and any(
        isinstance(parts := data.get(name), list | dict) and len(parts) > MOST_PARTS for name in ("labels", "tags")
    )


def _cut(value: Any, path: str, limits: Limits, notes: Notes) -> Any:
    if isinstance(value, str):
        small: Any = _cut_text(value, limits.text_bytes)
    elif isinstance(value, dict | list):
        small = _cut_json(value, limits.json_bytes)
    else:
        return value
    if small is not value:
        notes.add(path, Rule.CUT)
    return small


def _cut_json(value: Any, limit: int) -> Any:
    encoded = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    if len(encoded) <= limit:
        return value
    return cut_json(encoded)


def _cut_text(text: str, limit: int) -> str:
    if len(text) * 4 <= limit or len(encoded := text.encode()) <= limit:
        return text
    return cut_text(encoded, limit)


def cut_json(encoded: bytes) -> dict[str, Any]:
    """What stands for a value that is too large, from it as JSON."""
    return {"execledger_cut": {**_size_and_digest(encoded), "start": encoded[:1024].decode(errors="ignore")}}


def cut_text(encoded: bytes, limit: int) -> str:
    """The beginning of a text that is longer than so many bytes, and what it was."""
    facts = _size_and_digest(encoded)
    marker = f"… [cut by execledger: {facts['bytes']} bytes, sha256 {facts['sha256']}]"
    return encoded[: limit - len(marker.encode())].decode(errors="ignore") + marker


def _size_and_digest(encoded: bytes) -> dict[str, Any]:
    return {"bytes": len(encoded), "sha256": sha256(encoded).hexdigest()}
