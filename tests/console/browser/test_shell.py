"""What stands around every view, and what holds of all of them."""

from typing import Any

import pytest
from playwright.async_api import Error, expect

from console.browser.conftest import Tab, below_a_prefix

VIEWS = ("/", "/executions/exec-1000", "/ledger", "/signin")
LOOKS: Any = [{"color_scheme": "light"}, {"color_scheme": "dark"}]


@pytest.mark.parametrize("tab", LOOKS, indirect=True, ids=["light", "dark"])
@pytest.mark.parametrize("path", VIEWS)
async def test_every_view_can_be_used_by_everybody(tab: Tab, path: str) -> None:
    page = await tab.open(path)
    await expect(page.locator("h1")).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    assert await tab.violations() == []


@pytest.mark.parametrize("tab", [{"viewport": {"width": 390, "height": 844}}], indirect=True, ids=["narrow"])
@pytest.mark.parametrize("path", VIEWS)
async def test_a_narrow_screen_need_not_be_moved_sideways(tab: Tab, path: str) -> None:
    page = await tab.open(path)
    await expect(page.locator("h1")).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    assert await page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("path", VIEWS)
async def test_a_view_takes_few_requests_and_few_elements(tab: Tab, path: str) -> None:
    page = await tab.open(path)
    await expect(page.locator("h1")).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    assert len(tab.asked()) < 8
    assert await page.evaluate("document.querySelectorAll('*').length") < 1500


async def test_the_policy_catches_markup_that_was_made_of_text(tab: Tab) -> None:
    tab.expected = "TrustedHTML"
    page = await tab.open()
    with pytest.raises(Error, match="TrustedHTML"):
        await page.evaluate("document.body.innerHTML = '<b>planted</b>'")
    assert await page.locator("b", has_text="planted").count() == 0


async def test_the_policy_catches_an_inline_style(tab: Tab) -> None:
    tab.expected = "inline style"
    page = await tab.open()
    await page.evaluate("document.body.setAttribute('style', 'color: rgb(1, 2, 3)')")
    assert await page.evaluate("getComputedStyle(document.body).color") != "rgb(1, 2, 3)"
    assert any("inline style" in said for said in tab.complaints)


async def test_the_token_of_a_link_does_not_stay_in_the_address(tab: Tab) -> None:
    page = await tab.open("/?status=failed")
    await expect(page.get_by_text("ann of default")).to_be_visible()
    assert page.url == f"{tab.site.address}/?status=failed"


async def test_a_proxy_may_serve_it_below_a_prefix(tab: Tab) -> None:
    async with below_a_prefix("/tools/execledger", tab.site) as tab.proxy:
        page = await tab.open("/")
        await page.locator("tbody a").first.click()
        await expect(page.locator(".facts h1")).to_be_visible()
        assert page.url.startswith(f"{tab.proxy}/executions/")
        await page.reload()
        await expect(page.locator(".facts h1")).to_be_visible()
        assert not [each for each in tab.requests if not each.startswith(tab.proxy)]
        await page.goto("about:blank")


async def test_times_are_in_the_zone_that_is_chosen_on_every_page(tab: Tab) -> None:
    page = await tab.open("/executions/exec-1000")
    shown = page.locator(".facts > span").filter(has_text=":")
    local = await shown.inner_text()
    await page.get_by_label("Time zone").select_option("UTC")
    await expect(shown).not_to_have_text(local)
    utc = await shown.inner_text()
    await page.reload()
    await expect(shown).to_have_text(utc)


async def test_a_theme_that_is_chosen_holds_after_a_reload(tab: Tab) -> None:
    page = await tab.open()
    await page.get_by_label("Theme").select_option("dark")
    ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    await page.reload()
    await expect(page.get_by_label("Theme")).to_have_value("dark")
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == ground == "rgb(20, 23, 26)"


async def test_it_says_how_fresh_it_is(tab: Tab) -> None:
    page = await tab.open()
    await expect(page.locator(".freshness")).to_contain_text("as of")


async def test_a_question_mark_shows_the_keys(tab: Tab) -> None:
    page = await tab.open()
    await expect(page.locator("tbody a").first).to_be_visible()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("next row")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
