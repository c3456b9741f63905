/** Every English text of the console. What is counted or named comes in as a value. */

import { count } from "./format.js";

/**
 * @param {number} n
 * @param {string} one
 * @param {string} [many]
 */
function number(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

export const words = {
  title: "Execledger",
  skip: "Skip to what is shown",
  navigation: "Views",
  executions: "Executions",
  execution: "Execution",
  record: "Record",
  noPage: "There is no page at this address.",
  noPageHint: "Go to the executions.",
  loading: "Loading …",
  close: "Close",
  remove: "Remove",
  copy: "Copy",
  copied: "Copied",
  tryAgain: "Try again",
  asTable: "As a table",
  more: (/** @type {number} */ n) => `${count(n)} more`,

  status: {
    pending: "pending",
    running: "running",
    completed: "completed",
    failed: "failed",
    cancelled: "cancelled",
    timed_out: "timed out",
    skipped: "skipped",
  },
  paused: "paused",
  provisional: "not confirmed",
  provisionalHint:
    "The watchdog ended it, because it was silent. The ending holds until the orchestrator is heard again.",

  freshness: {
    label: "How fresh this is",
    asOf: (/** @type {string} */ ago) => `as of ${ago} ago`,
    hint: "How far what is shown lies behind what orchestrators have sent to Kafka.",
    live: "live",
    connecting: "connecting",
    broken: "not live",
    off: "",
    brokenHint: "Changes do not arrive by themselves just now; the console tries again. Reload to see the newest.",
  },

  zone: {
    label: "Time zone",
    local: (/** @type {string} */ name) => name,
    utc: "UTC",
  },
  theme: { label: "Theme", auto: "auto", light: "light", dark: "dark" },

  who: {
    signIn: "Sign in",
    signOut: "Sign out",
    anonymous: "not signed in",
    as: (/** @type {string} */ subject, /** @type {string} */ tenant) => `${subject} of ${tenant}`,
    roles: (/** @type {string} */ roles) => (roles ? `roles: ${roles}` : "role: owner"),
  },

  signin: {
    atProvider: "Sign in at your organisation",
    token: "Token",
    hint: "A bearer token of the API. It is kept for this tab, and for others of this browser while one is open.",
    failed: "That did not work:",
    noToken: "this is no token: it has three parts with dots between them",
  },

  keys: {
    title: "Keys",
    help: "show the keys",
    next: "next row",
    previous: "previous row",
    open: "open the row",
    search: "search",
    filter: "filters",
    showNew: "show what is new",
    none: "This page has no keys of its own.",
  },

  problem: {
    titles: /** @type {Record<string, string>} */ ({
      "bad-request": "This was not understood",
      "invalid-parameter": "A part of the address is wrong",
      "invalid-cursor": "This page of the list is not there any more",
      unauthenticated: "You are not signed in",
      forbidden: "You may not see this",
      "not-found": "There is no such thing, or it is not yours to see",
      conflict: "That cannot be done now",
      "too-many-requests": "You ask more than your share",
      "too-large": "That is too large",
      "too-slow": "This took too long",
      damaged: "A record is damaged",
      internal: "Something went wrong in the service",
      unavailable: "The service cannot answer just now",
      unreachable: "The service cannot be reached",
    }),
    unknown: "Something went wrong",
    advice: /** @type {Record<string, string>} */ ({
      "invalid-parameter": "Remove or change what is wrong; the rest of the address stays.",
      "invalid-cursor": "Begin with the first page.",
      unauthenticated: "Sign in; you will be brought back here.",
      forbidden: "Ask who gave you the token for the role, or sign in as somebody else.",
      "not-found": "Look whether the address is whole, and whether you are signed in for the right tenant.",
      "too-many-requests": "Wait a moment, then try again.",
      "too-slow": "Narrow what you ask for: a shorter time, fewer filters together.",
      damaged: "Tell those who run Execledger: the database says something that cannot be.",
      internal: "It was logged. Tell those who run Execledger what you did.",
      unavailable: "It may be starting, or its database is away. Try again in a moment.",
      unreachable: "Look whether you are online and the service runs. What is on the page stays.",
    }),
    fault: (/** @type {string} */ where, /** @type {string} */ detail) => `${where}: ${detail}`,
    removeParameter: (/** @type {string} */ name) => `Remove ${name}`,
    firstPage: "First page",
  },

  list: {
    search: "Words in query, error and names",
    since: "How far back",
    always: "any time",
    otherTime: "as chosen",
    columns: "Columns",
    sorted: (/** @type {string} */ by) => `Sorted by: ${by}.`,
    newestFirst: "Newest first",
    fresh: (/** @type {number} */ n) => `${count(n)}${n >= 50 ? "+" : ""} new`,
    nothing: "No execution fits.",
    asId: (/** @type {string} */ q) => `Look for the execution with the id ${q}`,
    next: "Next page",
    leftOut: "Executions that have no such value are left out.",
    shown: (/** @type {number} */ n, /** @type {number | null} */ total, /** @type {boolean} */ isExact) => {
      const shown = number(n, "execution");
      if (total === null) return `${shown}.`;
      return isExact ? `${shown} of ${count(total)}.` : `${shown} of about ${count(total)} (an estimate).`;
    },
  },

  since: { "1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days" },

  counts: {
    none: (/** @type {string} */ from) => `None that fits has started since ${from}.`,
    caption: (/** @type {number} */ n, /** @type {string} */ from, /** @type {string} */ to) =>
      `${number(n, "execution")} since ${from}${to ? `, before ${to}` : ""}`,
  },

  saved: {
    title: "Saved lists",
    name: "Name for this list",
    save: "Save",
    none: "None yet. A saved list keeps filters, sorting and columns as a link.",
    forget: (/** @type {string} */ name) => `Forget ${name}`,
  },

  column: {
    status: "Status",
    external_id: "Execution",
    workflow: "Workflow",
    workflow_version: "Version",
    owner: "Owner",
    started_at: "Started",
    created_at: "Created",
    ended_at: "Ended",
    duration_ms: "Took",
    cost_usd: "Cost",
    tokens: "Tokens",
    steps: "Steps",
    error: "Error",
    query: "Query",
    tags: "Tags",
    labels: "Labels",
    mode: "Mode",
    trigger: "Trigger",
    session_id: "Session",
    tenant_id: "Tenant",
    attempt: "Attempt",
    root: "Root",
    agents_used: "Agents",
    tools_invoked: "Tools",
    id: "Internal id",
  },

  filters: {
    open: (/** @type {number} */ n) => (n ? `Filters (${n})` : "Filters"),
    set: "Filters that are set",
    apply: "Apply",
    any: "any",
    none: "Remove all filters",
    oneALine: "one a line",
    duration: "as 5 s or 2 min",
    notReadable: "This cannot be read.",
    remove: (/** @type {string} */ name, /** @type {string} */ value) => `Remove the filter ${name}: ${value}`,
    choices: { true: "yes", false: "no", manual: "manual", scheduled: "scheduled", triggered: "triggered" },
  },

  filter: {
    workflow_id: "Workflow's id",
    workflow_version: "Version",
    owner_id: "Owner's id",
    session_id: "Session",
    external_id: "External id",
    tenant_id: "Tenant",
    error_type: "Type of error",
    started_after: "Started at or after",
    started_before: "Started before",
    duration_ms_gte: "Took at least",
    duration_ms_lte: "Took at most",
    cost_usd_gte: "Cost at least ($)",
    tag: "Tags",
    label: "Labels (KEY=VALUE)",
    mode: "Mode",
    trigger: "Trigger",
    parent: "Parent",
    root: "Root of the tree",
    has_children: "Has children",
    paused: "Paused",
    waiting_for: "Waiting for",
    killed_by_budget: "Killed by budget",
  },

  json: {
    items: (/** @type {number} */ n) => number(n, "item"),
    members: (/** @type {number} */ n) => number(n, "member"),
    nothing: "nothing",
  },

  chart: {
    drag: "drag over the bars to narrow the time",
    from: "from",
  },

  ledger: {
    title: "Accounted for",
    purpose: "Every record that Kafka held for the recorder, under exactly one outcome.",
    partitions: "Account of each partition",
    topic: "Topic",
    partition: "Partition",
    lag: "Lag",
    consumed: "Consumed",
    applied: "Applied",
    late: "Late",
    duplicate: "Duplicate",
    rejected: "Rejected",
    deadLettered: "Dead letters",
    skipped: "Skipped",
    gaps: "Gaps",
    missed: "Missed",
    unaccounted: "Unaccounted",
    unknown: "unknown",
  },

  letters: {
    title: "Dead letters, by what is wrong",
    of: (/** @type {string} */ fingerprint) => `Dead letters with the fingerprint ${fingerprint}`,
    one: (/** @type {string} */ id) => `Dead letter ${id}`,
    all: "All dead letters",
    none: "There are none here.",
    cut: (/** @type {number} */ n) => `These are ${count(n)} records; there are older ones.`,
    older: "Older ones",
    records: "Records",
    reason: "Reason",
    detail: "What is wrong",
    waiting: "Not redriven",
    newest: "Newest",
    fingerprint: "Fingerprint",
    id: "Number",
    place: "Partition / offset",
    at: "Kafka's time",
    redriven: "Redriven",
    hidden: "The record itself is a payload: the role payloads shows it.",
    notWhole: (/** @type {string} */ parts) => `Too large to be kept whole: ${parts}.`,
    headers: "Headers",
    value: "Value",
    redrive: "Send it once more",
    how:
      "Once the cause is mended, send them once more. The first command says which would pass now and sends nothing.",
  },
};
