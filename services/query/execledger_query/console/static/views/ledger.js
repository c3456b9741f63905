/** Accounted for: what became of every record of Kafka's, and those that could not be read. */

import { h } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { words } from "../lib/words.js";
import { letters, whole } from "../parts/letters.js";
import { region } from "../parts/region.js";
import { statusShape } from "../parts/badge.js";
import { table } from "../parts/table.js";

/** @typedef {import("../api.d.ts").Account} Account */

const LOOK_MS = 5_000;
const said = words.ledger;

/** @type {import("../types.d.ts").View} */
export const ledger = {
  path: "ledger",
  title: said.title,
  isLinked: true,
  open({ url, signal, api }) {
    const id = url.searchParams.get("letter");
    const parts = [accounts(api, signal), letters(api, url, signal), ...(id ? [whole(api, id, signal)] : [])];
    return { element: h("div", { class: "ledger" }, h("h1", {}, said.title), h("p", {}, said.purpose), parts) };
  },
};

/**
 * The account of each partition, looked at again and again.
 * @param {import("../lib/api.js").Api} api
 * @param {AbortSignal} signal
 */
function accounts(api, signal) {
  const rows = table({ caption: said.partitions, columns: COLUMNS, keyOf: (row) => `${row.topic} ${row.partition}` });
  /** @type {Account[]} */
  let known = [];
  const shown = region({
    signal,
    load: (ended) => api.get("/v1/ledger", { signal: ended }),
    show: ({ data }) => {
      known = data.partitions.map((row) => known.find((each) => isSame(each, row)) ?? row);
      rows.set(known);
      return [sums(data), rows.element];
    },
  });
  shown.reload();
  const timer = setInterval(() => document.visibilityState === "visible" && shown.reload(), LOOK_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  return shown.element;
}

/**
 * @param {Account} known
 * @param {Account} row
 */
function isSame(known, row) {
  return JSON.stringify(known) === JSON.stringify(row);
}

/** @param {import("../api.d.ts").Ledger} data */
function sums({ partitions, unaccounted, missed }) {
  const total = (/** @type {(row: Account) => number} */ of) => partitions.reduce((sum, row) => sum + of(row), 0);
  return h(
    "dl",
    { class: "sums" },
    sum(said.consumed, total(consumed)),
    sum(said.unaccounted, unaccounted, unaccounted ? "failed" : "completed"),
    sum(said.missed, missed, missed ? "failed" : "completed"),
    sum(said.deadLettered, total((row) => row.dead_lettered)),
    sum(said.lag, partitions.some(({ lag }) => lag === null) ? null : total((row) => row.lag ?? 0)),
  );
}

/**
 * @param {string} title
 * @param {number | null} n
 * @param {string} [status]  good or bad, by colour and shape
 */
function sum(title, n, status) {
  const shape = status && h("span", { "data-status": status }, statusShape(status));
  return h("div", {}, h("dt", {}, title), h("dd", {}, shape, n === null ? said.unknown : count(n)));
}

/** @param {Account} row */
function consumed(row) {
  return row.next_offset - row.first_offset;
}

/** @type {import("../parts/table.js").Column<Account>[]} */
const COLUMNS = [
  { id: "topic", title: said.topic, cell: (row) => h("code", {}, row.topic) },
  number("partition", said.partition, (row) => row.partition),
  number("lag", said.lag, (row) => row.lag),
  number("consumed", said.consumed, consumed),
  number("applied", said.applied, (row) => row.applied),
  number("late", said.late, (row) => row.late),
  number("duplicate", said.duplicate, (row) => row.duplicate),
  number("rejected", said.rejected, (row) => row.rejected),
  number("dead_lettered", said.deadLettered, (row) => row.dead_lettered),
  number("skipped", said.skipped, (row) => row.skipped),
  number("gaps", said.gaps, (row) => row.gaps),
  number("missed", said.missed, (row) => row.missed),
  number("unaccounted", said.unaccounted, (row) => row.unaccounted),
];

/**
 * @param {string} id
 * @param {string} title
 * @param {(row: Account) => number | null} of
 * @returns {import("../parts/table.js").Column<Account>}
 */
function number(id, title, of) {
  return { id, title, isNumber: true, cell: (row) => of(row) === null ? said.unknown : count(of(row)) };
}
