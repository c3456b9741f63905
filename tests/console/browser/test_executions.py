"""The list of executions: narrowed, sorted, searched, followed, and said in the address."""

import asyncio
import re
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from playwright.async_api import Locator, Page, expect

from console.browser.conftest import Tab, answer_with
from execledger_publisher import Workflow
from factories_query import token
from running import eventually

FILTERS: Final = {
    "workflow_id": "w",
    "workflow_version": "2",
    "owner_id": "ann",
    "session_id": "s",
    "external_id": "run-1",
    "tenant_id": "default",
    "error_type": "LookupError",
    "started_after": "2026-01-02T03:04:05",
    "started_before": "2026-01-03T03:04:05",
    "duration_ms_gte": "5 s",
    "duration_ms_lte": "2 min",
    "cost_usd_gte": "0.5",
    "tag": "nightly\neu",
    "label": "venture=v=7",
    "mode": "fast",
    "trigger": "scheduled",
    "parent": "above",
    "root": "top",
    "has_children": "true",
    "paused": "false",
    "waiting_for": "approval",
    "killed_by_budget": "true",
}
ASKED: Final = {
    **FILTERS,
    "started_after": "2026-01-02T02:04:05.000Z",
    "started_before": "2026-01-03T02:04:05.000Z",
    "duration_ms_gte": "5000",
    "duration_ms_lte": "120000",
}


def rows(page: Page) -> Locator:
    return page.locator(".content > .table tbody tr")


async def settled(page: Page) -> None:
    """Wait until what was asked for is shown."""
    await expect(page.locator("h1")).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)


def last_list(tab: Tab) -> dict[str, str]:
    """What the list was asked for last; of a parameter that is repeated, its values in lines."""
    said: dict[str, str] = {}
    for name, value in parse_qsl(urlsplit(tab.asked("/v1/executions?")[-1]).query):
        said[name] = f"{said[name]}\n{value}" if name in said else value
    return said


async def asked(tab: Tab, path: str, **query: Any) -> Any:
    """What the API says to the same reader."""
    headers = {"Authorization": f"Bearer {token('ann', 'default', 'reader', 'payloads', 'service')}"}
    async with httpx2.AsyncClient(base_url=tab.site.address, headers=headers, timeout=60) as client:
        answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_every_filter_of_the_api_is_a_field_and_stands_in_the_address(tab: Tab) -> None:
    document = await asked(tab, "/openapi.json")
    parameters = {
        each["name"] for each in document["paths"]["/v1/stream"]["get"]["parameters"] if each["in"] == "query"
    }
    assert parameters - {"include", "fields", "limit"} == {*FILTERS, "status", "q"}
    page = await tab.open()
    await settled(page)
    await page.keyboard.press("f")
    for name, value in FILTERS.items():
        field = page.locator(f"#filter-{name}")
        if await field.evaluate("field => field.localName") == "select":
            await field.select_option(value)
        else:
            await field.fill(value)
    await page.get_by_role("button", name="Apply").click()
    await settled(page)
    for _ in range(2):
        assert {name: value for name, value in last_list(tab).items() if name in FILTERS} == ASKED
        await page.reload()
        await settled(page)
        shown = {name: await page.locator(f"#filter-{name}").input_value() for name in FILTERS}
        assert shown == {**FILTERS, "duration_ms_gte": "5.0 s", "duration_ms_lte": "2 min 00 s"}
    await page.get_by_role("button", name="Filters (23)").click()
    await page.get_by_role("button", name="Apply").click()
    await settled(page)
    assert {name: value for name, value in last_list(tab).items() if name in FILTERS} == ASKED


async def test_a_filter_is_taken_away_and_back_brings_it_again(tab: Tab) -> None:
    page = await tab.open("/?label.team=none&status=failed")
    await expect(page.get_by_text("No execution fits.")).to_be_visible()
    await page.get_by_role("link", name="Remove the filter label.team").click()
    await expect(rows(page).first).to_contain_text("failed")
    assert urlsplit(page.url).query == "status=failed"
    await page.get_by_role("button", name="failed").click()
    await expect(page.get_by_role("button", name="failed")).to_have_attribute("aria-pressed", "false")
    await page.go_back()
    await page.go_back()
    await expect(page.get_by_text("No execution fits.")).to_be_visible()


