"""Signing in: with a token, or at an OpenID provider; and what those see who are not."""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Page, expect

from console.browser.conftest import Tab
from factories_query import SECRET, token
from running import query

ROWS: Final = ".list tbody tr"


async def sign_in(page: Page, said: str) -> None:
    await page.get_by_label("Token").fill(said)
    await page.locator("form").get_by_role("button", name="Sign in").click()


async def test_who_is_not_signed_in_is_led_to_it_and_back_again(tab: Tab) -> None:
    tab.expected = "status of 401"
    page = tab.page
    await page.goto(f"{tab.site.address}/?status=failed")
    await page.locator(".list").get_by_role("link", name="Sign in").click()
    await sign_in(page, token("ann", "default", "reader"))
    await expect(page.locator(ROWS).first).to_contain_text("failed")
    assert page.url == f"{tab.site.address}/?status=failed"
    assert tab.asked("/v1/stream")


@pytest.mark.parametrize("said", ["nonsense", "a.b.c"])
async def test_what_is_no_token_is_said_to_be_none(tab: Tab, said: str) -> None:
    await tab.page.goto(f"{tab.site.address}/signin")
    await sign_in(tab.page, said)
    await expect(tab.page.locator("#token-wrong")).to_contain_text("this is no token")
    await expect(tab.page.get_by_label("Token")).to_be_focused()


async def test_a_token_that_has_expired_is_said_in_place(tab: Tab) -> None:
    tab.expected = "status of 401"
    page = tab.page
    await page.goto(f"{tab.site.address}/#token={token('ann', 'default', 'reader', exp=1)}")
    problem = page.locator(".list [data-problem=unauthenticated]")
    await expect(problem).to_contain_text("the token has expired")
    await expect(problem.get_by_role("link", name="Sign in")).to_be_visible()


async def test_a_new_tab_is_signed_in_by_another_and_all_are_signed_out_at_once(tab: Tab) -> None:
    tab.expected = "status of 401"
    page = await tab.open("/")
    other = await page.context.new_page()
    await other.goto(f"{tab.site.address}/")
    await expect(other.get_by_text("ann of default")).to_be_visible()
    await other.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    third = await page.context.new_page()
    await third.goto(f"{tab.site.address}/")
    await expect(third.locator(".list [data-problem=unauthenticated]")).to_be_visible()


async def test_the_token_is_kept_for_the_tab_alone(tab: Tab) -> None:
    page = await tab.open("/")
    await expect(page.get_by_text("ann of default")).to_be_visible()
    kept = await page.evaluate("[JSON.stringify(localStorage), document.cookie, JSON.stringify(sessionStorage)]")
    assert "eyJ" not in kept[0]
    assert kept[1] == ""
    assert "eyJ" in kept[2]


async def test_an_owner_sees_their_own_executions_alone(tab: Tab) -> None:
    page = await tab.open("/", "owner", subject="nobody-in-particular")
    await expect(page.get_by_text("No execution fits.")).to_be_visible()


class Provider:
    """An OpenID provider that lets everybody in as ann, if they keep to the protocol."""

    def __init__(self) -> None:
        self.address = ""
        self.asked: list[dict[str, str]] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split(" ", 2)
        size = next(
            (line.split(":")[1] for line in head.splitlines() if line.lower().startswith("content-length")), "0"
        )
        body = (await reader.readexactly(int(size))).decode()
        writer.write(self._said(method, urlsplit(target), body))
        await writer.drain()
        writer.close()

    def _said(self, method: str, target: object, body: str) -> bytes:
        path, search = target.path, target.query  # type: ignore[attr-defined]  # urlsplit's result has no public name
        given = {name: values[0] for name, values in parse_qs(search or body).items()}
        if path.endswith("/.well-known/openid-configuration"):
            places = {"authorization_endpoint": f"{self.address}/enter", "token_endpoint": f"{self.address}/token"}
            return _reply("200 OK", json.dumps(places))
        self.asked.append(given)
        if path == "/enter":
            return _reply("302 Found", "", f"Location: {given['redirect_uri']}?code=secret&state={given['state']}\r\n")
        digest = sha256(given["code_verifier"].encode()).digest()
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        if method != "POST" or given["code"] != "secret" or challenge != self.asked[0]["code_challenge"]:
            return _reply("400 Bad Request", '{"error": "invalid_grant"}')
        return _reply("200 OK", json.dumps({"access_token": token("ann", "default", "reader"), "token_type": "Bearer"}))


def _reply(status: str, body: str, headers: str = "") -> bytes:
    always = f"Access-Control-Allow-Origin: *\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{always}{headers}\r\n{body}".encode()


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    opened = Provider()
    server = await asyncio.start_server(opened.answer, "127.0.0.1", 0)
    opened.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield opened
    server.close()


async def test_somebody_signs_in_at_a_provider_and_comes_back(tab: Tab, tmp_path: Path) -> None:
    async with provider() as at:
        settings: dict[str, Any] = {
            "postgres_dsn": tab.site.dsn,
            "events_topic": tab.site.events_topic,
            "jwt_secret": SECRET,
            "oidc_issuer": at.address,
            "oidc_client_id": "console",
        }
        async with query(tmp_path, **settings) as service:
            tab.proxy, tab.expected, tab.others = service.address, "status of 401", (at.address,)
            page = tab.page
            await page.goto(f"{service.address}/?status=failed")
            await page.locator(".list").get_by_role("link", name="Sign in").click()
            await page.get_by_role("button", name="Sign in at your organisation").click()
            await expect(page.get_by_text("ann of default")).to_be_visible()
            await expect(page.locator(ROWS).first).to_contain_text("failed")
            assert page.url == f"{service.address}/?status=failed"
            assert at.asked[0]["code_challenge_method"] == "S256"
            assert at.asked[1]["redirect_uri"] == f"{service.address}/signin"
            await page.goto(f"{service.address}/signin?code=stolen&state=guessed")
            await expect(page.get_by_role("alert").first).to_contain_text("belongs to no sign-in of this tab")
            await page.goto("about:blank")
