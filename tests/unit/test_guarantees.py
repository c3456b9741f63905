"""docs/guarantees.md names tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()
NAMED = re.findall(r"`((?:unit|integration|acceptance)/[a-z_]+\.py)?(?:::(test_\w+))?`", PAGE)


def named() -> list[tuple[str, str]]:
    """File and function; a function without a file is of the file named before it."""
    found: list[tuple[str, str]] = []
    for file, function in NAMED:
        if file or function:
            found.append((file or found[-1][0], function))
    return found


@pytest.mark.parametrize(("file", "function"), named())
def test_a_test_that_proves_a_promise_exists(file: str, function: str) -> None:
    text = (ROOT / "tests" / file).read_text()
    assert f"def {function}(" in text if function else "def test_" in text
