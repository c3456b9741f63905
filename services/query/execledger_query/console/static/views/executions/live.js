/** Keeps the rows of a list as they are now, without moving them; what is new is counted, and shown when asked for. */

import { isAbort } from "../../lib/api.js";
import { mayFit } from "./query.js";

/** @typedef {import("../../api.d.ts").ListedExecution} Execution */

const CHECK_MS = 3_000;
const RETRY_MS = 30_000;

/**
 * @param {object} given
 * @param {import("../../lib/stream.js").Feed} given.feed
 * @param {AbortSignal} given.signal
 * @param {() => readonly Execution[]} given.rows
 * @param {(rows: readonly Execution[]) => void} given.onRows  the same rows, some of them as they are now
 * @param {() => URLSearchParams} given.search  what the list is narrowed to
 * @param {(signal: AbortSignal) => Promise<readonly Execution[]>} given.newest  the same page as it is now
 * @param {(n: number) => void} given.onNew
 * @param {() => void} given.onChange  told of each change that may be one of the list's
 */
export function keepLive({ feed, signal, rows, onRows, search, newest, onNew, onChange }) {
  let isWaiting = false;

  async function check() {
    isWaiting = false;
    if (signal.aborted) return;
    if (document.visibilityState !== "visible") return later();
    const narrowed = search();
    try {
      const found = await newest(signal);
      if (signal.aborted || search() !== narrowed) return;
      const changed = found.reduce((all, execution) => withChange(all, execution) ?? all, rows());
      if (changed !== rows()) onRows(changed);
      const known = new Set(changed.map(({ id }) => id));
      onNew(narrowed.has("cursor") ? 0 : found.filter(({ id }) => !known.has(id)).length);
    } catch (error) {
      if (!isAbort(error)) later(RETRY_MS);
    }
  }

  function later(wait = CHECK_MS) {
    if (isWaiting) return;
    isWaiting = true;
    setTimeout(check, wait);
  }

  feed.follow((change) => {
    if (change.kind === "reset") return later();
    const { execution } = change;
    const changed = withChange(rows(), execution);
    if (changed) onRows(changed);
    if (!changed && !mayFit(execution, search())) return;
    onChange();
    if (!changed && !search().has("cursor")) later();
  }, signal);

  return { check: later };
}

/**
 * The rows with one of them as it is now; null where it is none of them, or was newer already.
 * @param {readonly Execution[]} rows
 * @param {Execution} execution
 */
export function withChange(rows, execution) {
  const at = rows.findIndex(({ id }) => id === execution.id);
  if (at < 0 || (rows[at].revision ?? 0) >= (execution.revision ?? 0)) return null;
  return rows.with(at, { ...rows[at], ...execution });
}
