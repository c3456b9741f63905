/** What stands above the list: search, how far back, statuses, filters, columns, saved lists. */

import { fill, h, setAll } from "../../lib/dom.js";
import { count } from "../../lib/format.js";
import { shortcutsOf } from "../../lib/keys.js";
import { go, withQuery } from "../../lib/router.js";
import { words } from "../../lib/words.js";
import { statusShape } from "../../parts/badge.js";
import { filters } from "../../parts/filters.js";
import { chooseColumns, COLUMN_IDS, columnsOf } from "./columns.js";
import { STATUSES } from "./counts.js";
import { NEWEST_FIRST, SINCE, statusesOf } from "./query.js";
import { closeOutside, savedLists } from "./saved.js";

/** @param {AbortSignal} signal */
export function listBar(signal) {
  const search = h("input", {
    type: "search",
    name: "q",
    "aria-label": words.list.search,
    placeholder: words.list.search,
  });
  const searching = h("form", { role: "search", onsubmit: find }, search);
  const since = h("select", { "aria-label": words.list.since, onchange: chooseSince }, [
    h("option", { value: "" }, words.list.always),
    Object.keys(SINCE).map((value) =>
      h("option", { value }, words.since[/** @type {keyof typeof words.since} */ (value)])
    ),
    h("option", { value: "other", hidden: true }, words.list.otherTime),
  ]);
  const statuses = h("div", { class: "statuses", role: "group", "aria-label": words.column.status });
  const narrowing = filters();
  const columns = columnChoice(signal);
  const sorted = h("span", { class: "sorted" });
  const buttons = h("div", { class: "buttons" }, narrowing.open, columns.element, savedLists(signal));
  const element = h(
    "div",
    { class: "bar" },
    h("div", { class: "line" }, searching, since, buttons),
    narrowing.form,
    h("div", { class: "line" }, statuses, narrowing.chips, sorted),
  );

  /** @param {Event} event */
  function find(event) {
    event.preventDefault();
    go(withQuery(new URL(location.href), { q: search.value.trim(), cursor: null }));
  }

  function chooseSince() {
    const changes = { since: since.value, started_after: null, started_before: null, cursor: null };
    go(withQuery(new URL(location.href), changes));
  }

  /** @param {URL} url */
  function update(url) {
    const said = url.searchParams;
    if (document.activeElement !== search) search.value = said.get("q") ?? "";
    const isOther = said.has("started_after") || said.has("started_before");
    since.value = isOther ? "other" : (said.get("since") ?? "");
    narrowing.update(url);
    columns.update(url);
    tell(url);
    fill(sorted, sortChip(url));
  }

  /**
   * Says how many there are of each status.
   * @param {URL} url
   * @param {Record<string, number>} [totals]
   */
  function tell(url, totals) {
    const wanted = statusesOf(url.searchParams);
    if (statuses.childElementCount === 0) fill(statuses, STATUSES.map(statusButton));
    for (const status of STATUSES) {
      const button = /** @type {HTMLElement} */ (statuses.querySelector(`[data-status="${status}"]`));
      setAll(button, { "aria-pressed": String(wanted.includes(status)) });
      if (totals) fill(/** @type {Element} */ (button.querySelector(".number")), count(totals[status]));
    }
  }

  shortcutsOf([
    { key: "/", does: words.keys.search, run: () => search.select() },
    { key: "f", does: words.keys.filter, run: () => narrowing.toggle() },
  ], signal);
  return { element, update, tell };
}

/** @param {(typeof STATUSES)[number]} status */
function statusButton(status) {
  const onclick = () => {
    const here = new URL(location.href);
    const wanted = statusesOf(here.searchParams);
    const next = wanted.includes(status) ? wanted.filter((each) => each !== status) : [...wanted, status];
    go(withQuery(here, { status: next, "status[]": null, cursor: null }));
  };
  return h(
    "button",
    { type: "button", "data-status": status, onclick },
    statusShape(status),
    words.status[status],
    h("span", { class: "number" }),
  );
}

/** @param {URL} url */
function sortChip(url) {
  const sort = url.searchParams.get("sort") ?? NEWEST_FIRST;
  if (sort === NEWEST_FIRST) return null;
  const name = words.column[/** @type {keyof typeof words.column} */ (sort.replace("-", ""))] ?? sort;
  const href = withQuery(url, { sort: null, cursor: null });
  return [words.list.sorted(name), " ", h("a", { href }, words.list.newestFirst)];
}

/** @param {AbortSignal} signal */
function columnChoice(signal) {
  const panel = h("div", { class: "panel columns" });
  const element = h("details", { class: "menu" }, h("summary", {}, words.list.columns), panel);
  closeOutside(element, signal);

  function choose() {
    const boxes = [...panel.querySelectorAll("input")].filter((box) => box.checked);
    const ids = boxes.map((box) => box.value);
    chooseColumns(ids);
    go(withQuery(new URL(location.href), { cols: ids.join(",") }), { replace: true });
  }

  /** @param {URL} url */
  function update(url) {
    const shown = columnsOf(url.searchParams).map(({ id }) => id);
    if (panel.childElementCount === 0) fill(panel, COLUMN_IDS.map((id) => columnBox(id, choose)));
    for (const box of panel.querySelectorAll("input")) box.checked = shown.includes(box.value);
  }
  return { element, update };
}

/**
 * @param {string} value
 * @param {() => void} onchange
 */
function columnBox(value, onchange) {
  const title = words.column[/** @type {keyof typeof words.column} */ (value)];
  return h("label", {}, h("input", { type: "checkbox", value, onchange }), " ", title);
}
