/** A status: its colour, a shape of its own and its word, so that colour alone never says it. */

import { h, svg } from "../lib/dom.js";
import { words } from "../lib/words.js";

/** @typedef {keyof typeof words.status} Status */

/** @type {Record<Status, string>} */
const SHAPES = {
  pending: "M8 3a5 5 0 1 0 0 10a5 5 0 1 0 0-10",
  running: "M5 3.5v9l7.5-4.5z",
  completed: "M3 8.5l3.5 3.5L13 4.5",
  failed: "M4 4l8 8M12 4l-8 8",
  cancelled: "M8 3a5 5 0 1 0 0 10a5 5 0 1 0 0-10M4.6 11.4l6.8-6.8",
  timed_out: "M8 3a5 5 0 1 0 0 10a5 5 0 1 0 0-10M8 5.5V8l2 1.5",
  skipped: "M3 8h9M9 5l3 3l-3 3",
};

/**
 * The shape of a status.
 * @param {string} status
 */
export function statusShape(status) {
  const path = SHAPES[/** @type {Status} */ (status)] ?? SHAPES.pending;
  return svg("svg", { class: "shape", viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: path }));
}

/**
 * @param {string} status
 * @param {{ provisional?: boolean, paused?: boolean }} [more]
 */
export function badge(status, { provisional = false, paused = false } = {}) {
  const word = words.status[/** @type {Status} */ (status)] ?? status;
  return h(
    "span",
    { class: "badge", "data-status": status },
    statusShape(status),
    paused ? words.paused : word,
    provisional && h("span", { class: "doubt", title: words.provisionalHint }, ` ${words.provisional}`),
  );
}
