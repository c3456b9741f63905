/** Lists that somebody wants to come back to: an address under a name, kept by the browser; each is a link to be sent. */

import { fill, h } from "../../lib/dom.js";
import { pageAddress } from "../../lib/router.js";
import { kept } from "../../lib/store.js";
import { words } from "../../lib/words.js";

/** @typedef {{ name: string, query: string }} Saved */

const saved = kept("lists", /** @type {Saved[]} */ ([]), isSaved);

/** @param {AbortSignal} signal */
export function savedLists(signal) {
  const list = h("ul", {});
  const name = h("input", {
    "aria-label": words.saved.name,
    placeholder: words.saved.name,
    required: true,
    maxlength: 80,
  });
  const form = h("form", { onsubmit: save }, name, h("button", { type: "submit" }, words.saved.save));
  const element = h(
    "details",
    { class: "menu" },
    h("summary", {}, words.saved.title),
    h("div", { class: "panel" }, list, form),
  );

  /** @param {Event} event */
  function save(event) {
    event.preventDefault();
    const search = new URLSearchParams(location.search);
    search.delete("cursor");
    const others = saved.get().filter((each) => each.name !== name.value);
    saved.set([...others, { name: name.value, query: String(search) }]);
    name.value = "";
  }

  saved.follow((all) => {
    fill(list, all.length === 0 ? h("li", { class: "hint" }, words.saved.none) : all.map(item));
  }, signal);
  closeOutside(element, signal);
  return element;
}

/** @param {Saved} each */
function item(each) {
  const forget = () => saved.set(saved.get().filter(({ name }) => name !== each.name));
  return h(
    "li",
    {},
    h("a", { href: pageAddress("", new URLSearchParams(each.query)) }, each.name),
    h("button", { type: "button", "aria-label": words.saved.forget(each.name), onclick: forget }, "×"),
  );
}

/**
 * Closes a menu when one clicks elsewhere, or follows a link of it, or presses Escape.
 * @param {HTMLDetailsElement} menu
 * @param {AbortSignal} signal
 */
export function closeOutside(menu, signal) {
  document.addEventListener("click", ({ target }) => {
    const isInside = target instanceof Node && menu.contains(target);
    if (!isInside || (target instanceof Element && target.closest("a"))) menu.open = false;
  }, { signal });
  menu.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
}

/**
 * @param {unknown} value
 * @returns {value is Saved[]}
 */
function isSaved(value) {
  return Array.isArray(value) &&
    value.every((each) => typeof each?.name === "string" && typeof each?.query === "string");
}
