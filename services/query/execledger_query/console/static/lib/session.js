/** Who is signed in: a token, kept for this tab, and given to other tabs of this browser that ask for it. */

import { store } from "./store.js";

/** @typedef {{ token: string, subject: string, tenant: string, roles: string[], expiresAt: number | null }} Session */

const KEY = "execledger.token";
const NAME = "execledger.session"; // of the channel between tabs, and of the lock that each holds which is signed in
const WAIT_MS = 3_000;

/** @type {import("../types.d.ts").Store<Session | null>} */
export const session = store(/** @type {Session | null} */ (null));

/** The token that requests carry. */
export function token() {
  return session.get()?.token ?? null;
}

/**
 * Whether payloads of everybody are shown to them; those of their own always are.
 * @param {Session | null} [who]
 */
export function readsPayloads(who = session.get()) {
  return who?.roles.includes("payloads") ?? false;
}

/**
 * Whether they may act and run the system.
 * @param {Session | null} [who]
 */
export function operates(who = session.get()) {
  return who?.roles.some((role) => role === "service" || role === "admin") ?? false;
}

/**
 * What a token says of its holder; null where it is none. Nothing is proved by it: the service does that.
 * @param {string} text
 * @returns {Session | null}
 */
export function readToken(text) {
  const parts = text.trim().split(".");
  if (parts.length !== 3) return null;
  try {
    const bytes = Uint8Array.from(atob(parts[1].replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof claims !== "object" || claims === null) return null;
    return {
      token: text.trim(),
      subject: String(claims.sub ?? ""),
      tenant: String(claims.tenant ?? ""),
      roles: Array.isArray(claims.roles) ? claims.roles.map(String) : [],
      expiresAt: typeof claims.exp === "number" ? claims.exp * 1000 : null,
    };
  } catch {
    return null;
  }
}

/**
 * Holds a token from now on; whether it is one.
 * @param {string} text
 */
export function signIn(text) {
  const found = readToken(text);
  if (found === null) return false;
  sessionStorage.setItem(KEY, found.token);
  holdLock();
  session.set(found);
  return true;
}

/** Forgets the token, in all tabs. */
export function signOut() {
  forget();
  new BroadcastChannel(NAME).postMessage({ kind: "over" });
}

function forget() {
  sessionStorage.removeItem(KEY);
  letGo();
  session.set(null);
}

/** Ends the holding of the lock. */
let letGo = () => {};

/** Tells new tabs that it is worth to ask this one. */
function holdLock() {
  letGo();
  const held = new Promise((resolve) => (letGo = () => resolve(null)));
  navigator.locks?.request(NAME, { mode: "shared" }, () => held);
}

async function othersAreSignedIn() {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return held.some(({ name }) => name === NAME);
}

/** Takes the token of the address, of this tab, or of another tab, whichever there is; then answers other tabs. */
export async function resume() {
  const given = takeFromAddress();
  if (!(given && signIn(given))) {
    const known = sessionStorage.getItem(KEY) ?? ((await othersAreSignedIn()) ? await askOthers() : null);
    if (known) signIn(known);
  }
  const channel = new BroadcastChannel(NAME);
  channel.addEventListener("message", ({ data }) => {
    if (data.kind === "ask" && token()) channel.postMessage({ kind: "answer", token: token() });
    if (data.kind === "over" && token()) forget();
  });
}

/** `#token=…` of a link; it goes from the address, so that it is not passed on with it. */
function takeFromAddress() {
  const said = new URLSearchParams(location.hash.slice(1));
  const found = said.get("token");
  if (found === null) return null;
  said.delete("token");
  history.replaceState(history.state, "", location.pathname + location.search + (String(said) ? `#${said}` : ""));
  return found;
}

/** @returns {Promise<string | null>} */
function askOthers() {
  const channel = new BroadcastChannel(NAME);
  return new Promise((resolve) => {
    const end = (/** @type {string | null} */ found) => {
      channel.close();
      resolve(found);
    };
    channel.addEventListener("message", ({ data }) => data.kind === "answer" && end(data.token));
    channel.postMessage({ kind: "ask" });
    setTimeout(() => end(null), WAIT_MS);
  });
}