async def test_what_is_wrong_in_an_address_is_said_in_place_and_taken_away_there(tab: Tab) -> None:
    tab.expected = "status of 400"
    page = await tab.open("/?started_after=soon&colour=red&status=failed")
    problem = page.locator(".problem").filter(visible=True)
    await expect(problem).to_have_count(1)
    await expect(problem).to_contain_text("colour")
    await problem.get_by_role("button", name="Remove colour").click()
    await expect(problem).to_contain_text("started_after")
    await problem.get_by_role("button", name="Remove started_after").click()
    await expect(rows(page).first).to_contain_text("failed")
    await expect(page.locator("[data-problem]")).to_have_count(0)


async def test_a_page_of_fifty_is_one_request_and_says_what_it_leaves_out(tab: Tab) -> None:
    page = await tab.open()
    await settled(page)
    await expect(rows(page)).to_have_count(50)
    assert len(tab.asked("/v1/executions?")) == 1
    total = (await asked(tab, "/v1/executions", total=True, limit=1))["total"]
    await expect(page.locator(".foot")).to_contain_text(f"50 executions of {total:,}.")
    first = await rows(page).first.inner_text()
    await page.get_by_role("link", name="Next page").click()
    await expect(page.get_by_role("link", name="First page")).to_be_visible()
    await expect(rows(page).first).not_to_have_text(first)
    await page.reload()
    await expect(page.get_by_role("link", name="First page")).to_be_visible()
    await expect(rows(page)).to_have_count(50)


async def test_the_next_page_of_what_counts_from_now_is_of_the_same_list(tab: Tab) -> None:
    page = await tab.open("/?since=30d")
    await page.get_by_role("link", name="Next page").click()
    await expect(page.get_by_role("link", name="First page")).to_be_visible()
    await settled(page)
    await expect(page.locator("[data-problem]")).to_have_count(0)


async def test_it_sorts_by_a_column(tab: Tab) -> None:
    page = await tab.open()
    await page.get_by_role("button", name="Cost").click()
    await expect(page.get_by_role("columnheader", name="Cost")).to_have_attribute("aria-sort", "descending")
    await settled(page)
    costliest = (await asked(tab, "/v1/executions", sort="-cost_usd", limit=1))["items"][0]
    await expect(rows(page).first).to_contain_text(costliest["external_id"])
    await expect(page.locator(".foot")).to_contain_text("left out")
    await page.get_by_role("button", name="Cost").click()
    await expect(page.get_by_role("columnheader", name="Cost")).to_have_attribute("aria-sort", "ascending")
    assert last_list(tab)["sort"] == "cost_usd"


async def test_it_searches_words(tab: Tab) -> None:
    page = await tab.open()
    await settled(page)
    await page.keyboard.press("/")
    await page.keyboard.type("article")
    await page.keyboard.press("Enter")
    await expect(rows(page).first).to_contain_text("Article")
    assert urlsplit(page.url).query == "q=article"
    await page.get_by_label("Words in query").fill(tab.site.example("failed_in_loop"))
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Look for the execution with the id").click()
    await expect(rows(page)).to_have_count(1)


async def test_columns_are_chosen_and_sent_along_with_the_address(tab: Tab) -> None:
    page = await tab.open()
    await settled(page)
    await page.locator("summary", has_text="Columns").click()
    await page.get_by_role("checkbox", name="Tokens").check()
    await page.get_by_role("checkbox", name="Owner").uncheck()
    heads = page.locator(".content > .table thead th")
    await expect(heads.filter(has_text="Tokens")).to_have_count(1)
    await expect(heads.filter(has_text="Owner")).to_have_count(0)
    await page.goto(f"{tab.site.address}/?cols=query,status,nonsense")
    await expect(heads).to_have_text(["Query", "Status"])
    await page.goto(f"{tab.site.address}/")
    await expect(heads.filter(has_text="Tokens")).to_have_count(1)


