"""What holds of every answer: its headers, its form, what the log says of it, and how it says what is wrong."""

import gzip
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx2
import pytest
from structlog.testing import capture_logs

from execledger_query import openapi
from execledger_query.service import WHO_ASKED
from factories_query import Ledger, bearing, ledger, serving

ANN = bearing("ann", "acme")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PAGE = "https://console.example"


@pytest.fixture
async def rows(database: str) -> AsyncIterator[Ledger]:
    async with ledger(database) as opened:
        yield opened


@pytest.fixture
async def client(database: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(database, query_cors_origins=f"{PAGE}, http://localhost:3000") as opened:
        yield opened


@pytest.mark.usefixtures("rows")
async def test_a_request_is_found_again_by_its_id_its_trace_and_who_asked(client: httpx2.AsyncClient) -> None:
    with capture_logs() as said:
        answer = await client.get("/v1/executions", headers={**ANN, "X-Request-Id": "a-1", "traceparent": TRACE})
        await client.get("/v1/executions", headers={"X-Request-Id": "spaces are none", "traceparent": "00-0-0-00"})
    assert (answer.headers["x-request-id"], answer.headers["traceparent"]) == ("a-1", TRACE)
    first, second = [line for line in said if line["event"] == "request"]
    assert (first["request_id"], first["trace_id"]) == ("a-1", TRACE.split("-")[1])
    assert (first["subject"], first["tenant"]) == ("ann", "acme")
    assert len(second["request_id"]) == 36
    assert not {"trace_id", "subject"} & second.keys()
    assert WHO_ASKED not in second


async def test_answers_are_compressed_for_who_takes_that_and_have_a_tag_of_their_own(
    rows: Ledger, client: httpx2.AsyncClient
) -> None:
    for number in range(200):
        await rows.execution(external_id=f"run-{number}", owner_id="ann", query="q" * 900)
    plain = {**ANN, "Accept-Encoding": "identity"}
    packed = {**ANN, "Accept-Encoding": "gzip"}
    for path in ("/v1/executions?limit=200", "/v1/executions?limit=2", "/v1/executions/run-1"):
        whole = await client.get(path, headers=plain)
        async with client.stream("GET", path, headers=packed) as answer:
            raw = b"".join([piece async for piece in answer.aiter_raw()])
        assert answer.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in whole.headers
        assert "Accept-Encoding" in whole.headers["vary"]
        assert gzip.decompress(raw) == whole.content
        assert len(raw) < len(whole.content) / 2
    tag = answer.headers["etag"]
    assert tag == whole.headers["etag"][:-1] + '-gzip"'
    for who in (packed, plain):
        again = await client.get(path, headers={**who, "If-None-Match": tag})
        assert (again.status_code, again.headers["etag"], again.content) == (304, tag, b"")
    little = await client.get("/healthz", headers=packed)
    assert "content-encoding" not in little.headers


@pytest.mark.usefixtures("rows")
async def test_pages_of_the_origins_that_are_set_may_ask(client: httpx2.AsyncClient) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,idempotency-key"}
    before = await client.options("/v1/executions/a/cancel", headers={"Origin": PAGE, **asks})
    assert (before.status_code, before.headers["access-control-allow-origin"]) == (200, PAGE)
    answer = await client.get("/v1/executions", headers={**ANN, "Origin": PAGE})
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "execledger-lag-seconds" in answer.headers["access-control-expose-headers"].lower()
    stranger = await client.get("/v1/executions", headers={**ANN, "Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers


@pytest.mark.parametrize(
    ("asks", "refused"),
    [
        ({"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}, "origin"),
        ({"Origin": PAGE, "Access-Control-Request-Method": "DELETE"}, "method"),
        (
            {"Origin": PAGE, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "cookie2"},
            "headers",
        ),
    ],
)
@pytest.mark.usefixtures("rows")
async def test_a_page_that_may_not_ask_is_told_so_in_the_one_form(
    client: httpx2.AsyncClient, asks: dict[str, str], refused: str
) -> None:
    answer = await client.options("/v1/executions", headers=asks)
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert answer.headers.get("access-control-allow-origin") == (PAGE if refused != "origin" else None)
    assert (answer.json()["type"], refused in answer.json()["detail"]) == ("urn:execledger:problem:forbidden", True)
    assert "Origin" in answer.headers["vary"]


async def test_no_page_may_ask_where_none_is_set(database: str) -> None:
    async with serving(database) as client:
        answer = await client.get("/v1/executions", headers={**ANN, "Origin": PAGE})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("GET", "/v1/executions/", 404),
        ("POST", "/v1/executions", 405),
        ("DELETE", "/v1/executions/run-1", 405),
        ("GET", "/v1/executions/run-1/cancel", 405),
        ("GET", "/v1/executions/nobody", 404),
        ("GET", "/v1/executions?limit=0", 400),
        ("GET", "/v1/dead-letters/none", 400),
    ],
)
@pytest.mark.usefixtures("rows")
async def test_whatever_is_refused_says_so_in_the_one_form(
    client: httpx2.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path, headers=bearing("root", "acme", "admin"))
    said: dict[str, Any] = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (said["status"], said["type"].startswith("urn:execledger:problem:")) == (status, True)
    assert said["title"]
    assert said["detail"]
    assert "x-request-id" in answer.headers
    assert status != 405 or answer.headers["allow"]


@pytest.mark.usefixtures("rows")
async def test_every_parameter_that_is_wrong_is_named_at_once_and_an_unknown_one_hears_of_those_there_are(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.get("/v1/executions?limit=0&started_after=x&lmit=5&status=odd", headers=ANN)
    told = {each["parameter"]: each["detail"] for each in answer.json()["errors"]}
    assert set(told) == {"limit", "started_after", "lmit", "status"}
    assert {"limit", "cursor", "status", "workflow_id", "include"} <= set(told["lmit"].replace(",", "").split())
    other = await client.get("/v1/ledger?x=1", headers=bearing("sam", "acme", "service"))
    assert "none" in other.json()["errors"][0]["detail"]
    assert json.loads(other.content)["title"] == "Invalid parameter"


async def test_the_document_can_be_read_without_anything_from_elsewhere(database: str) -> None:
    async with serving(database) as client:
        page = await client.get("/docs")
        document = (await client.get("/openapi.json")).json()
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert not re.search(r"<script|https?://|@import|url\(", page.text.replace("https://console.example", ""))
    for path, operations in document["paths"].items():
        assert all(f"{method.upper()} {path}</h3>" in page.text for method in operations)
    for name in document["components"]["schemas"]:
        assert f'id="shape-{name}"' in page.text


@pytest.mark.usefixtures("rows")
async def test_what_tokens_show_is_kept_by_nobody_else(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/executions", headers=ANN)
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "Authorization" in answer.headers["vary"]
    assert (await client.get("/healthz")).headers["cache-control"] == "no-store"


async def test_a_parameter_that_there_is_not_is_answered_by_those_that_the_document_has(
    client: httpx2.AsyncClient,
) -> None:
    asked = 0
    for path, operations in openapi.document()["paths"].items():
        for method, operation in operations.items():
            there_are = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
            where = re.sub(r"{.*?}", str(UUID(int=7)), path)
            answer = await client.request(method, where, params={"nonsense": 1}, headers=ANN)
            if answer.status_code == 400:
                said = {each["parameter"]: each["detail"] for each in answer.json()["errors"] if "parameter" in each}
                if "nonsense" in said:
                    asked += 1
                    assert said["nonsense"] == f"there is none of that name, but {', '.join(there_are) or 'none'}", path
    assert asked > 20
