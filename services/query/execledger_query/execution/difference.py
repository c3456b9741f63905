"""What is different between two values of JSON, as a JSON Patch (RFC 6902). Pure."""

from collections.abc import Iterator
from itertools import takewhile
from typing import Any, Literal, NamedTuple


class Operation(NamedTuple):
    """One step from the first value to the second; a removal has no value."""

    op: Literal["add", "remove", "replace"]
    path: str
    value: Any


def difference(first: Any, second: Any, path: str = "") -> Iterator[Operation]:
    """The operations that make the second of the first, one after the other.

    >>> [*difference({"a": [1, 2, 3], "b": 0}, {"a": [1, 3], "c": None})]  # doctest: +NORMALIZE_WHITESPACE
    [Operation(op='remove', path='/b', value=None), Operation(op='remove', path='/a/1', value=None),
     Operation(op='add', path='/c', value=None)]
    """
    match first, second:
        case dict(), dict():
            yield from _of_objects(first, second, path)
        case list(), list():
            yield from _of_arrays(first, second, path)
        case _ if not _is_same(first, second):
            yield Operation("replace", path, second)


def _of_objects(first: dict[str, Any], second: dict[str, Any], path: str) -> Iterator[Operation]:
    for key in first:
        if key not in second:
            yield Operation("remove", _below(path, key), None)
    for key, value in second.items():
        if key in first:
            yield from difference(first[key], value, _below(path, key))
        else:
            yield Operation("add", _below(path, key), value)


def _of_arrays(first: list[Any], second: list[Any], path: str) -> Iterator[Operation]:
    """What begins and ends alike stays; of what lies between, items at the same place are compared."""
    start = _alike(zip(first, second, strict=False))
    rest = min(len(first), len(second)) - start
    end = min(rest, _alike(zip(reversed(first), reversed(second), strict=False)))
    olds, news = first[start : len(first) - end], second[start : len(second) - end]
    both = min(len(olds), len(news))
    for place in range(both):
        yield from difference(olds[place], news[place], _below(path, start + place))
    for place in reversed(range(both, len(olds))):
        yield Operation("remove", _below(path, start + place), None)
    for place in range(both, len(news)):
        yield Operation("add", _below(path, start + place), news[place])


def _alike(pairs: Iterator[tuple[Any, Any]]) -> int:
    """How many pairs, from the first on, are the same."""
    return sum(1 for _ in takewhile(lambda pair: _is_same(*pair), pairs))


def _is_same(first: Any, second: Any) -> bool:
    """In Python true is 1, in JSON it is not."""
    match first, second:
        case dict(), dict():
            return first.keys() == second.keys() and all(_is_same(value, second[key]) for key, value in first.items())
        case list(), list():
            return len(first) == len(second) and all(map(_is_same, first, second))
        case _:
            return isinstance(first, bool) is isinstance(second, bool) and bool(first == second)


def _below(path: str, key: str | int) -> str:
    return f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}"
