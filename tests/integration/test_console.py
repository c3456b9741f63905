"""The console's pages and files, as the service sends them."""

import re

import httpx2
import pytest

from execledger_query.app import create_app
from execledger_query.console.routes import VIEWS
from factories_query import serving, settings_of

PAGES = tuple(path.replace("{id}", "run-1") for path in VIEWS)


def links(page: httpx2.Response) -> list[str]:
    """What it loads."""
    return re.findall(r'(?:src|href)="([^"]+)"', page.text)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_answered_without_a_token(client: httpx2.AsyncClient, path: str) -> None:
    page = await client.get(path)
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    head = await client.head(path)
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(page.content)))


@pytest.mark.parametrize("path", PAGES)
async def test_all_that_a_page_loads_is_there_and_may_be_kept_for_ever(client: httpx2.AsyncClient, path: str) -> None:
    page = await client.get(path)
    loaded = [page.url.join(link) for link in links(page)]
    assert len(loaded) > 20
    for address in loaded:
        asset = await client.get(address)
        assert asset.status_code == 200, address
        assert asset.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert asset.headers["X-Content-Type-Options"] == "nosniff"


async def test_pages_lead_nowhere_but_below_themselves(client: httpx2.AsyncClient) -> None:
    for path in PAGES:
        page = await client.get(path)
        up = "../" * (path.count("/") - 1) or "./"
        assert {link.partition("console/")[0] for link in links(page)} == {up}


async def test_a_file_is_sent_compressed_to_who_takes_that(client: httpx2.AsyncClient) -> None:
    page = await client.get("/")
    script = page.url.join(next(link for link in links(page) if link.endswith("main.js")))
    plain = await client.get(script, headers={"Accept-Encoding": "identity"})
    packed = await client.get(script, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert plain.content == packed.content
    assert plain.headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    ["/console/0000/main.js", "/console/VERSION/../app.py", "/console/VERSION/api.d.ts", "/console/", "/nowhere"],
)
async def test_what_is_no_file_of_this_version_is_not_there(client: httpx2.AsyncClient, path: str) -> None:
    version = links(await client.get("/"))[0].split("/")[2]
    answer = await client.get(path.replace("VERSION", version))
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:execledger:problem:not-found")


async def test_the_policy_lets_nothing_in_from_elsewhere(client: httpx2.AsyncClient) -> None:
    headers = (await client.get("/")).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    )
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert (headers["Referrer-Policy"], headers["Cross-Origin-Opener-Policy"]) == ("no-referrer", "same-origin")


async def test_a_provider_is_told_to_the_page_and_may_be_asked(database: str) -> None:
    provider = {"oidc_issuer": "https://id.example/realms/a", "oidc_client_id": 'the "console"'}
    async with serving(database, **provider) as client:
        page = await client.get("/signin")
    assert "connect-src 'self' https://id.example;" in page.headers["Content-Security-Policy"]
    assert '<meta name="oidc-issuer" content="https://id.example/realms/a">' in page.text
    assert '<meta name="oidc-client-id" content="the &quot;console&quot;">' in page.text
    assert '<meta name="oidc-scope" content="openid">' in page.text


def test_the_document_of_the_api_says_nothing_of_it() -> None:
    app = create_app(settings_of("postgresql://nowhere/"))
    assert not [path for path in app.openapi()["paths"] if path in VIEWS or path.startswith("/console")]
