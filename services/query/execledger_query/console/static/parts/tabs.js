/** Parts of a view of which one is shown: each has an address. */

import { h } from "../lib/dom.js";

/**
 * @param {string} label  of what they are parts
 * @param {{ id: string, title: string, href: string }[]} all
 * @param {string} current
 */
export function tabs(label, all, current) {
  const link = (/** @type {{ id: string, title: string, href: string }} */ { id, title, href }) =>
    h("a", { href, "aria-current": id === current ? "page" : null }, title);
  return h("nav", { class: "tabs", "aria-label": label }, all.map(link));
}
