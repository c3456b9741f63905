/** Signing in at an OpenID provider: authorisation code with PKCE, as a public client. */

import { pageAddress } from "./router.js";

/** @typedef {{ issuer: string, clientId: string, scope: string }} Provider */
/** @typedef {{ state: string, verifier: string, back: string, tokenEndpoint: string }} Begun */

const KEY = "execledger.oidc";

/**
 * The one that the service names, if it does.
 * @returns {Provider | null}
 */
export function provider() {
  const told = (/** @type {string} */ name) =>
    document.querySelector(`meta[name="oidc-${name}"]`)?.getAttribute("content") ?? "";
  return told("issuer") ? { issuer: told("issuer"), clientId: told("client-id"), scope: told("scope") } : null;
}

/**
 * Leaves for the provider, which leads to `/signin` and from there to `back`. Throws an Error.
 * @param {Provider} at
 * @param {string} back
 */
export async function begin(at, back) {
  const said = await fetchJson(`${at.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  /** @type {Begun} */
  const begun = { state: randomText(), verifier: randomText(), back, tokenEndpoint: said.token_endpoint };
  sessionStorage.setItem(KEY, JSON.stringify(begun));
  const url = new URL(said.authorization_endpoint);
  url.search = String(asked(url.searchParams, at, begun.state, await challengeOf(begun.verifier)));
  location.assign(url);
}

/**
 * What the provider's address is given.
 * @param {URLSearchParams} search
 * @param {Provider} at
 * @param {string} state
 * @param {string} challenge
 */
function asked(search, at, state, challenge) {
  const said = {
    response_type: "code",
    client_id: at.clientId,
    redirect_uri: redirectAddress(),
    scope: at.scope,
    state,
    code_challenge: challenge,
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(said)) search.set(name, value);
  return search;
}

/**
 * The token that an address which the provider led to stands for, and where to go on; null where it is no such one.
 * Throws an Error.
 * @param {Provider} at
 * @param {URL} url
 */
export async function finish(at, url) {
  const search = url.searchParams;
  if (!search.has("state")) return null;
  const kept = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  /** @type {Begun | null} */
  const begun = JSON.parse(kept ?? "null");
  if (begun === null || begun.state !== search.get("state")) {
    throw new Error("this answer belongs to no sign-in of this tab");
  }
  if (search.has("error")) throw new Error(search.get("error_description") ?? search.get("error") ?? "");
  const said = await fetchJson(begun.tokenEndpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code: search.get("code") ?? "",
      redirect_uri: redirectAddress(),
      client_id: at.clientId,
      code_verifier: begun.verifier,
    }),
  });
  return { token: String(said.access_token), back: begun.back };
}

function redirectAddress() {
  return new URL(pageAddress("signin"), location.href).href;
}

/**
 * What is sent of a verifier beforehand: its SHA-256, RFC 7636.
 * @param {string} verifier
 */
export async function challengeOf(verifier) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return base64url(new Uint8Array(digest));
}

function randomText() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * @param {string} address
 * @param {RequestInit} [asked]
 */
async function fetchJson(address, asked = {}) {
  const response = await fetch(address, { ...asked, signal: AbortSignal.timeout(15_000) });
  const said = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(said.error_description ?? said.error ?? `HTTP ${response.status}`);
  return said;
}
