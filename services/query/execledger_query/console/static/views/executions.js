/** Executions: which there are, narrowed, sorted and searched as the address says; as they change. */

import { fill, h } from "../lib/dom.js";
import { shortcutsOf } from "../lib/keys.js";
import { go, pageAddress, withQuery } from "../lib/router.js";
import { words } from "../lib/words.js";
import { withoutFilters } from "../parts/filters.js";
import { region } from "../parts/region.js";
import { empty } from "../parts/states.js";
import { table } from "../parts/table.js";
import { listBar } from "./executions/bar.js";
import { columnsOf, elapsed, fieldsOf } from "./executions/columns.js";
import { countsChart, loadCounts, totals } from "./executions/counts.js";
import { keepLive } from "./executions/live.js";
import { listQuery, NEWEST_FIRST, nextPage } from "./executions/query.js";

/** @typedef {import("../api.d.ts").ListedExecution} Execution */
/** @typedef {import("../api.d.ts").ExecutionPage} Page */
/** @typedef {import("./executions/counts.js").Counts} Counts */
/** @typedef {{ href: string, page: Page, counts: Counts | null, askedAt: number, scrolled: number }} Left */

const COUNT_AGAIN_MS = 20_000;

/** The list that was left last, for who comes back to it. @type {Left | null} */
let lastLeft = null;

/** @type {import("../types.d.ts").View} */
export const executions = {
  path: "",
  title: words.executions,
  isLinked: true,
  open: (visit) => new List(visit),
};

class List {
  /** @param {import("../types.d.ts").Visit} visit */
  constructor({ url, signal, api, feed, isReturn }) {
    this.url = url;
    this.api = api;
    this.signal = signal;
    this.page = /** @type {Page | null} */ (null);
    this.askedAt = 0;
    this.columns = columnsOf(url.searchParams);
    this.bar = listBar(signal);
    this.fresh = h("button", { type: "button", class: "main fresh", hidden: true, onclick: () => this.showNew() });
    this.foot = h("div", { class: "foot" });
    this.rows = this.newTable();
    this.list = region({ signal, class: "list", load: (ended) => this.load(ended), show: (page) => this.show(page) });
    this.counted = /** @type {Counts | null} */ (null);
    this.counts = region({
      signal,
      class: "counts",
      load: (ended) => loadCounts(api, this.url, ended),
      show: (counts) => {
        this.counted = counts;
        this.bar.tell(this.url, totals(counts));
        return countsChart(counts, this.url);
      },
    });
    this.element = h(
      "div",
      { class: "executions" },
      h("div", { class: "top" }, h("h1", {}, words.executions), this.fresh),
      this.bar.element,
      this.counts.element,
      this.list.element,
      this.foot,
    );
    this.live = keepLive({
      feed,
      signal,
      rows: () => this.page?.items ?? [],
      onRows: (items) => this.setRows(items),
      search: () => this.url.searchParams,
      newest: (ended) => this.newest(ended),
      onNew: (n) => this.tellNew(n),
      onChange: () => this.countAgain(),
    });
    this.begin(isReturn);
  }

  /** @param {boolean} isReturn */
  begin(isReturn) {
    const left = isReturn && lastLeft?.href === this.url.href ? lastLeft : null;
    this.bar.update(this.url);
    this.counts.reload();
    if (left) this.goOn(left);
    else this.list.reload();
    const ticking = setInterval(() => this.tick(), 1000);
    this.signal.addEventListener("abort", () => {
      clearInterval(ticking);
      if (this.page) {
        lastLeft = { href: this.url.href, page: this.page, counts: this.counted, askedAt: this.askedAt, scrolled };
      }
    });
    let scrolled = scrollY; // when the view is left another one may be in its place already
    addEventListener("scroll", () => (scrolled = scrollY), { signal: this.signal, passive: true });
    shortcutsOf([{ key: "n", does: words.keys.showNew, run: () => this.showNew() }], this.signal);
  }

  /**
   * The list as it was when it was left, at the same place.
   * @param {Left} left
   */
  goOn(left) {
    this.askedAt = left.askedAt;
    if (left.counts) this.counts.give(left.counts);
    this.list.give(left.page);
    requestAnimationFrame(() => scrollTo(0, left.scrolled));
    this.live.check();
  }

