"""Who has an answer about one execution already is told so, and HEAD answers as GET does."""

from pathlib import Path

import httpx2
import pytest

from factories_query import SECRET, bearing, ledger, serving
from running import query

ANN, RITA = bearing("ann", "acme"), bearing("rita", "acme", "reader")
PARTS = ("", "/steps", "/events", "/explain", "/llm-calls", "/tool-calls", "/timeline", "/tree")


@pytest.fixture
async def recorded(database: str) -> str:
    async with ledger(database) as rows:
        execution = await rows.execution(owner_id="ann", external_id="run-1")
        await rows.event(execution)
        await rows.step(execution)
    return database


@pytest.mark.parametrize("part", PARTS)
async def test_what_a_client_has_is_not_sent_again(recorded: str, part: str) -> None:
    async with serving(recorded) as client:
        path = f"/v1/executions/run-1{part}"
        first = await client.get(path, headers=ANN)
        tag = first.headers["etag"]
        again = await client.get(path, headers={**ANN, "If-None-Match": f'"other", W/{tag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "execledger-lag-seconds" in again.headers or "cache-control" in again.headers
        assert (await client.get(path, headers={**ANN, "If-None-Match": '"other"'})).content == first.content
        assert (await client.get(path, headers={"If-None-Match": tag})).status_code == 401
        hidden = await client.get(path, headers={**bearing("ann", "umbra"), "If-None-Match": "*"})
        assert (hidden.status_code, hidden.headers.get("etag")) == (404, None)


async def test_whatever_changes_changes_the_tag(recorded: str) -> None:
    """Also what no event does: a price that is computed anew leaves the version as it was."""
    async with serving(recorded) as client, ledger(recorded) as rows:
        before = (await client.get("/v1/executions/run-1", headers=ANN)).headers["etag"]
        assert (await client.get("/v1/executions/run-1", headers=RITA)).headers["etag"] == before
        await rows.connection.execute("UPDATE execledger.executions SET cost_usd = 2")
        after = await client.get("/v1/executions/run-1", headers={**ANN, "If-None-Match": before})
        assert (after.status_code, after.json()["usage"]["cost_usd"]) == (200, "2")


async def test_a_list_has_no_tag(recorded: str) -> None:
    async with serving(recorded) as client:
        assert "etag" not in (await client.get("/v1/executions", headers=ANN)).headers


async def test_head_answers_as_get_does_without_a_body(recorded: str, tmp_path: Path) -> None:
    started = query(tmp_path, postgres_dsn=recorded, jwt_secret=SECRET)
    async with started as service, httpx2.AsyncClient(base_url=service.address, trust_env=False) as client:
        for path in (*(f"/v1/executions/run-1{part}" for part in PARTS), "/v1/executions", "/v1/executions/none"):
            got = await client.get(path, headers={**ANN, "Accept-Encoding": "identity"})
            head = await client.head(path, headers=ANN)
            assert (head.status_code, head.content) == (got.status_code, b"")
            for name in ("etag", "content-length", "content-type"):
                assert head.headers.get(name) == got.headers.get(name), (path, name)
            tag = got.headers.get("etag", '"none"')
            for ask in (client.head, client.get):  # also where it would be compressed
                known = await ask(path, headers={**ANN, "If-None-Match": tag})
                assert known.status_code == (304 if "etag" in got.headers else got.status_code)
        assert (await client.head("/v1/executions/run-1")).status_code == 401
