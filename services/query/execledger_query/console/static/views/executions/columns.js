/** The columns that the list can show, and what each needs of the API. */

import { h } from "../../lib/dom.js";
import { count, duration, money } from "../../lib/format.js";
import { executionAddress, pageAddress } from "../../lib/router.js";
import { kept } from "../../lib/store.js";
import { time } from "../../lib/time.js";
import { words } from "../../lib/words.js";
import { badge } from "../../parts/badge.js";

/** @typedef {import("../../api.d.ts").ListedExecution} Execution */
/** @typedef {import("../../parts/table.js").Column<Execution> & { needs?: string[] }} Column */

const NEEDED = ["id", "external_id", "status", "provisional", "paused_at", "created_at", "started_at", "revision"];
const DEFAULT = [
  "status",
  "external_id",
  "workflow",
  "owner",
  "started_at",
  "duration_ms",
  "cost_usd",
  "steps",
  "error",
];

/** Those that somebody chose, for all their lists that say nothing else. */
const chosen = kept("columns", DEFAULT, isList);

/** @type {Omit<Column, "title">[]} */
const SHOWN = [
  {
    id: "status",
    cell: (row) => badge(row.status ?? "", { provisional: row.provisional, paused: row.paused_at !== null }),
  },
  { id: "external_id", cell: (row) => link(row) },
  { id: "workflow", needs: ["workflow"], cell: (row) => text(row.workflow?.name ?? row.workflow?.id) },
  { id: "workflow_version", needs: ["workflow"], cell: (row) => text(row.workflow?.version) },
  { id: "owner", needs: ["owner"], isWide: true, cell: (row) => text(row.owner?.name ?? row.owner?.id) },
  { id: "started_at", sort: "started_at", cell: (row) => time(row.started_at) },
  { id: "created_at", sort: "created_at", cell: (row) => time(row.created_at) },
  { id: "ended_at", needs: ["ended_at"], cell: (row) => time(row.ended_at) },
  { id: "duration_ms", sort: "duration_ms", needs: ["duration_ms"], isNumber: true, cell: took },
  { id: "cost_usd", sort: "cost_usd", needs: ["usage"], isNumber: true, cell: (row) => money(row.usage?.cost_usd) },
  { id: "tokens", needs: ["usage"], isNumber: true, isWide: true, cell: (row) => count(row.usage?.total_tokens) },
  { id: "steps", needs: ["completed_steps", "total_steps"], isNumber: true, isWide: true, cell: steps },
  { id: "error", needs: ["error"], isWide: true, cell: (row) => error(row) },
  { id: "query", needs: ["query"], isWide: true, cell: (row) => text(row.query) },
  { id: "tags", needs: ["tags"], isWide: true, cell: (row) => text((row.tags ?? []).join(", ")) },
  { id: "labels", needs: ["labels"], isWide: true, cell: (row) => text(pairs(row.labels ?? {})) },
  { id: "mode", needs: ["mode"], isWide: true, cell: (row) => row.mode },
  { id: "trigger", needs: ["trigger"], isWide: true, cell: (row) => row.trigger?.mode },
  { id: "session_id", needs: ["session_id"], isWide: true, cell: (row) => text(row.session_id) },
  { id: "tenant_id", needs: ["tenant_id"], isWide: true, cell: (row) => text(row.tenant_id) },
  { id: "attempt", needs: ["attempt"], isNumber: true, isWide: true, cell: (row) => row.attempt },
  { id: "root", needs: ["root_execution_id"], isWide: true, cell: (row) => inTree(row) },
  { id: "agents_used", needs: ["agents_used"], isNumber: true, isWide: true, cell: (row) => count(row.agents_used) },
  {
    id: "tools_invoked",
    needs: ["tools_invoked"],
    isNumber: true,
    isWide: true,
    cell: (row) => count(row.tools_invoked),
  },
  { id: "id", isWide: true, cell: (row) => h("code", {}, row.id) },
];

/** @type {Column[]} */
const ALL = SHOWN.map((column) => ({
  ...column,
  title: words.column[/** @type {keyof typeof words.column} */ (column.id)],
}));

/** Their names, to choose from. */
export const COLUMN_IDS = ALL.map(({ id }) => id);

/**
 * Those that an address shows: what it says, else what was chosen.
 * @param {URLSearchParams} search
 * @returns {Column[]}
 */
export function columnsOf(search) {
  const ids = search.get("cols")?.split(",") ?? chosen.get();
  const found = ids.flatMap((id) => ALL.find((column) => column.id === id) ?? []);
  if (found.length === 0) return ALL.filter(({ id }) => DEFAULT.includes(id));
  return search.has("cols") ? found.map((column) => ({ ...column, isWide: false })) : found;
}

/**
 * What the API is asked for, so that they can be shown.
 * @param {Column[]} columns
 */
export function fieldsOf(columns) {
  return [...new Set([...NEEDED, ...columns.flatMap(({ needs = [] }) => needs)])];
}

/**
 * Chooses columns for all lists that say nothing else.
 * @param {string[]} ids
 */
export function chooseColumns(ids) {
  chosen.set(ids.length > 0 ? ids : DEFAULT);
}

/** @param {Execution} row */
function link(row) {
  return h("a", { href: executionAddress(row.id ?? ""), class: "id", title: row.external_id }, row.external_id);
}

/** @param {Execution} row */
function took(row) {
  if (row.duration_ms !== null || row.status !== "running" || !row.started_at) return duration(row.duration_ms);
  return h("span", { class: "elapsed", "data-since": row.started_at }, elapsed(row.started_at));
}

/**
 * How long something has run by now.
 * @param {string} since
 */
export function elapsed(since) {
  return `${duration(Math.max(0, Math.floor((Date.now() - Date.parse(since)) / 1000) * 1000))} …`;
}

/** @param {Execution} row */
function steps(row) {
  return row.total_steps ? `${row.completed_steps} / ${row.total_steps}` : "";
}

/** @param {Execution} row */
function error(row) {
  if (!row.error) return null;
  return text([row.error.type, row.error.message].filter(Boolean).join(": "));
}

/** @param {Execution} row */
function inTree(row) {
  const root = row.root_execution_id;
  return root === row.external_id ? null : h("a", { href: pageAddress("", { root }) }, root);
}

/** @param {Record<string, string>} labels */
function pairs(labels) {
  return Object.entries(labels).map(([name, value]) => `${name}=${value}`).join(", ");
}

/** @param {string | null | undefined} said */
function text(said) {
  return said ? h("span", { class: "cut", title: said }, said) : null;
}

/**
 * @param {unknown} value
 * @returns {value is string[]}
 */
function isList(value) {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
