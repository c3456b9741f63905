/** Times: in the browser's zone or in UTC, as is chosen once for all pages. */

import { kept } from "./store.js";

/** @typedef {"local" | "utc"} Zone */

/** @type {import("../types.d.ts").Store<Zone>} */
export const zone = kept("zone", "local", (value) => value === "local" || value === "utc");

const FIELDS = /** @type {const} */ ({
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});

/**
 * The name of the zone in which times are shown, for the API and for people.
 * @param {Zone} [of]
 */
export function zoneName(of = zone.get()) {
  return of === "utc" ? "UTC" : new Intl.DateTimeFormat("en-GB").resolvedOptions().timeZone;
}

/**
 * A time to the second: `2026-03-01 12:00:05`; with `ms` to the millisecond. What is no time stays as it is.
 * @param {string | number | null | undefined} at
 * @param {{ ms?: boolean, zoneName?: string }} [how]
 */
export function time(at, how = {}) {
  if (at === null || at === undefined) return "";
  if (Number.isNaN(new Date(at).getTime())) return String(at);
  const part = parts(new Date(at), how.zoneName ?? zoneName());
  const clock = `${part.hour}:${part.minute}:${part.second}${how.ms ? `.${part.fractionalSecond}` : ""}`;
  return `${part.year}-${part.month}-${part.day} ${clock}`;
}

/**
 * A time on an axis that shows so much: the day alone, with the hour, or the time of day to the second.
 * @param {number} at
 * @param {number} spanMs
 * @param {string} [named]
 */
export function tick(at, spanMs, named = zoneName()) {
  const part = parts(new Date(at), named);
  if (spanMs > 3 * 86_400_000) return `${part.month}-${part.day}`;
  if (spanMs > 86_400_000) return `${part.month}-${part.day} ${part.hour}:${part.minute}`;
  return spanMs > 600_000 ? `${part.hour}:${part.minute}` : `${part.hour}:${part.minute}:${part.second}`;
}

/**
 * What a field for a time holds (`2026-03-01T12:00`, in the zone that is chosen) as the API takes it; "" of none.
 * @param {string} typed
 * @param {string} [named]
 */
export function fromField(typed, named = zoneName()) {
  const asUtc = Date.parse(`${typed}Z`);
  if (Number.isNaN(asUtc)) return "";
  let at = asUtc;
  for (let turn = 0; turn < 2; turn++) at = asUtc - offset(at, named); // the second turn is for a change of clocks
  return new Date(at).toISOString();
}

/**
 * The other way.
 * @param {string | null} at
 * @param {string} [named]
 */
export function toField(at, named = zoneName()) {
  if (!at || Number.isNaN(Date.parse(at))) return "";
  return time(at, { zoneName: named }).replace(" ", "T");
}

/**
 * How far that zone is ahead of UTC then, in milliseconds.
 * @param {number} at
 * @param {string} named
 */
function offset(at, named) {
  const part = parts(new Date(at), named);
  const shown = Date.UTC(+part.year, +part.month - 1, +part.day, +part.hour, +part.minute, +part.second);
  return shown - Math.floor(at / 1000) * 1000;
}

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * @param {Date} date
 * @param {string} named
 * @returns {Record<string, string>}
 */
function parts(date, named) {
  let format = formats.get(named);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", { ...FIELDS, timeZone: named });
    formats.set(named, format);
  }
  return Object.fromEntries(format.formatToParts(date).map(({ type, value }) => [type, value]));
}
