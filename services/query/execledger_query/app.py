"""The application: routes, problems, and what they work with while it runs."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import structlog
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from execledger_publisher.cancelling import cancel
from execledger_query import problems
from execledger_query.analytics import analytics, registry
from execledger_query.auth import authenticator
from execledger_query.compression import Compressed
from execledger_query.conditional import Conditional
from execledger_query.console.routes import SignIn, console
from execledger_query.cors import let_pages_ask
from execledger_query.document import complete
from execledger_query.edge import Edge
from execledger_query.execution.cancelling import acting
from execledger_query.execution.endings import Endings
from execledger_query.execution.routes import of_execution
from execledger_query.figures import ExecutionFigures, keep_fresh
from execledger_query.freshness import Freshness
from execledger_query.ledger_routes import accounts
from execledger_query.live.hub import Hub, StreamLimits
from execledger_query.live.routes import live
from execledger_query.refusals import say_refusals
from execledger_query.routes import operations, v1
from execledger_query.service import Services
from execledger_query.settings import Settings
from execledger_query.shares import Allowance, Shares
from execledger_query.signing import Signing
from execledger_query.store import Options, Store
from execledger_query.telemetry import PoolFigures, lag_seconds, open_streams, registry_of, request_seconds
from execledger_query.turns import InTurns
from execledger_query.workflow_runs import workflow_runs
from execledger_runtime.build import build_info
from execledger_runtime.listener import Answer, Kept, answering

_EXPLAINING_AT_ONCE = 2
_METRICS_CONNECTIONS = 50
_METRICS_SECONDS = 10.0

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The framework knows one media type per route, problems have their own; and it adds a status of its own."""
        if self.openapi_schema is None:
            for path in super().openapi()["paths"].values():
                for operation in path.values():
                    _as_answered(operation["responses"])
            complete(super().openapi())
            _list_with_fields(super().openapi()["components"]["schemas"])
        return super().openapi()


def _as_answered(responses: dict[str, Any]) -> None:
    responses.pop("422", None)  # what is wrong with a parameter is a 400 here
    for response in responses.values():
        content = response.get("content", {})
        if content.get("application/json", {}).get("schema", {}).get("$ref", "").endswith("/Problem"):
            response["content"] = {problems.MEDIA_TYPE: content["application/json"]}


def _list_with_fields(schemas: dict[str, Any]) -> None:
    """A list shows the members that `fields` asks for: of its items none is required."""
    listed = {name: said for name, said in schemas["Execution"].items() if name != "required"}
    schemas["ListedExecution"] = {**listed, "title": "ListedExecution"}
    schemas["ExecutionPage"]["properties"]["items"]["items"] = {"$ref": "#/components/schemas/ListedExecution"}


