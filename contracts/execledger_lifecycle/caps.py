"""How much one execution holds, whatever its events say: of what is more the keys stay that come first by their bytes.

Applied as each event is folded, so what stays follows from the events and the caps alone. A step, an attempt or an
ending is never dropped.
"""

from collections.abc import Iterable, Iterator, Mapping
from heapq import nsmallest
from itertools import accumulate
from typing import Any, Final, NamedTuple

import msgspec

_json: Final = msgspec.json.Encoder().encode


class Caps(NamedTuple):
    """How many labels, tags and distinct agents, and how many bytes of metadata, as JSON, an execution holds."""

    labels: int = 200
    tags: int = 200
    metadata_bytes: int = 262_144
    agents: int = 1000


DEFAULT_CAPS: Final = Caps()


def first_members(members: Mapping[str, Any], most: int) -> dict[str, Any]:
    """So many of them, in the order in which they were said."""
    kept = set(nsmallest(most, members))  # code points come in the order of their bytes
    return {name: value for name, value in members.items() if name in kept}


def first_tags(tags: Iterable[str], most: int) -> list[str]:
    """So many distinct ones, in the order in which they were said."""
    return list(first_members(dict.fromkeys(tags), most))


def size_of(metadata: Mapping[str, Any]) -> int:
    """Its bytes as JSON."""
    return len(_json(metadata))


def first_bytes(metadata: Mapping[str, Any], most: int) -> dict[str, Any]:
    """The members whose keys come first, as many as take no more bytes together."""
    return first_members(metadata, sum(size <= most for size in _sizes(metadata)))


def _sizes(metadata: Mapping[str, Any]) -> Iterator[int]:
    """How large it is up to the first member, up to the second, and so on."""
    members = (len(_json({name: metadata[name]})) - 1 for name in sorted(metadata))  # with a comma, or the last brace
    return (1 + size for size in accumulate(members))
