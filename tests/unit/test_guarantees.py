"""docs/guarantees.md says of each promise how it is kept, proved and checked, and names what exists."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from execledger.application import app
from execledger_recorder.metrics import Metrics

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()
ROWS = [re.split(r" ?\| ?", line)[1:-1] for line in PAGE.splitlines() if re.match(r"\| (?!promise )", line)]
NAMED = re.findall(r"`((?:unit|integration|acceptance)/[a-z_]+\.py)?(?:::(test_\w+))?`", PAGE)
COMMANDS = sorted(set(re.findall(r"`execledger ([a-z-]+(?: [a-z]+)*)", PAGE)))
METRICS = set(re.findall(r"`(execledger_[a-z_]+)`", PAGE))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_each_promise_says_how_it_is_kept_proved_and_checked(row: list[str]) -> None:
    assert len(row) == 4
    assert all(row)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_named_exists(command: str) -> None:
    assert app.parse_commands(command.split())[0] == tuple(command.split())


def test_a_metric_that_is_named_exists() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    assert {sample for family in registry.collect() for sample in (family.name, f"{family.name}_total")} >= METRICS


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
