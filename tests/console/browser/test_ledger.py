"""Accounted for: what became of every record, and those that could not be read."""

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from console.browser.conftest import Tab

LOOKS: Any = [{"color_scheme": "light"}, {"color_scheme": "dark"}]


async def _letter(tab: Tab, reason: str, detail: str) -> Page:
    page = await tab.open(f"/ledger?reason={reason}", "service", "admin", "payloads")
    await page.get_by_role("row").filter(has_text=detail).get_by_role("link").first.click()
    await expect(page.locator(".letter [aria-busy=true]")).to_have_count(0)
    return page


async def test_nothing_is_unaccounted_and_every_partition_adds_up(tab: Tab) -> None:
    page = await tab.open("/ledger", "service", "admin")
    await expect(page.locator(".sums div", has_text="Unaccounted").locator("dd")).to_have_text("0")
    rows = page.get_by_role("region", name="Account of each partition").locator("tbody tr")
    await expect(rows.first).to_be_visible()
    for row in await rows.all():
        cells = [cell.replace(",", "") for cell in await row.locator("td").all_inner_texts()]
        consumed, *outcomes, unaccounted = [int(cell) for cell in cells[3:]]
        assert sum(outcomes) == consumed
        assert unaccounted == 0


async def test_dead_letters_lie_together_by_what_is_wrong(tab: Tab) -> None:
    page = await tab.open("/ledger", "service", "admin", "payloads")
    rows = page.get_by_role("region", name="Dead letters, by what is wrong").locator("tbody tr")
    await expect(rows.filter(has_text="tombstone")).to_have_count(1)
    await rows.filter(has_text="tombstone").get_by_role("link").click()
    await expect(page).to_have_url(re.compile(r"/ledger\?fingerprint=\w+&letter=\d+"))
    fingerprint = re.search(r"fingerprint=(\w+)", page.url)
    assert fingerprint is not None
    redrive = f"execledger dead-letters redrive --fingerprint {fingerprint[1]}"
    await expect(page.locator(".command", has_text=redrive)).to_have_text([f"{redrive} --dry-run", redrive])


async def test_the_fault_is_marked_in_the_bytes(tab: Tab) -> None:
    page = await _letter(tab, "invalid", "time: ")
    await expect(page.locator(".bytes mark")).to_have_count(1)
    marked = await page.locator(".bytes mark").inner_text()
    assert f'"time": {marked}' in await page.locator(".bytes").inner_text()


async def test_a_byte_that_is_no_text_is_marked_as_what_it_is(tab: Tab) -> None:
    page = await _letter(tab, "not_utf8", "byte 30")
    await expect(page.locator(".bytes mark")).to_have_text(r"\xff")


@pytest.mark.parametrize("tab", LOOKS, indirect=True, ids=["light", "dark"])
async def test_a_dead_letter_can_be_read_by_everybody(tab: Tab) -> None:
    page = await _letter(tab, "invalid", "time: ")
    assert await tab.violations() == []
    assert len(tab.asked()) < 8
    await page.set_viewport_size({"width": 390, "height": 844})
    assert await page.evaluate("document.documentElement.scrollWidth") == 390


async def test_bytes_are_hidden_from_whom_they_are_not_for(tab: Tab) -> None:
    page = await tab.open("/ledger", "service", "admin")
    rows = page.get_by_role("region", name="Dead letters, by what is wrong").locator("tbody tr")
    await rows.filter(has_text="not_json").first.get_by_role("link").click()
    await expect(page.locator(".letter")).to_contain_text("the role payloads shows it")
    await expect(page.locator(".bytes")).to_have_count(0)


async def test_who_runs_nothing_is_told_so_in_place(tab: Tab) -> None:
    tab.expected = "403"
    page = await tab.open("/ledger", "reader")
    await expect(page.locator(".problem").first).to_contain_text("You may not see this")
    await expect(page.locator("h1")).to_have_text("Accounted for")
