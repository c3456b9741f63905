"""One browser for the session, and for each test a tab of its own that is asked afterwards what went wrong in it."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, Route, async_playwright

from conftest import Servers
from console_site import Site, shared_site
from factories_query import token

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_HOW: Final = "the console's tests need a browser: apt-get install -y --no-install-recommends chromium"


def _executable() -> str | None:
    return os.environ.get("EXECLEDGER_TEST_BROWSER") or next(filter(None, map(shutil.which, _NAMES)), None)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The system's."""
    if (executable := _executable()) is None:
        if os.environ.get("CI"):
            pytest.fail(_HOW)
        pytest.skip(_HOW)
    arguments = ["--no-sandbox"] if os.getuid() == 0 else []
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=executable, args=arguments)
        yield opened
        await opened.close()


@pytest.fixture(scope="session")
async def site(browser: Browser, servers: Servers, shared: Path) -> Site:
    """The services of this run, with the demo's data. Without a browser none are started."""
    return await asyncio.to_thread(shared_site, shared / "console", servers.bootstrap_servers, servers.postgres_dsn)


@dataclass(slots=True)
class Tab:
    """A tab in which the console is open."""

    page: Page
    site: Site
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    expected: str | None = None
    """What the browser may complain of, as a regular expression."""
    proxy: str | None = None
    """Where the site is reached, if not directly."""
    others: tuple[str, ...] = ()
    """Who else may be asked."""

    async def open(self, path: str = "/", *roles: str, subject: str = "ann", tenant: str = "default") -> Page:
        """Go there as somebody with these roles, by default with all."""
        said = token(subject, tenant, *(roles or ("reader", "payloads", "service")))
        await self.page.goto(f"{self.address}{path}#token={said}")
        return self.page

    @property
    def address(self) -> str:
        return self.proxy or self.site.address

    def asked(self, part: str = "/v1/") -> list[str]:
        """The requests so far that have this in their address."""
        return [each for each in self.requests if part in each]

    async def violations(self) -> list[str]:
        """What axe finds wrong, with an example of each."""
        found = (await Axe().run(self.page)).response["violations"]
        return [f"{each['id']}: {each['nodes'][0]['html']} {each['nodes'][0]['failureSummary']}" for each in found]


def _watch(tab: Tab) -> None:
    tab.page.on("request", lambda request: tab.requests.append(request.url))
    tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.page.on("console", lambda said: tab.complaints.extend(_complaint(said)))


def _complaint(said: ConsoleMessage) -> list[str]:
    return [f"{said.text} ({said.location['url']})"] if said.type in ("error", "warning") else []


@pytest.fixture
async def tab(browser: Browser, site: Site, request: pytest.FixtureRequest) -> AsyncIterator[Tab]:
    """An empty one; after the test it has complained of nothing and asked nobody but the service.

    What a test says by `indirect` parameters is what the browser is like: `color_scheme`, `viewport`, `timezone_id`.
    """
    like: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "timezone_id": "Europe/Berlin"}
    context = await browser.new_context(**like | getattr(request, "param", {}))
    opened = Tab(await context.new_page(), site)
    _watch(opened)
    yield opened
    await context.close()
    assert not [
        each for each in opened.requests if not each.startswith((opened.address, *opened.others, "data:", "blob:"))
    ]
    assert not [each for each in opened.complaints if not (opened.expected and re.search(opened.expected, each))]


async def answer_with(route: Route, status: int, problem: str, detail: str) -> None:
    """Let the service answer so, as far as the page can tell."""
    body = f'{{"type": "urn:execledger:problem:{problem}", "title": "", "status": {status}, "detail": "{detail}"}}'
    await route.fulfill(status=status, content_type="application/problem+json", body=body)


@asynccontextmanager
async def below_a_prefix(prefix: str, site: Site) -> AsyncIterator[str]:
    """The address of a proxy that serves the site below a prefix."""
    far = urlsplit(site.address)

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).replace(f" {prefix}/".encode(), b" /", 1)
        head = re.sub(rb"(?i)connection: keep-alive", b"Connection: close", head)
        far_reader, far_writer = await asyncio.open_connection(far.hostname, far.port)
        far_writer.write(head)
        while data := await far_reader.read(65_536):
            writer.write(data)
        far_writer.close()
        writer.close()

    server = await asyncio.start_server(join, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{prefix}"
    server.close()
