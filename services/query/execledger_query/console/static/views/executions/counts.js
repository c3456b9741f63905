/** How many executions of the list there were over time, by status; to drag over some narrows the list to their time. */

import { after, bucketOf, startsOf } from "../../lib/buckets.js";
import { h } from "../../lib/dom.js";
import { count } from "../../lib/format.js";
import { go, withQuery } from "../../lib/router.js";
import { tick, time, zoneName } from "../../lib/time.js";
import { words } from "../../lib/words.js";
import { bars } from "../../parts/chart.js";
import { countsQuery, rangeOf, statusesOf } from "./query.js";

/** @typedef {import("../../parts/badge.js").Status} Status */

export const STATUSES = /** @type {const} */ (["completed", "running", "pending", "failed", "timed_out", "cancelled"]);

/**
 * @param {import("../../lib/api.js").Api} api
 * @param {URL} url
 * @param {AbortSignal} signal
 */
export async function loadCounts(api, url, signal) {
  const range = rangeOf(url.searchParams, Date.now());
  const query = countsQuery(url.searchParams, range, zoneName());
  const { data } = await api.get("/v1/analytics/executions", { query, signal });
  return { range, items: data.items };
}

/** @typedef {Awaited<ReturnType<typeof loadCounts>>} Counts */

/**
 * How many there were of each status, over the whole time.
 * @param {Counts} counts
 */
export function totals({ items }) {
  return Object.fromEntries(STATUSES.map((status) => [status, items.reduce((sum, item) => sum + item[status], 0)]));
}

/**
 * @param {Counts} counts
 * @param {URL} url
 */
export function countsChart({ range, items }, url) {
  const zone = zoneName();
  const span = range.to - range.from;
  const bucket = bucketOf(span);
  const starts = startsOf(range.from, range.to, bucket, zone);
  const known = new Map(items.map((item) => [Date.parse(item.bucket_start), item]));
  const wanted = statusesOf(url.searchParams);
  const shown = STATUSES.filter((status) => wanted.length === 0 || wanted.includes(status));
  const all = starts.map((start) => {
    const item = known.get(start);
    const values = item ? Object.fromEntries(shown.map((status) => [status, item[status]])) : {};
    return { key: String(start), title: time(start), tick: tick(start, span), values };
  });
  const number = all.reduce((sum, { values }) => sum + Object.values(values).reduce((a, b) => a + b, 0), 0);
  if (number === 0) return none(range, url);
  const caption = words.counts.caption(number, time(range.from), range.isOpen ? "" : time(range.to));
  return bars({
    caption,
    bars: all,
    format: count,
    hasLegend: false,
    series: shown.map((status) => ({ id: status, title: words.status[status] })),
    onRange: (first, last) => {
      const begin = Math.max(starts[first], range.from);
      const end = Math.min(after(starts[last], bucket, zone), range.to);
      const isOpen = range.isOpen && last === starts.length - 1;
      go(withQuery(url, {
        started_after: new Date(begin).toISOString(),
        started_before: isOpen ? null : new Date(end).toISOString(),
        since: null,
        cursor: null,
      }));
    },
  });
}

/**
 * @param {Counts["range"]} range
 * @param {URL} url
 */
function none({ from, isSaid }, url) {
  const further = !isSaid && h("a", { href: withQuery(url, { since: "30d", cursor: null }) }, words.since["30d"]);
  return h("p", { class: "hint actions" }, words.counts.none(time(from)), further);
}
