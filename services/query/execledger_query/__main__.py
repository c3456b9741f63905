"""The query service: `python -m execledger_query`, until SIGTERM."""

import signal
import sys
from collections.abc import Sequence
from types import FrameType

import structlog
import uvicorn

from execledger_query.app import create_app
from execledger_query.settings import Settings
from execledger_runtime.listener import PortTakenError, listening
from execledger_runtime.logs import configure_log
from execledger_runtime.process import run_service, warn_of_misspelt

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def main(arguments: Sequence[str] = ()) -> int:
    """Serve until SIGTERM. Exit status 2: a setting is wrong. 1: the port is taken. Else 0."""
    purpose = "Serves executions over HTTP until SIGTERM."
    return run_service("execledger_query", purpose, Settings, _run, arguments)


def _run(settings: Settings) -> int:
    configure_log(level=settings.log_level)
    warn_of_misspelt(Settings)
    try:
        _serve(settings)
    except PortTakenError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT, then let open requests end. Raises PortTakenError."""
    with listening(settings.query_host, settings.query_port, "EXECLEDGER_QUERY_PORT") as listener:
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
