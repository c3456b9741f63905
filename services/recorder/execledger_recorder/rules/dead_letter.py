"""What is said of a bad record, how much of it is kept, and by what bad records are alike."""

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

from execledger_contracts.decoding import Undecodable, without_value
from execledger_recorder.rules.account import Record
from execledger_runtime.kafka.records import Unread

FACTS: Final = ("reason", "detail", "topic", "partition", "offset", "timestamp")
"""What the last headers of a copy say, each behind `execledger-`."""

REDRIVEN_FROM: Final = "execledger-redriven-from"
"""The header of a dead letter that was sent once more: where it lay before."""

CUT: Final = "execledger-cut"
"""The header behind those, of a copy that is not whole: what there was of the parts that are cut."""

_DETAIL_CHARACTERS: Final = 2000

Headers = Sequence[tuple[str, bytes | None]]


class Kept(NamedTuple):
    """As much of a bad record as is kept; `cut` says what there was of each part that is not whole."""

    key: bytes | None
    headers: Headers
    value: bytes | None
    cut: Mapping[str, Mapping[str, Any]]


def keep(record: Record, most: int) -> Kept:
    """The first bytes of each part of a record: of its key, its value, and its headers together.

    What is cut has its size in bytes and its SHA-256 in `cut`, by the name of the part; headers have their number, too.
    Of a value that nobody read neither is known.
    """
    headers = list(_first(record.headers, most))
    cut: dict[str, Mapping[str, Any]] = {
        name: {"bytes": len(part), "sha256": sha256(part).hexdigest()}
        for name, part in (("key", record.key), ("value", record.value))
        if part is not None and len(part) > most
    }
    if headers != list(record.headers):
        cut["headers"] = {"bytes": sum(map(_size, record.headers)), "number": len(record.headers)}
    if isinstance(record.value, Unread):
        cut["value"] = {}
    return Kept(record.key and record.key[:most], headers, record.value and record.value[:most], cut)


def _first(headers: Headers, most: int) -> Iterator[tuple[str, bytes | None]]:
    """Headers as long as they fit, and of the first that does not as much of its value as does."""
    left = most
    for name, value in headers:
        named = len(name.encode(errors="replace"))
        if named > left:
            return
        yield name, value and value[: left - named]
        left -= _size((name, value))
        if left < 0:
            return


def _size(header: tuple[str, bytes | None]) -> int:
    return len(header[0].encode(errors="replace")) + len(header[1] or b"")


def fingerprint(why: Undecodable) -> str:
    """The same for records that are bad in the same way: the reason and the rule, without values of theirs."""
    rule = re.sub(r"\d+", "#", without_value(why.detail))
    return sha256(f"{why.reason}\n{rule}".encode()).hexdigest()[:16]


def is_redriven(record: Record) -> bool:
    """Whether it was a dead letter before."""
    return any(name == REDRIVEN_FROM for name, _ in record.headers)


def storable(text: str) -> str:
    """Postgres holds neither NUL nor lone surrogates, and the detail may quote either, at any length."""
    return text[:_DETAIL_CHARACTERS].encode(errors="replace").decode().replace("\0", "\ufffd")
