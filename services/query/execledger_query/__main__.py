"""The query service: `python -m execledger_query`, until SIGTERM."""

import os
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType

import structlog
import uvicorn

from execledger_query.app import create_app
from execledger_query.errors import PortTakenError, SettingsError
from execledger_query.settings import Settings, described, load, misspelt
from execledger_query.telemetry import configure_logs

_HELP = (
    "usage: python -m execledger_query [--help]\n\nServes executions over HTTP until SIGTERM. Settings (environment):\n"
)

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def main(arguments: Sequence[str] = ()) -> int:
    """Run the service; returns the exit status. A fault that the user can mend is one line on standard error."""
    if arguments:
        return _help(arguments)
    try:
        serve(load())
    except SettingsError as error:
        sys.stderr.writelines(f"{line}\n" for line in error.lines)
        return 2
    except PortTakenError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then let open requests end. Raises PortTakenError."""
    configure_logs(settings.log_level)
    for name, meant in misspelt(list(os.environ)):
        log.warning("setting_unknown", name=name, perhaps=meant)
    with _listening(settings.query_host, settings.query_port) as listener:
        host, port = listener.getsockname()[:2]
        log.info("listening", host=host, port=port)
        _Server(_configuration(settings)).run(sockets=[listener])
    log.info("stopped")


class _Server(uvicorn.Server):
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """As the original, but the signal is not raised again at the end: a stop that was asked for exits with 0."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


def _configuration(settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(settings),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.query_drain_seconds,
    )


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, else asyncio leaves Nagle's algorithm on: every answer then took 44 ms longer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise PortTakenError(
            f"EXECLEDGER_QUERY_PORT: cannot listen on {host} port {port}: {error.strerror or error}"
        ) from error
    return listener


def _help(arguments: Sequence[str]) -> int:
    if list(arguments) in (["--help"], ["-h"]):
        sys.stdout.write(f"{_HELP}{described()}\n")
        return 0
    sys.stderr.write(f"python -m execledger_query takes no {arguments[0]}; --help lists the settings\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
