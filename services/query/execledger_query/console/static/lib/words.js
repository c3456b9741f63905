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
    unknown: "age unknown",
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

  json: {
    items: (/** @type {number} */ n) => number(n, "item"),
    members: (/** @type {number} */ n) => number(n, "member"),
    nothing: "nothing",
  },

  chart: {
    drag: "Drag over the bars to narrow the time.",
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
