/** Figures as they are read. Pure. */

const LOCALE = "en-GB";
const COUNT = new Intl.NumberFormat(LOCALE);
const SHORT = new Intl.NumberFormat(LOCALE, { notation: "compact", maximumFractionDigits: 1 });
const UNITS = ["B", "KiB", "MiB", "GiB"];
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MS = /** @type {Record<string, number>} */ ({ ms: 1, s: SECOND, min: MINUTE, m: MINUTE, h: HOUR, d: DAY });

/**
 * Milliseconds in the two greatest units: `1 h 04 min`, `8.3 s`, `12 ms`.
 * @param {number | null | undefined} ms
 * @returns {string}
 */
export function duration(ms) {
  if (ms === null || ms === undefined) return "";
  if (ms < 0) return `-${duration(-ms)}`;
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < MINUTE - SECOND / 2) return `${Math.round(ms / SECOND)} s`;
  const seconds = Math.round(ms / SECOND);
  if (ms < HOUR - SECOND / 2) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  const minutes = Math.round(ms / MINUTE);
  if (ms < DAY - MINUTE / 2) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  const hours = Math.round(ms / HOUR);
  return `${Math.floor(hours / 24)} d ${two(hours % 24)} h`;
}

/**
 * Milliseconds of what somebody typed: `1500`, `5 s`, `1 h 30 min`; null of anything else.
 * @param {string} typed
 */
export function readDuration(typed) {
  const text = typed.trim().toLowerCase();
  if (/^\d+$/.test(text)) return Number(text);
  if (!/^(\d+(\.\d+)?\s*(ms|s|min|m|h|d)\s*)+$/.test(text)) return null;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)/g)];
  return Math.round(parts.reduce((sum, [, n, unit]) => sum + Number(n) * MS[unit], 0));
}

/**
 * How old something is: as a duration, in whole seconds.
 * @param {number} seconds
 */
export function age(seconds) {
  return seconds < 60 ? `${Math.max(1, Math.ceil(seconds))} s` : duration(seconds * SECOND);
}

/**
 * Dollars, from the text that the API sends: to the cent, of less than that two digits that count.
 * @param {string | null | undefined} amount
 */
export function money(amount) {
  if (amount === null || amount === undefined) return "";
  const value = Number(amount);
  if (!Number.isFinite(value)) return amount;
  if (value === 0) return "$0";
  const sign = value < 0 ? "-" : "";
  const size = Math.abs(value);
  if (size >= 0.995) {
    return `${sign}$${size.toLocaleString(LOCALE, { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  }
  return `${sign}$${size.toLocaleString(LOCALE, { maximumSignificantDigits: 2, maximumFractionDigits: 9 })}`;
}

/**
 * A number, whole.
 * @param {number | null | undefined} n
 */
export function count(n) {
  return n === null || n === undefined ? "" : COUNT.format(n);
}

/**
 * A number, short: `12.3K`.
 * @param {number | null | undefined} n
 */
export function short(n) {
  return n === null || n === undefined ? "" : SHORT.format(n);
}

/**
 * A share of one, as per cent; what is not all or nothing is never shown as that.
 * @param {number | null | undefined} rate
 */
export function percent(rate) {
  if (rate === null || rate === undefined) return "";
  const shown = (rate * 100).toFixed(1);
  if (shown === "100.0") return rate < 1 ? ">99.9 %" : "100 %";
  if (shown === "0.0") return rate > 0 ? "<0.1 %" : "0 %";
  return `${shown} %`;
}

/**
 * Bytes.
 * @param {number} n
 */
export function bytes(n) {
  const power = Math.min(UNITS.length - 1, n < 1 ? 0 : Math.floor(Math.log2(n) / 10));
  return `${power === 0 ? n : (n / 1024 ** power).toFixed(1)} ${UNITS[power]}`;
}

/** @param {number} n */
function two(n) {
  return String(n).padStart(2, "0");
}
