/** What stands over the page until it is closed. */

import { h } from "../lib/dom.js";
import { words } from "../lib/words.js";

/**
 * Shows it; Escape and the button close it. What it gives back closes it, too.
 * @param {string} title
 * @param {...import("../types.d.ts").Child} children
 */
export function showDialog(title, ...children) {
  const close = () => element.close();
  const element = h(
    "dialog",
    { "aria-label": title, onclose: () => element.remove() },
    h("header", {}, h("h2", {}, title), h("button", { type: "button", onclick: close }, words.close)),
    ...children,
  );
  document.body.append(element);
  element.showModal();
  return close;
}