async def test_whoever_drags_over_the_bars_narrows_the_list_to_their_time(tab: Tab) -> None:
    page = await tab.open()
    await settled(page)
    drawing = page.locator(".drawing")
    bar = await drawing.locator("g").first.bounding_box()
    box = await drawing.bounding_box()
    assert bar
    assert box
    await page.mouse.move(bar["x"] + 2, box["y"] + 30)
    await page.mouse.down()
    await page.mouse.move(bar["x"] + bar["width"] - 2, box["y"] + 40, steps=3)
    await page.mouse.up()
    await expect(page.locator(".chips")).to_contain_text("Started at or after")
    await settled(page)
    said = last_list(tab)
    told = await asked(tab, "/v1/executions", started_after=said["started_after"], limit=1, total=True)
    assert told["total"] > 0
    counted = re.match(r"([\d,]+)", await page.locator("figcaption").inner_text())
    assert counted
    if "started_before" not in said:
        assert int(counted[1].replace(",", "")) >= told["total"]  # those that have not started are counted by creation


async def test_the_counts_are_told_as_a_table_too_and_add_up(tab: Tab) -> None:
    page = await tab.open()
    await settled(page)
    await page.locator("summary", has_text="As a table").click()
    cells = await page.locator(".figures td").all_inner_texts()
    numbers = await page.locator(".statuses .number").all_inner_texts()
    total = (await asked(tab, "/v1/executions", total=True, limit=1))["total"]
    assert sum(map(_number, cells)) == sum(map(_number, numbers)) == total


def _number(text: str) -> int:
    return int(text.replace(",", ""))


async def test_a_list_is_saved_as_a_link(tab: Tab) -> None:
    page = await tab.open("/?status=failed&sort=-cost_usd")
    await settled(page)
    await page.locator("summary", has_text="Saved lists").click()
    await page.get_by_label("Name for this list").fill("costly failures")
    await page.get_by_role("button", name="Save").click()
    await page.goto(f"{tab.site.address}/")
    await page.locator("summary", has_text="Saved lists").click()
    link = page.get_by_role("link", name="costly failures")
    assert await link.get_attribute("href") == "/?status=failed&sort=-cost_usd"
    await link.click()
    await expect(page.get_by_role("button", name="failed")).to_have_attribute("aria-pressed", "true")
    await page.locator("summary", has_text="Saved lists").click()
    await page.get_by_role("button", name="Forget costly failures").click()
    await expect(link).to_have_count(0)


async def test_keys_walk_the_rows_and_back_returns_to_the_same_place(tab: Tab) -> None:
    page = await tab.open()
    await settled(page)
    for key in ("j",) * 30 + ("k",):
        await page.keyboard.press(key)
    focused = await page.evaluate("document.activeElement.textContent")
    assert focused in await rows(page).nth(28).inner_text()
    scrolled = await page.evaluate("scrollY")
    assert scrolled > 0
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text(focused)
    await page.go_back()
    await expect(rows(page)).to_have_count(50)
    await eventually(lambda: page.evaluate(f"Math.abs(scrollY - {scrolled}) < 5"))


async def test_a_row_changes_where_it_is_and_what_is_new_waits_to_be_shown(tab: Tab) -> None:
    page = await tab.open("/?workflow_id=live-rows")
    async with tab.site.publisher() as publisher:
        async with publisher.execution(workflow=Workflow(id="live-rows", name="Live rows")) as first:
            await expect(rows(page)).to_have_count(1, timeout=30_000)  # nothing was there to read: it is shown at once
            await expect(rows(page).first).to_contain_text("running")
            async with publisher.execution(workflow=Workflow(id="live-rows", name="Live rows")) as second:
                await expect(page.get_by_role("button", name="1 new")).to_be_visible(timeout=30_000)
                await expect(rows(page)).to_have_count(1)
        await expect(rows(page).first).to_contain_text("completed", timeout=30_000)
        await expect(rows(page).first).to_contain_text(first.id)
    await page.keyboard.press("n")
    await expect(rows(page)).to_have_count(2)
    await expect(rows(page).first).to_contain_text(second.id)
    await expect(page.locator(".fresh")).to_be_hidden()


