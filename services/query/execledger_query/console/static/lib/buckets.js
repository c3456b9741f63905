/** Spans of time as the API counts by them: hours, days, weeks and months of a zone. Pure. */

import { fromField, time } from "./time.js";

/** @typedef {"hour" | "day" | "week" | "month"} Bucket */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MOST = /** @type {const} */ ([["hour", 4 * DAY], ["day", 120 * DAY], ["week", 800 * DAY]]);

/**
 * How long the spans of a range are, so that there are not too many of them.
 * @param {number} spanMs
 * @returns {Bucket}
 */
export function bucketOf(spanMs) {
  return MOST.find(([, most]) => spanMs <= most)?.[0] ?? "month";
}

/**
 * Where the spans of a range begin: the first one that has a part in it, to the last.
 * @param {number} from
 * @param {number} to
 * @param {Bucket} bucket
 * @param {string} zone
 */
export function startsOf(from, to, bucket, zone) {
  const starts = [startOf(from, bucket, zone)];
  for (let next = after(starts[0], bucket, zone); next < to; next = after(next, bucket, zone)) starts.push(next);
  return starts;
}

/**
 * Where the span begins that follows the one which begins there.
 * @param {number} start
 * @param {Bucket} bucket
 * @param {string} zone
 */
export function after(start, bucket, zone) {
  if (bucket === "hour") return start + HOUR;
  const days = { day: 1, week: 7, month: 31 }[bucket];
  return startOf(start + days * DAY + DAY / 8, bucket, zone); // a day has 23 to 25 hours
}

/**
 * @param {number} at
 * @param {Bucket} bucket
 * @param {string} zone
 */
function startOf(at, bucket, zone) {
  const [date, clock] = time(at, { zoneName: zone }).split(" ");
  if (bucket === "hour") return at - (Number(clock.slice(3, 5)) * 60_000 + Number(clock.slice(6)) * 1000 + (at % 1000));
  const day = new Date(`${date}T00:00Z`);
  if (bucket === "week") day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
  if (bucket === "month") day.setUTCDate(1);
  return Date.parse(fromField(day.toISOString().slice(0, 16), zone));
}
