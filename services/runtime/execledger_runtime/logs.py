"""Log lines: facts with keys, one line each, on standard error."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final, Literal

import structlog

Shape = Literal["json", "console"]
Level = Literal["debug", "info", "warning", "error"]

_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_log(*, shape: Shape | None = None, level: Level = "info") -> None:
    """Lines of that level and above; the libraries' own warnings among them, in the same shape.

    Without a shape they are for people when a terminal reads them, and JSON elsewhere.
    """
    is_terminal = sys.stderr.isatty()
    is_readable = is_terminal if shape is None else shape == "console"
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=is_terminal) if is_readable else structlog.processors.JSONRenderer()
    )
    rendering: list[structlog.typing.Processor] = [_without_controls, renderer] if is_readable else [renderer]
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,  # as text without local variables: those hold tokens and payloads
    ]
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    formatting = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=formatting, foreign_pre_chain=shared))
    logging.basicConfig(level=max(logging.WARNING, _LEVELS[level]), handlers=[handler], force=True)


def _without_controls(_logger: Any, _method: str, said: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What strangers put into a line must not steer the terminal. JSON escapes by itself, and so does all but text."""
    for key, value in said.items():
        if isinstance(value, str) and not value.isprintable():
            kept = "\n\t" if key == "exception" else ""
            said[key] = "".join(char if char.isprintable() or char in kept else f"\\u{ord(char):04x}" for char in value)
    return said
