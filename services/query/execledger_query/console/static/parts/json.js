/** A value of JSON as a tree that opens where one looks; what is large is made only then. */

import { h } from "../lib/dom.js";
import { words } from "../lib/words.js";

const AT_ONCE = 100;
const LONG_TEXT = 400;

/**
 * @param {unknown} value
 * @param {{ depth?: number }} [how]  so many levels are open
 */
export function jsonTree(value, { depth = 1 } = {}) {
  return h("div", { class: "json" }, copyButton(value), node(null, value, depth));
}

/** @param {unknown} value */
function copyButton(value) {
  const button = h("button", { type: "button", class: "copy", onclick: copy }, words.copy);
  async function copy() {
    await navigator.clipboard.writeText(typeof value === "string" ? value : JSON.stringify(value, null, 2));
    button.textContent = words.copied;
  }
  return button;
}

/**
 * @param {string | null} name
 * @param {unknown} value
 * @param {number} depth
 */
function node(name, value, depth) {
  const label = name === null ? null : [h("span", { class: "name" }, name), ": "];
  if (typeof value !== "object" || value === null) return h("div", { class: "leaf" }, label, single(value));
  const entries = Object.entries(value);
  const size = Array.isArray(value) ? words.json.items(entries.length) : words.json.members(entries.length);
  if (entries.length === 0) return h("div", { class: "leaf" }, label, Array.isArray(value) ? "[]" : "{}");
  const inner = h("div", { class: "inner" });
  const details = h("details", { open: depth > 0 }, h("summary", {}, label, h("span", { class: "size" }, size)), inner);
  const make = () => inner.childElementCount === 0 && details.open && addSome(inner, entries, 0, depth - 1);
  details.addEventListener("toggle", make);
  make();
  return details;
}

/**
 * @param {HTMLElement} inner
 * @param {[string, unknown][]} entries
 * @param {number} from
 * @param {number} depth
 */
function addSome(inner, entries, from, depth) {
  const to = from + AT_ONCE;
  inner.append(...entries.slice(from, to).map(([name, value]) => node(name, value, depth)));
  if (to >= entries.length) return;
  const more = h("button", { type: "button", onclick: next }, words.more(entries.length - to));
  function next() {
    more.remove();
    addSome(inner, entries, to, depth);
  }
  inner.append(more);
}

/** @param {unknown} value */
function single(value) {
  if (typeof value === "string" && value.length > LONG_TEXT) {
    return h(
      "details",
      { class: "long" },
      h("summary", { class: "string" }, `"${value.slice(0, 80)}…`),
      h("pre", { class: "string" }, value),
    );
  }
  return h("span", { class: value === null ? "null" : typeof value }, JSON.stringify(value));
}