async def test_seven_tabs_share_one_stream_and_it_is_handed_over(tab: Tab) -> None:
    pages = [await tab.open("/?workflow_id=shared")]
    await expect(pages[0].locator(".live")).to_have_text("live")
    streams = tab.asked("/v1/stream")
    for _ in range(6):
        page = await tab.page.context.new_page()
        page.on("request", lambda request: streams.append(request.url) if "/v1/stream" in request.url else None)
        await page.goto(f"{tab.site.address}/?workflow_id=shared")
        pages.append(page)
    for page in pages:
        await expect(page.get_by_text("ann of default")).to_be_visible()  # the token came from the first tab
        await expect(page.locator(".live")).to_have_text("live")
    assert len(streams) == 1
    await pages[0].close()
    async with tab.site.publisher() as publisher, publisher.execution(workflow=Workflow(id="shared", name="Shared")):
        await asyncio.gather(*(expect(rows(page)).to_have_count(1, timeout=60_000) for page in pages[1:]))
    assert len(streams) == 2


async def test_what_events_say_is_text(tab: Tab) -> None:
    name = "<img src=x onerror=alert(1)><b>bold</b>"
    async with tab.site.publisher() as publisher, publisher.execution(workflow=Workflow(id="markup", name=name)):
        pass
    page = await tab.open("/?workflow_id=markup")
    await expect(page.get_by_text(name)).to_be_visible(timeout=30_000)
    assert await page.locator("main img, main b").count() == 0


@pytest.mark.parametrize(
    ("status", "problem", "hint"),
    [
        (401, "unauthenticated", "Sign in"),
        (429, "too-many-requests", "Wait a moment"),
        (503, "unavailable", "Try again"),
        (504, "too-slow", "Narrow"),
    ],
)
async def test_what_goes_wrong_is_said_in_place_and_what_was_there_stays(
    tab: Tab, status: int, problem: str, hint: str
) -> None:
    tab.expected = f"status of {status}"
    page = await tab.open()
    await settled(page)
    await page.route("**/v1/executions?*", lambda route: answer_with(route, status, problem, "said by the service"))
    await page.get_by_role("button", name="Cost").click()
    box = page.locator(f"[data-problem={problem}]")
    await expect(box).to_contain_text("said by the service")
    await expect(box).to_contain_text(hint)
    await expect(rows(page)).to_have_count(50)
    await page.unroute("**/v1/executions?*")
    await box.get_by_role("button", name="Try again").click()
    await expect(box).to_have_count(0)
    await expect(page.get_by_role("columnheader", name="Cost")).to_have_attribute("aria-sort", "descending")


async def test_a_service_that_is_away_costs_nothing_that_is_shown(tab: Tab) -> None:
    tab.expected = "ERR_INTERNET_DISCONNECTED|ERR_FAILED|ERR_NETWORK"
    page = await tab.open()
    await expect(page.locator(".live")).to_have_text("live")
    await settled(page)
    await page.context.set_offline(True)
    await page.get_by_role("button", name="Cost").click()
    await expect(page.locator("[data-problem=unreachable]").first).to_be_visible()
    await expect(rows(page)).to_have_count(50)
    await page.context.set_offline(False)
    await page.locator("[data-problem=unreachable]").last.get_by_role("button", name="Try again").click()
    await expect(rows(page)).to_have_count(50)
    await expect(page.get_by_role("columnheader", name="Cost")).to_have_attribute("aria-sort", "descending")


async def test_a_stream_that_breaks_is_said_and_goes_on_without_loss(tab: Tab) -> None:
    tab.expected = "ERR_FAILED"
    await tab.page.route("**/v1/stream?*", lambda route: route.abort())
    page = await tab.open("/?workflow_id=broken-stream")
    await expect(page.locator(".live")).to_have_text("not live")
    await page.unroute("**/v1/stream?*")
    await expect(page.locator(".live")).to_have_text("live", timeout=30_000)
    async with tab.site.publisher() as publisher, publisher.execution(workflow=Workflow(id="broken-stream")):
        await expect(rows(page)).to_have_count(1, timeout=30_000)