  /** @param {URL} url */
  moved(url) {
    const isSameList = sameButColumns(url, this.url);
    this.url = url;
    this.columns = columnsOf(url.searchParams);
    this.rows = this.newTable();
    this.tellNew(0);
    this.bar.update(url);
    if (!isSameList) this.counts.reload();
    this.list.reload();
  }

  newTable() {
    this.replaced?.abort();
    this.replaced = new AbortController();
    return table({
      caption: words.executions,
      columns: this.columns,
      keyOf: (/** @type {Execution} */ row) => row.id ?? "",
      sort: this.url.searchParams.get("sort") ?? NEWEST_FIRST,
      onSort: (sort) => go(withQuery(this.url, { sort, cursor: null })),
      signal: AbortSignal.any([this.signal, this.replaced.signal]),
    });
  }

  /** @param {AbortSignal} signal */
  async load(signal) {
    this.askedAt = Date.now();
    const query = listQuery(this.url.searchParams, fieldsOf(this.columns), this.askedAt);
    return (await this.api.get("/v1/executions", { query, signal })).data;
  }

  /** @param {AbortSignal} signal */
  async newest(signal) {
    const query = listQuery(this.url.searchParams, fieldsOf(this.columns), this.askedAt);
    query.delete("total");
    return (await this.api.get("/v1/executions", { query, signal })).data.items;
  }

  /** @param {Page} page */
  show(page) {
    this.page = page;
    this.tellNew(0);
    fill(this.foot, this.footOf(page));
    if (page.items.length === 0) return this.nothing();
    this.rows.set(page.items);
    return this.rows.element;
  }

  /** @param {readonly Execution[]} items */
  setRows(items) {
    if (!this.page) return;
    this.page = { ...this.page, items: /** @type {Page["items"]} */ (items) };
    this.rows.set(items);
  }

  /** @param {number} n */
  tellNew(n) {
    if (n > 0 && this.page?.items.length === 0) return void this.list.reload(); // nobody reads what is not there
    this.fresh.hidden = n === 0;
    fill(this.fresh, words.list.fresh(n));
  }

  showNew() {
    if (this.fresh.hidden) return;
    this.list.reload();
    this.counts.reload();
    scrollTo({ top: 0 });
  }

  countAgain() {
    this.counting ??= setTimeout(() => {
      this.counting = undefined;
      if (!this.signal.aborted && document.visibilityState === "visible") this.counts.reload();
    }, COUNT_AGAIN_MS);
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  counting = undefined;

  /** Ends the keys of the table that another one replaces. @type {AbortController | undefined} */
  replaced = undefined;

  tick() {
    for (const element of this.rows.element.querySelectorAll("[data-since]")) {
      element.textContent = elapsed(/** @type {HTMLElement} */ (element).dataset.since ?? "");
    }
  }

  nothing() {
    const q = this.url.searchParams.get("q");
    const hints = [
      q && h("a", { href: pageAddress("", { external_id: q }) }, words.list.asId(q)),
      h("a", { href: withoutFilters(this.url) }, words.filters.none),
    ];
    return empty(words.list.nothing, h("p", { class: "actions" }, hints));
  }

  /** @param {Page} page */
  footOf(page) {
    const { items, next_cursor: cursor, total, total_is_exact: isExact } = page;
    const search = this.url.searchParams;
    const sort = search.get("sort") ?? NEWEST_FIRST;
    const onwards = cursor && nextPage(search, cursor, this.askedAt);
    if (items.length === 0 && !search.has("cursor")) return null;
    return [
      h("span", {}, words.list.shown(items.length, total ?? null, isExact ?? false)),
      !sort.endsWith("id") && h("span", { class: "hint" }, words.list.leftOut),
      search.has("cursor") &&
      h("a", { class: "button", href: withQuery(this.url, { cursor: null }) }, words.problem.firstPage),
      onwards && h("a", { class: "button", href: withQuery(this.url, onwards) }, words.list.next),
    ];
  }
}

/**
 * @param {URL} one
 * @param {URL} other
 */
function sameButColumns(one, other) {
  const place = { cols: null, cursor: null, sort: null };
  return withQuery(one, place) === withQuery(other, place);
}
