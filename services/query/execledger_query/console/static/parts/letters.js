/** Dead letters: by what is wrong with them, one by one, and one with its bytes. */

import { h } from "../lib/dom.js";
import { faultyHeader, marked } from "../lib/fault.js";
import { count } from "../lib/format.js";
import { pageAddress, withQuery } from "../lib/router.js";
import { time } from "../lib/time.js";
import { words } from "../lib/words.js";
import { region } from "./region.js";
import { empty } from "./states.js";
import { table } from "./table.js";

/** @typedef {import("../api.d.ts").DeadLetter} Letter */
/** @typedef {{ newest: Letter, n: number, waiting: number }} Group */

const said = words.letters;
const MOST = 200;

/**
 * The dead letters that an address names: by fingerprint, or those of one.
 * @param {import("../lib/api.js").Api} api
 * @param {URL} url
 * @param {AbortSignal} signal
 */
export function letters(api, url, signal) {
  const fingerprint = url.searchParams.get("fingerprint");
  const query = {
    limit: MOST,
    fingerprint,
    cursor: url.searchParams.get("cursor"),
    reason: /** @type {import("../api.d.ts").Reason | null} */ (url.searchParams.get("reason")),
  };
  const shown = region({
    signal,
    load: (ended) => api.get("/v1/dead-letters", { query, signal: ended }),
    show: ({ data: { items, next_cursor } }) => [
      fingerprint && redriving(fingerprint),
      items.length ? (fingerprint ? each(items, url, signal) : grouped(items, url, signal)) : empty(said.none),
      next_cursor && h("p", {}, said.cut(items.length), " ", older(url, next_cursor)),
    ],
  });
  shown.reload();
  const all = fingerprint && h("a", { href: pageAddress("ledger") }, said.all);
  return h("section", {}, h("h2", {}, fingerprint ? said.of(fingerprint) : said.title), all, shown.element);
}

/**
 * One with its bytes, the fault marked in them.
 * @param {import("../lib/api.js").Api} api
 * @param {string} id
 * @param {AbortSignal} signal
 */
export function whole(api, id, signal) {
  const shown = region({
    signal,
    load: (ended) => api.get("/v1/dead-letters/{id}", { path: { id: Number(id) }, signal: ended }),
    show: ({ data }) => {
      const faulty = faultyHeader(data);
      const value = marked(data);
      return [
        h("p", {}, h("strong", {}, data.reason), ` ${data.detail}`),
        data.headers === null && h("p", { class: "hint" }, said.hidden),
        data.cut && h("p", { class: "hint" }, said.notWhole(Object.keys(data.cut).join(", "))),
        data.headers?.length ? headers(data.headers, faulty) : null,
        value && [h("h3", {}, said.value), bytes(value)],
        h("h3", {}, said.redrive),
        command(`execledger dead-letters redrive --id ${data.id} --dry-run`),
      ];
    },
  });
  shown.reload();
  return h("section", { class: "letter" }, h("h2", {}, said.one(id)), shown.element);
}

/** @param {import("../lib/fault.js").Marked} value */
function bytes({ before, fault, after }) {
  return h("pre", { class: "bytes", tabindex: "0" }, before, fault && h("mark", {}, fault), after);
}

/**
 * @param {import("../api.d.ts").Header[]} all
 * @param {string | null} faulty
 */
function headers(all, faulty) {
  const value = (
    /** @type {import("../api.d.ts").Header} */ of,
  ) => (of.name === faulty ? h("mark", {}, of.value) : of.value);
  return [
    h("h3", {}, said.headers),
    h("dl", { class: "headers" }, all.map((of) => [h("dt", {}, of.name), h("dd", {}, value(of))])),
  ];
}

/** @param {string} fingerprint */
function redriving(fingerprint) {
  const of = `execledger dead-letters redrive --fingerprint ${fingerprint}`;
  return h("div", { class: "redrive" }, h("p", {}, said.how), command(`${of} --dry-run`), command(of));
}

/** @param {string} text */
function command(text) {
  return h("pre", { class: "command" }, text);
}

/**
 * @param {Letter[]} items
 * @param {URL} url
 * @param {AbortSignal} signal
 */
function grouped(items, url, signal) {
  const rows = table({
    caption: said.title,
    columns: groupColumns(url),
    keyOf: (row) => row.newest.fingerprint,
    signal,
  });
  rows.set(groupsOf(items));
  return rows.element;
}

/**
 * @param {readonly Letter[]} items  the newest first
 * @returns {Group[]}
 */
export function groupsOf(items) {
  /** @type {Map<string, Group>} */
  const groups = new Map();
  for (const item of items) {
    const group = groups.get(item.fingerprint) ?? { newest: item, n: 0, waiting: 0 };
    group.n += 1;
    group.waiting += item.redriven_at ? 0 : 1;
    groups.set(item.fingerprint, group);
  }
  return [...groups.values()].sort((one, other) => other.n - one.n);
}

/**
 * @param {URL} url
 * @returns {import("./table.js").Column<Group>[]}
 */
function groupColumns(url) {
  const link = (/** @type {Group} */ { newest }) =>
    h(
      "a",
      { href: withQuery(url, { fingerprint: newest.fingerprint, cursor: null, letter: newest.id }) },
      newest.fingerprint,
    );
  return [
    { id: "fingerprint", title: said.fingerprint, cell: link },
    { id: "n", title: said.records, isNumber: true, cell: (row) => count(row.n) },
    { id: "reason", title: said.reason, cell: (row) => row.newest.reason },
    { id: "detail", title: said.detail, cell: (row) => row.newest.detail },
    { id: "waiting", title: said.waiting, isNumber: true, isWide: true, cell: (row) => count(row.waiting) },
    { id: "newest", title: said.newest, isWide: true, cell: (row) => time(row.newest.timestamp) },
  ];
}

/**
 * @param {Letter[]} items
 * @param {URL} url
 * @param {AbortSignal} signal
 */
function each(items, url, signal) {
  const rows = table({ caption: said.title, columns: letterColumns(url), keyOf: (row) => String(row.id), signal });
  rows.set(items);
  return rows.element;
}

/**
 * @param {URL} url
 * @returns {import("./table.js").Column<Letter>[]}
 */
function letterColumns(url) {
  return [
    { id: "id", title: said.id, cell: (row) => h("a", { href: withQuery(url, { letter: row.id }) }, row.id) },
    { id: "topic", title: words.ledger.topic, isWide: true, cell: (row) => h("code", {}, row.topic) },
    { id: "offset", title: said.place, cell: (row) => `${row.partition} / ${row.offset}` },
    { id: "timestamp", title: said.at, cell: (row) => time(row.timestamp) },
    { id: "detail", title: said.detail, cell: (row) => row.detail },
    { id: "redriven_at", title: said.redriven, isWide: true, cell: (row) => time(row.redriven_at) },
  ];
}

/**
 * @param {URL} url
 * @param {string} cursor
 */
function older(url, cursor) {
  return h("a", { href: withQuery(url, { cursor, letter: null }) }, said.older);
}
