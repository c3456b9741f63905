/** Values that others follow; some are kept in the browser, for all tabs and later. */

/**
 * @template T
 * @typedef {import("../types.d.ts").Store<T>} Store
 */

/**
 * A value.
 * @template T
 * @param {T} value
 * @returns {Store<T>}
 */
export function store(value) {
  /** @type {Set<(value: T) => void>} */
  const listeners = new Set();
  const onChange = (/** @type {(value: T) => void} */ listener, /** @type {AbortSignal | undefined} */ signal) => {
    listeners.add(listener);
    signal?.addEventListener("abort", () => listeners.delete(listener));
  };
  return {
    get: () => value,
    onChange,
    set: (next) => {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener(value);
    },
    follow: (listener, signal) => {
      onChange(listener, signal);
      listener(value);
    },
  };
}

/**
 * A value that the browser keeps as JSON under a name; another tab that sets it sets it here, too.
 * @template T
 * @param {string} name
 * @param {T} fallback  where nothing is kept, or what is kept is none
 * @param {(value: unknown) => value is T} isOne
 * @returns {Store<T>}
 */
export function kept(name, fallback, isOne) {
  const key = `execledger.${name}`;
  const inner = store(read(key, fallback, isOne));
  globalThis.addEventListener?.("storage", (event) => {
    if (event.key === key) inner.set(read(key, fallback, isOne));
  });
  return {
    ...inner,
    set: (value) => {
      inner.set(value);
      try {
        localStorage.setItem(key, JSON.stringify(value));
      } catch {
        // The browser keeps nothing for us: it holds until the page is left.
      }
    },
  };
}

/**
 * @template T
 * @param {string} key
 * @param {T} fallback
 * @param {(value: unknown) => value is T} isOne
 * @returns {T}
 */
function read(key, fallback, isOne) {
  try {
    const value = JSON.parse(localStorage.getItem(key) ?? "null");
    return isOne(value) ? value : fallback;
  } catch {
    return fallback;
  }
}
