"""What is different between two values of JSON."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_query.execution.difference import Operation, difference

SCALARS = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", "a/b", "~1"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(["", "a", "/", "~"]), inner)
)


def applied(value: Any, operations: list[Operation]) -> Any:
    """What RFC 6902 makes of a value."""
    document = [json.loads(json.dumps(value))]  # the whole document has the empty path
    for op, path, new in operations:
        *way, last = [0, *(part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])]
        holder: Any = document
        for part in way:
            holder = holder[int(part) if isinstance(holder, list) else part]
        key: Any = int(last) if isinstance(holder, list) else last
        if op == "remove":
            del holder[key]
        elif op == "add" and isinstance(holder, list):
            holder.insert(key, new)
        else:
            holder[key] = new
    return document[0]


@given(VALUES, VALUES)
def test_a_difference_makes_the_second_of_the_first(first: Any, second: Any) -> None:
    operations = [*difference(first, second)]
    assert json.dumps(applied(first, operations), sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (not operations) == (json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True))


@pytest.mark.parametrize(
    ("first", "second", "operations"),
    [
        ({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2}, [("replace", "/a/b", 3)]),
        ([1, 2, 3, 4], [1, 3, 4], [("remove", "/1", None)]),
        ([1, 4], [1, 2, 3, 4], [("add", "/1", 2), ("add", "/2", 3)]),
        (None, {"a": 1}, [("replace", "", {"a": 1})]),
        (1, True, [("replace", "", True)]),
        ({"a/b": 1}, {}, [("remove", "/a~1b", None)]),
    ],
)
def test_a_difference_says_no_more_than_it_must(
    first: Any, second: Any, operations: list[tuple[str, str, Any]]
) -> None:
    assert [*difference(first, second)] == operations


def test_what_lies_deep_takes_little_time() -> None:
    first: Any = 1
    second: Any = 2
    for _ in range(100):
        first, second = [first], [second]
    before = time.process_time()
    assert len([*difference(first, second)]) == 1
    assert time.process_time() - before < 1
