"""Log lines: what strangers put into them steers no terminal."""

import logging

import pytest
import structlog

from execledger_runtime.logs import Shape, configure_log

EVIL = "tea\x1b[2J\x9b31m\r\n2026-01-01 [info] forged \u202e"


@pytest.fixture(autouse=True)
def _restored() -> object:
    """Tests after these log as they did before."""
    before, handlers = structlog.get_config(), logging.getLogger().handlers[:]
    yield
    structlog.configure(**before)
    logging.getLogger().handlers[:] = handlers


@pytest.mark.parametrize("shape", ["console", "json"])
def test_no_line_holds_a_character_that_moves_the_cursor(shape: Shape, capsys: pytest.CaptureFixture[str]) -> None:
    configure_log(shape=shape)
    structlog.get_logger().warning("request", path=EVIL, parts=[EVIL], cause=ValueError(EVIL))
    structlog.get_logger().warning(EVIL)
    logging.getLogger("library").warning("refused: %s", EVIL)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    assert all("tea" in line for line in lines)


def test_a_traceback_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log(shape="console")
    try:
        raise ValueError(EVIL)
    except ValueError:
        structlog.get_logger().exception("failed")
    said = capsys.readouterr().err
    assert "\nTraceback (most recent call last):\n" in said
    assert not {"\x1b", "\x9b", "\r", "\u202e"} & set(said)
