"""Any Python value as JSON, without ever raising, and without walking through large ones in Python.

msgspec writes what JSON can say, some hundred megabytes a second. What it cannot write, a cycle or half of a
surrogate pair, is made plain first, so far as that is worth while.
"""

import codecs
from collections.abc import Iterable, Mapping, Set
from dataclasses import is_dataclass
from gc import is_tracked
from typing import Any, Final

import msgspec
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from execledger_publisher.identifiers import shown

MAX_DEPTH: Final = 99  # of a field: with the data around it, what the recorder keeps
_MAX_NODES: Final = 10_000  # some 20 ms
_MAX_SHOWN: Final = 65_536
_MOST_BITS: Final = 1024  # those of the largest float64
_ATOMIC: Final = frozenset({str, int, float, bool, bytes, type(None)})


REPLACED: Final = "execledger.replaced"
"""How to encode text: with U+FFFD for each half of a surrogate pair that stands alone."""


def dumped(value: Any) -> bytes:
    """The value as JSON.

    Dates, decimals, UUIDs, models, dataclasses and sets in their usual form, bytes in base64, NaN and the infinities
    as null, anything else as its text.
    """
    try:
        if type(value) in _ATOMIC or not _is_endless(value, set(), set()):
            return _ENCODER.encode(value)
    except Exception:  # noqa: BLE001, S110 - any object may be among the values, and do anything
        pass
    return _ENCODER.encode(_Plain().of(value))


def _is_endless(value: Any, around: set[int], done: set[int]) -> bool:
    """Whether it holds itself, or is too deep: msgspec would write it anew a thousand times before it gives up.

    What the garbage collector does not track holds nothing that it does: a dictionary of texts and numbers, say. So
    52,000 such rows take a millisecond.
    """
    if id(value) in around or len(around) >= MAX_DEPTH:
        return True
    if id(value) in done:
        return False
    around.add(id(value))
    if any(_is_endless(part, around, done) for part in filter(is_tracked, _parts(value))):
        return True
    around.discard(id(value))
    done.add(id(value))
    return False


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, list | tuple | set | frozenset):
        return value
    return vars(value).values() if is_dataclass(value) and hasattr(value, "__dict__") else ()


def _replaced(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "\ufffd".encode() * (error.end - error.start), error.end


def _otherwise(value: Any) -> Any:
    """What msgspec does not know, as something that it does."""
    try:
        if isinstance(value, BaseModel):
            return to_jsonable_python(value, fallback=_text)
        if isinstance(value, Mapping):
            return dict(value)
        if isinstance(value, Set):
            return list(value)
    except Exception:  # noqa: BLE001 - as above
        return _text(value)
    return str(value) if isinstance(value, str) else _text(value)


def _text(value: Any) -> str:
    text = shown(value)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_otherwise)


class _Plain:
    """Makes one value plain, part by part; says in its place what cannot be shown."""

    def __init__(self) -> None:
        self._nodes = 0
        self._open: set[int] = set()

    def of(self, value: Any, depth: int = 0) -> Any:
        self._nodes += 1
        if isinstance(value, str):
            return value.encode(errors=REPLACED).decode()
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            return f"{value:#x}"[:_MAX_SHOWN]  # Python refuses to write its decimals
        if value is None or isinstance(value, int | float):
            return value
        if id(value) in self._open:
            return "[cut by execledger: a cycle]"
        if depth >= MAX_DEPTH:
            return f"[cut by execledger: deeper than {MAX_DEPTH} levels]"
        if self._nodes > _MAX_NODES:
            return f"[cut by execledger: more than {_MAX_NODES} values]"
        self._open.add(id(value))
        try:
            return self._parts(value, depth)
        except Exception:  # noqa: BLE001 - as above
            return self.of(_text(value))
        finally:
            self._open.discard(id(value))

    def _parts(self, value: Any, depth: int) -> Any:
        if isinstance(value, Mapping):
            return {self._key(key): self.of(part, depth + 1) for key, part in self._some(value.items())}
        if isinstance(value, list | tuple | Set):
            return [self.of(part, depth + 1) for part in self._some(value)]
        return self.of(msgspec.to_builtins(value, enc_hook=_otherwise), depth + 1)

    def _some(self, parts: Any) -> Any:
        for part in parts:
            if self._nodes > _MAX_NODES:
                return
            yield part

    def _key(self, key: Any) -> str:
        return self.of(key if isinstance(key, str) else _text(key)) or ""


codecs.register_error(REPLACED, _replaced)


def plain(value: Any) -> Any:
    """Models of pydantic, wherever they stand, as JSON; the publisher sees to what else there is."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    dump = getattr(value, "model_dump", None)
    return dump(mode="json", exclude_none=True) if callable(dump) and not isinstance(value, type) else value
