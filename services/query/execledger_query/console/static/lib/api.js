/** Asking the API: what it answers as it is, what went wrong as a problem that can be shown. */

import { root, searchOf } from "./router.js";

/** @typedef {import("../api.d.ts").Gets} Gets */
/** @typedef {{ parameter?: string | null, pointer?: string | null, detail: string }} Fault */
/**
 * @template T
 * @typedef {{ data: T, etag: string | null }} Answer
 */
/** @typedef {{ lagSeconds: number, heardAt: number }} Freshness */

const PREFIX = "urn:execledger:problem:";
const PATIENCE_MS = 30_000; // longer than any statement of the service may take

/** What went wrong. `kind` is the name of the API's problem, or `unreachable` where there was no answer of its. */
export class Problem extends Error {
  /**
   * @param {string} kind
   * @param {string} detail
   * @param {{ status?: number, faults?: Fault[], retrySeconds?: number | null }} [more]
   */
  constructor(kind, detail, { status = 0, faults = [], retrySeconds = null } = {}) {
    super(detail);
    this.kind = kind;
    this.status = status;
    this.faults = faults;
    this.retrySeconds = retrySeconds;
  }
}

/**
 * Whether that is only somebody who went away.
 * @param {unknown} error
 */
export function isAbort(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

export class Api {
  /**
   * @param {object} given
   * @param {() => string | null} given.token
   * @param {(freshness: Freshness) => void} [given.heard]  told how far the record lies behind, with each answer
   * @param {typeof fetch} [given.fetcher]
   */
  constructor({ token, heard = () => {}, fetcher = (...said) => fetch(...said) }) {
    this.token = token;
    this.heard = heard;
    this.fetcher = fetcher;
  }

  /**
   * What is at an address. With `known`, an answer from before, that very one comes back where nothing has changed.
   * @template {keyof Gets} P
   * @param {P} path  as in the document of the API: `/v1/executions/{id}`
   * @param {object} [asked]
   * @param {Gets[P]["path"]} [asked.path]
   * @param {Gets[P]["query"] | URLSearchParams} [asked.query]
   * @param {AbortSignal} [asked.signal]
   * @param {Answer<Gets[P]["answer"]> | null} [asked.known]
   * @returns {Promise<Answer<Gets[P]["answer"]>>}
   */
  async get(path, { path: names = /** @type {any} */ ({}), query = {}, signal, known = null } = {}) {
    const etag = known?.etag;
    const response = await this.ask(addressOf(path, names, query), {
      headers: etag ? { "If-None-Match": etag } : {},
      signal,
    });
    if (response.status === 304 && known) return known;
    return { data: await read(response), etag: response.headers.get("ETag") };
  }

  /**
   * Asks for something to be done.
   * @param {string} path
   * @param {Record<string, string>} names
   * @param {unknown} body
   * @param {{ key?: string, signal?: AbortSignal }} [how]  `key`: the same key never does it twice
   * @returns {Promise<any>}
   */
  async post(path, names, body, { key = crypto.randomUUID(), signal } = {}) {
    const response = await this.ask(addressOf(path, names, {}), {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": key },
      body: JSON.stringify(body),
      signal,
    });
    return await read(response);
  }

  /**
   * An answer that is good, or 304. Throws a Problem.
   * @param {URL} url
   * @param {{ method?: string, headers?: Record<string, string>, body?: string, signal?: AbortSignal, endless?: boolean }} asked
   *   `endless`: it may go on for ever
   */
  async ask(url, { headers = {}, signal, endless = false, ...asked }) {
    const token = this.token();
    const patience = endless ? [] : [AbortSignal.timeout(PATIENCE_MS)];
    try {
      const response = await this.fetcher(url, {
        ...asked,
        headers: token ? { ...headers, Authorization: `Bearer ${token}` } : headers,
        credentials: "same-origin",
        signal: AbortSignal.any([...(signal ? [signal] : []), ...patience]),
      });
      if (!response.ok && response.status !== 304) throw await problemOf(response);
      const lag = response.headers.get("Execledger-Lag-Seconds");
      if (lag !== null) this.heard({ lagSeconds: Number(lag), heardAt: Date.now() });
      return response;
    } catch (error) {
      throw told(error);
    }
  }
}

/**
 * The address of a route of the API.
 * @param {string} path
 * @param {Record<string, unknown>} names
 * @param {Record<string, any> | URLSearchParams} query
 */
export function addressOf(path, names, query) {
  const filled = path.slice(1).replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(names[name])));
  const url = new URL(filled, root);
  url.search = String(query instanceof URLSearchParams ? query : searchOf(query));
  return url;
}

/** @param {Response} response */
async function read(response) {
  try {
    return await response.json();
  } catch (error) {
    throw told(error);
  }
}

/**
 * The problem that an answer is.
 * @param {Response} response
 */
export async function problemOf(response) {
  const said = await response.json().catch(() => ({}));
  const type = typeof said.type === "string" && said.type.startsWith(PREFIX) ? said.type.slice(PREFIX.length) : null;
  const retry = Number(response.headers.get("Retry-After"));
  return new Problem(type ?? "unreachable", said.detail ?? `HTTP ${response.status}`, {
    status: response.status,
    faults: Array.isArray(said.errors) ? said.errors : [],
    retrySeconds: retry > 0 ? retry : null,
  });
}

/** @param {unknown} error */
function told(error) {
  if (error instanceof Problem || isAbort(error)) return error;
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return new Problem("unreachable", "no answer in time");
  }
  return new Problem("unreachable", error instanceof Error ? error.message : String(error));
}
