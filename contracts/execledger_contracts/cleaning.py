"""What text and numbers must become before Postgres can hold them."""

import json
import math
import re
import sys
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar, Final

MAX_DEPTH: Final = 100
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LARGEST: Final = int(sys.float_info.max)
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


def depth(value: Any) -> int:
    """How deep objects and arrays nest: 0 for a scalar."""
    level, layer = 0, [value]
    while layer := [item for item in layer if isinstance(item, dict | list)]:
        level += 1
        layer = [child for item in layer for child in (item.values() if isinstance(item, dict) else item)]
    return level


def find_unstorable_number(value: Any, path: str = "") -> str | None:
    """The path of the first number that a float64 cannot hold."""
    match value:
        case bool() | str() | None:
            return None
        case float():
            return None if math.isfinite(value) else path
        case int():
            return None if abs(value) <= _LARGEST else path
        case dict():
            children = ((f"{path}.{key}" if path else key, child) for key, child in value.items())
        case _:
            children = ((f"{path}.{index}", child) for index, child in enumerate(value))
    return next((found for at, child in children if (found := find_unstorable_number(child, at)) is not None), None)


def marked(value: Any) -> Any:
    """The same value with every lone surrogate as NUL, which identifiers refuse and other text may hold."""
    return _mapped(value, lambda text: _LONE_SURROGATE.sub("\0", text))


def cleaned(document: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """The document as the log can hold it: NUL as U+FFFD, oversized values cut with a visible marker."""
    clean: dict[str, Any] = _mapped(document, lambda text: text.replace("\0", "\ufffd"))
    return {key: _cut_data(value, limits) if key == "data" else _cut(value, limits) for key, value in clean.items()}


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


def _mapped(value: Any, change: Any) -> Any:
    match value:
        case str():
            return change(value)
        case dict():
            return {change(key): _mapped(child, change) for key, child in value.items()}
        case list():
            return [_mapped(child, change) for child in value]
        case _:
            return value
