"""Where in a dead letter the fault lies that its detail names. Pure."""

import base64
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from execledger_contracts.decoding import Reason

Headers = Sequence[tuple[str, bytes | None]]

VALUE: Final = "value"
_POSITION: Final = re.compile(r"(?:byte|character) (\d+): ")
_BLANK: Final = re.compile(r"[ \t\r\n]*")
_DECODER: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Fault:
    """From where to where the fault reaches in a content: text, or bytes that are none; `of` names the content."""

    of: str
    content: str | bytes
    start: int
    end: int


def find_fault(value: bytes | None, headers: Headers, reason: str, detail: str) -> Fault | None:
    """The fault that a reason and its detail name; None when they name no place, or it is not there."""
    data = _data(value, headers)
    match reason:
        case Reason.NOT_UTF8:
            return _in_header(headers) if detail.startswith("a ce_ header") else _at_position(data, detail)
        case Reason.NOT_JSON:
            return _at_position(data, detail)
        case Reason.INVALID | Reason.NOT_CLOUDEVENT | Reason.UNSUPPORTED_VERSION:
            return _at_path(data, headers, detail)
        case _:
            return None


class _Content(NamedTuple):
    of: str
    raw: bytes

    @property
    def text(self) -> str | None:
        try:
            return self.raw.decode()
        except UnicodeDecodeError:
            return None


def _data(value: bytes | None, headers: Headers) -> list[_Content]:
    """What was read as JSON: the value, and what a structured event carries as base64."""
    whole = _Content(VALUE, value or b"")
    try:
        encoded = json.loads(whole.raw).get("data_base64")
        return [whole, _Content("data_base64, decoded", base64.b64decode(encoded, validate=True))]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return [whole]


def _in_header(headers: Headers) -> Fault | None:
    for name, value in headers:
        try:
            (value or b"").decode()
        except UnicodeDecodeError as error:
            if name.lower().startswith("ce_"):
                return Fault(f"header {name}", value or b"", error.start, error.end)
    return None


def _at_position(data: Sequence[_Content], detail: str) -> Fault | None:
    """A position is one of the last content: its envelope could be read, or there would be no other."""
    if (match := _POSITION.match(detail)) is None:
        return None
    at, content = int(match[1]), data[-1]
    shown: str | bytes = content.raw if content.text is None else content.text
    return Fault(content.of, shown, at, at + 1) if at <= len(shown) else None


def _at_path(data: Sequence[_Content], headers: Headers, detail: str) -> Fault | None:
    """The value at the path that the detail begins with; of one that is missing, the object that lacks it."""
    path = detail.partition(": ")[0]
    attributes = {name.lower()[3:]: (name, value) for name, value in headers if name.lower().startswith("ce_")}
    if path in attributes:
        name, value = attributes[path]
        text = (value or b"").decode(errors="replace")
        return Fault(f"header {name}", text, 0, len(text))
    found = [
        (rest, Fault(content.of, content.text or "", *span))
        for content in data
        for rest, span in _spans(content.text or "", _within(path, content, is_binary=bool(attributes)))
    ]
    if not found:
        return None
    return min(found, key=lambda each: len(each[0]))[1]


def _within(path: str, content: _Content, *, is_binary: bool) -> str:
    """A path of the event as one of the content, which may be its data alone."""
    return path.partition("data.")[2] if path.startswith("data.") and (is_binary or content.of != VALUE) else path


def _spans(text: str, path: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Where the value at a path lies, or as far as there is one; each with what is left of the path."""
    at = _skip_blank(text, 0)
    try:
        while path:
            path, span = max(_steps(text, at, path), key=lambda step: -len(step[0]), default=("", None))
            if span is None:
                return
            yield path, span
            at = span[0]
    except (ValueError, IndexError, RecursionError):
        return


def _steps(text: str, at: int, path: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """The members of the object or array at a position that lie on the path, the last of equal names first."""
    for member in reversed(list(_members(text, at))):
        if path == member.name:
            yield "", member.span
        elif path.startswith(f"{member.name}."):
            yield path[len(member.name) + 1 :], member.span


class _Member(NamedTuple):
    name: str
    span: tuple[int, int]


def _members(text: str, at: int) -> Iterator[_Member]:
    """Of the object or array that begins there; nothing of another value. Raises ValueError for what is no JSON."""
    if text[at] not in "{[":
        return
    is_object, number = text[at] == "{", 0
    at = _skip_blank(text, at + 1)
    while text[at] not in "}]":
        name = str(number)
        if is_object:
            name, end = _value(text, at)
            at = _skip_blank(text, _skip_blank(text, end) + 1)
        _, end = _value(text, at)
        yield _Member(name, (at, end))
        number += 1
        at = _skip_blank(text, end)
        if text[at] == ",":
            at = _skip_blank(text, at + 1)


def _value(text: str, at: int) -> tuple[Any, int]:
    return _DECODER.raw_decode(text, at)


def _skip_blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at
