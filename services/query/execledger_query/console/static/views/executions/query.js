/** What an address of the list asks of the API. Pure. */

import { bucketOf } from "../../lib/buckets.js";

/** @typedef {import("../../api.d.ts").ListedExecution} Execution */

const HOUR = 3_600_000;

/** How far back `since` reaches. */
export const SINCE = /** @type {Record<string, number>} */ ({
  "1h": HOUR,
  "24h": 24 * HOUR,
  "7d": 7 * 24 * HOUR,
  "30d": 30 * 24 * HOUR,
});

export const NEWEST_FIRST = "-id";
const OURS = ["cols", "since"]; // the console's own words, which the API does not know
const OF_LISTS = ["sort", "cursor", "limit", "fields", "total", "include"];
const OF_TIME = ["started_after", "started_before"];
const PLAIN = /** @type {Record<string, (execution: Execution) => string | null | undefined>} */ ({
  workflow_id: (execution) => execution.workflow?.id,
  owner_id: (execution) => execution.owner?.id,
  session_id: (execution) => execution.session_id,
  tenant_id: (execution) => execution.tenant_id,
  mode: (execution) => execution.mode,
  root: (execution) => execution.root_execution_id,
  parent: (execution) => execution.parent_execution_id,
});

/**
 * The page of the list.
 * @param {URLSearchParams} search
 * @param {readonly string[]} fields
 * @param {number} now
 */
export function listQuery(search, fields, now) {
  const asked = without(search, OURS);
  const since = sinceOf(search, now);
  if (since !== null) asked.set("started_after", since);
  asked.set("fields", fields.join(","));
  asked.set("total", "true");
  return asked;
}

/**
 * Its executions over time, by status: those of all statuses, of which some are drawn.
 * @param {URLSearchParams} search
 * @param {{ from: number, to: number }} range
 * @param {string} zone
 */
export function countsQuery(search, { from, to }, zone) {
  const asked = without(search, [...OURS, ...OF_LISTS, ...OF_TIME, "status", "status[]"]);
  asked.set("from", new Date(from).toISOString());
  asked.set("to", new Date(to).toISOString());
  asked.set("bucket", bucketOf(to - from));
  asked.set("time_zone", zone);
  return asked;
}

/**
 * The time that is looked at: what the address says, else the last day.
 * @param {URLSearchParams} search
 * @param {number} now
 */
export function rangeOf(search, now) {
  const said = Date.parse(search.get("started_after") ?? sinceOf(search, now) ?? "");
  const end = Date.parse(search.get("started_before") ?? "");
  const to = Number.isNaN(end) ? now : end;
  const from = Number.isNaN(said) ? to - SINCE["24h"] : said;
  return { from: Math.min(from, to - 1000), to, isOpen: Number.isNaN(end), isSaid: !Number.isNaN(said) };
}

/**
 * Other parameters for the page that a cursor leads to. A cursor is of one list: what was "the last hour" is a time now.
 * @param {URLSearchParams} search
 * @param {string} cursor
 * @param {number} askedAt
 */
export function nextPage(search, cursor, askedAt) {
  const since = sinceOf(search, askedAt);
  return since === null ? { cursor } : { cursor, since: null, started_after: since };
}

/**
 * Whether an execution may be one of the list, as far as can be told without asking.
 * @param {Execution} execution
 * @param {URLSearchParams} search
 */
export function mayFit(execution, search) {
  const statuses = statusesOf(search);
  if (statuses.length > 0 && !statuses.includes(execution.status ?? "")) return false;
  return Object.entries(PLAIN).every(([name, said]) => !search.get(name) || said(execution) === search.get(name));
}

/**
 * Statuses that are asked for, however they are written.
 * @param {URLSearchParams} search
 */
export function statusesOf(search) {
  const said = [...search.getAll("status"), ...search.getAll("status[]")];
  return said.flatMap((words) => words.split(",")).map((word) => word.trim()).filter(Boolean);
}

/**
 * @param {URLSearchParams} search
 * @param {number} now
 */
function sinceOf(search, now) {
  const span = SINCE[search.get("since") ?? ""];
  return span === undefined || search.has("started_after") ? null : new Date(now - span).toISOString();
}

/**
 * @param {URLSearchParams} search
 * @param {readonly string[]} names
 */
function without(search, names) {
  return new URLSearchParams([...search].filter(([name, value]) => !names.includes(name) && value !== ""));
}
