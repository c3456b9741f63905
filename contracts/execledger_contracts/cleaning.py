"""What text and numbers must become before Postgres can hold them."""

import json
import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar, Final

MAX_DEPTH: Final = 100
DEEPEST: Final = MAX_DEPTH + 1  # with the event's own object around its data
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LARGEST: Final = int(sys.float_info.max)
_MANY_DIGITS: Final = b"0" * len(str(_LARGEST))
_STRIDE: Final = 25
_DIGITS_AT_STRIDES: Final = b"0" * (len(_MANY_DIGITS) // _STRIDE)
_DIGITS_AS_ZERO: Final = bytes.maketrans(b"123456789", b"000000000")
_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_TOO_DEEP: Final = b"[" * (DEEPEST + 1)
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
# Data fields that the models read as objects: never replaced as a whole, lest what they say be lost with it.
_OBJECTS: Final = frozenset({"budget", "error", "labels", "metadata", "owner", "step", "trigger", "usage", "workflow"})


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a value may be before it is cut, in bytes of UTF-8."""

    text_bytes: int = 65_536
    json_bytes: int = 262_144
    record_bytes: int = 16_777_216

    PLAIN_BYTES: ClassVar[int] = 16_384
    """A record up to this size holds no value that any allowed limit would cut."""

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


def depth(value: Any) -> int:
    """How deep objects and arrays nest: 0 for a scalar."""
    level, layer = 0, [value]
    while layer := [item for item in layer if isinstance(item, dict | list)]:
        level += 1
        layer = [child for item in layer for child in (item.values() if isinstance(item, dict) else item)]
    return level


def find_unstorable_number(value: Any) -> str | None:
    """The path of the first number that a float64 cannot hold."""
    if (steps := _steps_to_unstorable(value)) is None:
        return None
    path = ""
    for step in reversed(steps):
        path = f"{path}.{step}" if path or isinstance(step, int) else step
    return path


def _steps_to_unstorable(value: Any) -> list[str | int] | None:
    """The last step first: made only when there is one to be named."""
    if isinstance(value, float):
        return None if math.isfinite(value) else []
    if isinstance(value, int):
        return None if abs(value) <= _LARGEST else []
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in children:
        if not isinstance(child, str) and (steps := _steps_to_unstorable(child)) is not None:
            return [*steps, step]
    return None


def marked(value: Any) -> Any:
    """The same value with every lone surrogate as NUL, which identifiers refuse and other text may hold."""
    return _mapped(value, lambda text: _LONE_SURROGATE.sub("\0", text))


def cleaned(document: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """The document as the log can hold it: NUL as U+FFFD, oversized values cut with a visible marker."""
    replaced: dict[str, Any] = _mapped(document, lambda text: text.replace("\0", "\ufffd"))
    return cut(replaced, limits)


def cut(document: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """The document with oversized values cut; equal to it when there are none."""
    return {key: _cut_data(value, limits) if key == "data" else _cut(value, limits) for key, value in document.items()}


def _cut_data(data: Any, limits: Limits) -> Any:
    """Each field of the data by itself."""
    if not isinstance(data, dict):
        return _cut(data, limits)
    return {name: _cut_field(name, value, limits) for name, value in data.items()}


def _cut_field(name: str, value: Any, limits: Limits) -> Any:
    if name == "tags":
        return value  # each at most 255 characters, or the event is refused
    if name not in _OBJECTS or not isinstance(value, dict):
        return _cut(value, limits)
    parts = {part: _cut(child, limits) for part, child in value.items()}
    return _cut(parts, limits) if name == "metadata" else parts


def _cut(value: Any, limits: Limits) -> Any:
    if isinstance(value, str):
        return _cut_text(value, limits.text_bytes)
    if not isinstance(value, dict | list):
        return value
    encoded = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    if len(encoded) <= limits.json_bytes:
        return value
    return {"execledger_cut": {**_size_and_digest(encoded), "start": encoded[:1024].decode(errors="ignore")}}


def _cut_text(text: str, limit: int) -> str:
    if len(text) * 4 <= limit or len(encoded := text.encode()) <= limit:
        return text
    facts = _size_and_digest(encoded)
    marker = f"… [cut by execledger: {facts['bytes']} bytes, sha256 {facts['sha256']}]"
    return encoded[: limit - len(marker.encode())].decode(errors="ignore") + marker


def _size_and_digest(encoded: bytes) -> dict[str, Any]:
    return {"bytes": len(encoded), "sha256": sha256(encoded).hexdigest()}


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _mapped(child, change) for key, child in value.items()}
    return [_mapped(child, change) for child in value] if isinstance(value, list) else value
