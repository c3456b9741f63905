/** Keys that do something anywhere on a page, as long as nobody is typing. */

/** @typedef {{ key: string, does: string, run: () => void }} Shortcut */

/** @type {Set<Shortcut>} */
const shortcuts = new Set();

/** Those that there are now, to be shown. */
export function known() {
  return [...shortcuts];
}

/**
 * Adds some, until the signal.
 * @param {Shortcut[]} added
 * @param {AbortSignal} [signal]
 */
export function shortcutsOf(added, signal) {
  for (const shortcut of added) shortcuts.add(shortcut);
  signal?.addEventListener("abort", () => added.forEach((shortcut) => shortcuts.delete(shortcut)));
}

/** Listens from now on. */
export function listen() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (isTyping(event.target)) {
      if (event.key === "Escape") /** @type {HTMLElement} */ (event.target).blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    const found = known().findLast((shortcut) => shortcut.key === event.key);
    if (!found) return;
    event.preventDefault();
    found.run();
  });
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}
