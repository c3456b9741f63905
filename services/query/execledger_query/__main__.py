"""The query service: `python -m execledger_query`, until SIGTERM."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

import structlog
from fastapi import FastAPI

from execledger_query.app import create_app
from execledger_query.server import Limits, Server
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
    with ExitStack() as opened:
        listener = opened.enter_context(listening(settings.query_host, settings.query_port, "EXECLEDGER_QUERY_PORT"))
        host, port = listener.getsockname()[:2]
        log.info("listening", host=host, port=port)
        metrics_listener = None
        if settings.query_metrics_port is not None:
            where = settings.query_host, settings.query_metrics_port
            metrics_listener = opened.enter_context(listening(*where, "EXECLEDGER_QUERY_METRICS_PORT"))
            log.info("listening", host=host, port=metrics_listener.getsockname()[1], serves="/metrics")
        app = create_app(settings, metrics_listener)
        limits = _limits(settings)
        end_streams = partial(_end_streams, app)
        Server(app, limits, settings.query_drain_seconds, end_streams).run(sockets=[listener])
    log.info("stopped")


def _end_streams(app: FastAPI) -> None:
    app.state.hub.close()
    app.state.endings.close()


def _limits(settings: Settings) -> Limits:
    return Limits(
        connections=settings.query_max_connections,
        head=settings.query_head_seconds,
        body=settings.query_body_seconds,
        idle=settings.query_idle_seconds,
        write=settings.query_write_seconds,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
