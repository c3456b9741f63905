/** Rows of the same kind, each of which may lead somewhere. */

import { fill, h, keyed } from "../lib/dom.js";
import { shortcutsOf } from "../lib/keys.js";
import { words } from "../lib/words.js";

/**
 * @template T
 * @typedef {object} Column
 * @property {string} id
 * @property {string} title
 * @property {(row: T) => import("../types.d.ts").Child} cell
 * @property {boolean} [isNumber]  stands at the right
 * @property {boolean} [isWide]  left out where the screen is narrow
 * @property {string} [sort]  what the API calls it; without it the column does not sort
 */

/**
 * @template T
 * @param {object} given
 * @param {string} given.caption  said to those who do not see it
 * @param {Column<T>[]} given.columns
 * @param {(row: T) => string} given.keyOf
 * @param {string} [given.sort]  how it is sorted: `duration_ms`, or `-duration_ms` for downwards
 * @param {(sort: string) => void} [given.onSort]
 * @param {AbortSignal} [given.signal]  when the view is left: until then j and k walk the rows
 */
export function table({ caption, columns, keyOf, sort, onSort, signal }) {
  const body = h("tbody");
  const head = h("tr", {}, columns.map((column) => headCell(column, sort, onSort)));
  const element = h(
    "div",
    { class: "table", role: "region", "aria-label": caption, tabindex: "0" },
    h("table", {}, h("caption", { class: "unseen" }, caption), h("thead", {}, head), body),
  );
  /** @type {WeakMap<Element, T>} */
  const shown = new WeakMap();

  /** @param {readonly T[]} rows  a row that is the same object as before is left as it is */
  function set(rows) {
    keyed(body, rows, keyOf, (row, known) => {
      if (known && shown.get(known) === row) return known;
      const element = known ?? h("tr");
      const hadFocus = element.contains(document.activeElement);
      fill(element, columns.map((column) => h("td", { class: classesOf(column) }, column.cell(row))));
      if (known) mark(element);
      if (hadFocus) linkOf(element)?.focus();
      shown.set(element, row);
      return element;
    });
  }

  /** @param {number} by */
  function move(by) {
    const rows = [...body.children];
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
    linkOf(next)?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  if (signal) {
    shortcutsOf([
      { key: "j", does: words.keys.next, run: () => move(1) },
      { key: "k", does: words.keys.previous, run: () => move(-1) },
      { key: "Enter", does: words.keys.open, run: () => /** @type {HTMLElement} */ (document.activeElement)?.click() },
    ], signal);
  }
  return { element, set };
}

/** @param {Element | undefined} row */
function linkOf(row) {
  return /** @type {HTMLElement | null | undefined} */ (row?.querySelector("a, button"));
}

/**
 * Shows for a moment that a row has changed.
 * @param {Element} row
 */
function mark(row) {
  row.classList.remove("changed");
  requestAnimationFrame(() => row.classList.add("changed"));
}

/**
 * @template T
 * @param {Column<T>} column
 * @param {string | undefined} sort
 * @param {((sort: string) => void) | undefined} onSort
 */
function headCell(column, sort, onSort) {
  const by = column.sort;
  if (!by || !onSort) return h("th", { scope: "col", class: classesOf(column) }, column.title);
  const isDown = sort === `-${by}`;
  const isSorted = isDown || sort === by;
  const onclick = () => onSort(isDown ? by : `-${by}`);
  return h(
    "th",
    { scope: "col", class: classesOf(column), "aria-sort": isSorted ? (isDown ? "descending" : "ascending") : null },
    h("button", { type: "button", class: "sort", onclick }, column.title, isSorted && (isDown ? " ↓" : " ↑")),
  );
}

/** @param {{ isNumber?: boolean, isWide?: boolean }} column */
function classesOf(column) {
  return [column.isNumber && "number", column.isWide && "wide"];
}