def create_api() -> FastAPI:
    """The routes and their document, with nothing behind them."""
    api = _Api(
        title="Execledger",
        summary="The system of record for workflow and agent executions.",
        version="1",
        docs_url=None,  # they load their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    api.include_router(v1)
    api.include_router(of_execution)
    api.include_router(acting)
    api.include_router(live)
    api.include_router(analytics)
    api.include_router(registry)
    api.include_router(workflow_runs)
    api.include_router(accounts)
    api.include_router(operations)
    say_refusals(api)
    return api


def create_app(settings: Settings, metrics_listener: socket.socket | None = None) -> FastAPI:
    """The service, which opens what it needs when it starts and closes it when it stops.

    Metrics are served on their listener, if there is one.
    """
    app = create_api()
    app.include_router(console(_sign_in(settings)))
    app.router.lifespan_context = lambda served: _running(served, settings, metrics_listener)
    app.add_middleware(InTurns)
    app.add_middleware(Conditional)
    app.add_middleware(Compressed)
    if settings.query_cors_origins:
        let_pages_ask(app, settings.cors_origins)
    app.add_middleware(Edge, max_body_bytes=settings.query_max_body_bytes, only_local_names=settings.insecure_anonymous)
    return app


@asynccontextmanager
async def _running(app: FastAPI, settings: Settings, metrics_listener: socket.socket | None) -> AsyncIterator[None]:
    _warn_of_any_token(settings)
    async with (
        Store.open(_options(settings)) as primary,
        _reading_from(settings, primary) as store,
        Hub.open(primary, _stream_limits(settings)) as hub,
        Endings.open(primary) as endings,
        # It reads the certificates of the world: only where something is fetched.
        httpx2.AsyncClient(trust_env=False, verify=settings.jwks_url is not None) as client,
    ):
        figures = ExecutionFigures()
        registry = registry_of(figures, PoolFigures(store))
        open_streams(registry, lambda: hub.streams)
        app.state.hub, app.state.endings = hub, endings
        app.state.request_seconds = request_seconds(registry)
        freshness = Freshness(store, settings.topics)
        lag_seconds(registry, lambda: freshness.last)
        build_info(registry, "query")
        app.state.services = Services(
            store,
            primary,
            authenticator(settings, client),
            freshness,
            registry,
            Shares(_allowance(settings)),
            settings.serves_metrics,
            settings.query_page_bytes,
            Signing(primary, None if settings.cursor_secret is None else settings.cursor_secret.get_secret_value()),
            asyncio.Semaphore(_EXPLAINING_AT_ONCE),
        )
        figures_kept = keep_fresh(
            store,
            figures,
            interval=settings.metrics_interval_seconds,
            longest=settings.metrics_timeout_seconds,
            top_workflows=settings.metrics_top_workflows,
        )
        looking = [asyncio.create_task(each) for each in (freshness.keep(), figures_kept)]
        try:
            async with _showing_metrics(metrics_listener, registry):
                yield
        finally:
            await cancel(looking)


@asynccontextmanager
async def _reading_from(settings: Settings, primary: Store) -> AsyncIterator[Store]:
    """The replica, if there is one."""
    if settings.query_replica_dsn is None:
        yield primary
        return
    dsn = settings.query_replica_dsn.get_secret_value()
    async with Store.open(replace(_options(settings), dsn=dsn, setting="EXECLEDGER_QUERY_REPLICA_DSN")) as replica:
        yield replica


@asynccontextmanager
async def _showing_metrics(listener: socket.socket | None, registry: CollectorRegistry) -> AsyncIterator[None]:
    """Serve them on a listener of their own while the block lasts."""
    if listener is None:
        yield
        return
    show = Kept(lambda: Answer(generate_latest(registry), media_type=CONTENT_TYPE_LATEST))
    async with answering(listener, {"/metrics": show}, most=_METRICS_CONNECTIONS, seconds=_METRICS_SECONDS):
        yield


def _warn_of_any_token(settings: Settings) -> None:
    """An issuer makes tokens for others, too: without these two every one of them counts here."""
    if settings.jwt_secret or settings.jwks_url:
        for name in ("jwt_audience", "jwt_issuer"):
            if getattr(settings, name) is None:
                log.warning("tokens_of_any", claim=name.removeprefix("jwt_"), setting=f"EXECLEDGER_{name.upper()}")


def _options(settings: Settings) -> Options:
    return Options(
        dsn=settings.postgres_dsn.get_secret_value(),
        pool_size=settings.query_pool_size,
        pool_timeout=settings.query_pool_timeout_seconds,
        connect_timeout=settings.query_connect_timeout_seconds,
        statement_timeout=settings.query_statement_timeout_seconds,
    )


def _sign_in(settings: Settings) -> SignIn | None:
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    return SignIn(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_scope)


def _stream_limits(settings: Settings) -> StreamLimits:
    return StreamLimits(settings.query_subject_streams, settings.query_streams, settings.query_stream_bytes)


def _allowance(settings: Settings) -> Allowance:
    return Allowance(
        at_once=settings.query_subject_requests,
        a_second=settings.query_subject_requests_per_second,
        wait_seconds=settings.query_pool_timeout_seconds,
    )
