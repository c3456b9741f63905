/** A part of a page that shows what a request answers. */

import { isAbort } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { loading, problemBox } from "./states.js";

/**
 * While it is asked anew, and when that goes wrong, what was shown stays; what went wrong is said above it.
 * @template T
 * @param {object} given
 * @param {(signal: AbortSignal) => Promise<T>} given.load
 * @param {(data: T) => import("../types.d.ts").Child} given.show  null: the content is kept up to date by itself
 * @param {AbortSignal} given.signal  when the view is left
 * @param {string} [given.class]
 */
export function region({ load, show, signal, class: named }) {
  const notice = h("div", { class: "notice" });
  const content = h("div", { class: "content" }, loading());
  const element = h("section", { class: ["region", named], "aria-busy": "true" }, notice, content);
  /** @type {AbortController | null} */
  let asking = null;

  /** @param {T} data */
  function give(data) {
    fill(notice);
    const shown = show(data);
    if (shown !== null) fill(content, shown);
    element.removeAttribute("aria-busy");
  }

  async function reload() {
    asking?.abort();
    const current = new AbortController();
    asking = current;
    element.setAttribute("aria-busy", "true");
    try {
      const data = await load(AbortSignal.any([current.signal, signal]));
      if (asking !== current || signal.aborted) return;
      give(data);
    } catch (error) {
      if (isAbort(error) || asking !== current || signal.aborted) return;
      content.querySelector(":scope > .loading")?.remove();
      fill(notice, problemBox(error, { retry: reload }));
      element.removeAttribute("aria-busy");
    }
  }

  return { element, reload, give };
}
