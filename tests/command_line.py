"""The command, as a user runs it, but in this process: importing it takes longer than most commands."""

import asyncio
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest.mock import patch

import structlog

from execledger.__main__ import main


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and how it ended."""

    status: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()


async def execledger(*arguments: str, **settings: object) -> Said:
    """Run `execledger` with these settings and no others. One at a time: it takes over the standard streams."""
    return await asyncio.to_thread(_run, arguments, settings)


def _run(arguments: tuple[str, ...], settings: dict[str, object]) -> Said:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EXECLEDGER_")}
    named = {f"EXECLEDGER_{name.upper()}": str(value) for name, value in settings.items()}
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with (
        _logs_as_before(),
        patch.dict(os.environ, {**kept, "COLUMNS": "160", **named}, clear=True),
        patch.object(sys, "argv", ["execledger", *arguments]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        status = _status()
    return Said(status, _written(out), _written(err).decode())


@contextmanager
def _logs_as_before() -> Iterator[None]:
    """A command sets up the logs of its process, which is the tests' own here."""
    loggers = [logging.getLogger(), logging.getLogger("aiokafka")]
    before = [(log, log.level, log.handlers[:]) for log in loggers]
    shape = structlog.get_config()
    try:
        yield
    finally:
        structlog.configure(**shape)
        for log, level, handlers in before:
            log.setLevel(level)
            log.handlers[:] = handlers


def _status() -> int:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Cyclopts wonders why a test leaves the arguments in sys.argv
            main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def _written(stream: io.TextIOWrapper) -> bytes:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue()
