/**
 * Executions as they change, for all tabs of a browser over one connection.
 *
 * HTTP/1.1 gives a browser six connections to a host: with a stream for each tab the seventh tab would hang. A lock
 * chooses the tab that reads; what it reads goes to the others by a channel. When it is closed, the next one that
 * waits for the lock goes on behind the last event that it heard.
 */

import { addressOf, isAbort, Problem } from "./api.js";
import { EventParser } from "./sse.js";
import { store } from "./store.js";

/** @typedef {import("../types.d.ts").Change} Change */
/** @typedef {import("../types.d.ts").FeedState} State */
/** @typedef {{ kind: "event", type: string, data: string, id: string } | { kind: "state", state: State, id: string } | { kind: "hello" }} Message */

/** What a change shows of an execution: what lists show, and not what is large. */
export const FOLLOWED = [
  "id,external_id,tenant_id,owner,session_id,workflow,status,provisional,attempt,trigger,mode,created_at,started_at",
  "ended_at,duration_ms,progress_percent,completed_steps,total_steps,error,usage,paused_at,waiting_for",
  "killed_by_budget,cancel_requested_at,parent_execution_id,root_execution_id,tags,revision,version",
].join(",");

const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 30_000;
const REFUSED = new Set(["unauthenticated", "forbidden", "invalid-parameter"]); // to ask again is of no use

export class Feed {
  state = store(/** @type {State} */ ("off"));
  #api;
  #listeners = /** @type {Set<(change: Change) => void>} */ (new Set());
  #lastId = "";
  #open = /** @type {AbortController | null} */ (null);
  #channel = /** @type {BroadcastChannel | null} */ (null);
  #name = "";
  #leads = false;

  /** @param {import("./api.js").Api} api */
  constructor(api) {
    this.#api = api;
  }

  /**
   * Is told of each change, until the signal.
   * @param {(change: Change) => void} listener
   * @param {AbortSignal} signal
   */
  follow(listener, signal) {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener));
    if (this.#open === null && this.#name) this.#start();
  }

  /**
   * Begins anew for somebody else: tabs of those who see the same share a stream.
   * @param {string} who
   */
  restart(who) {
    this.#open?.abort();
    this.#open = null;
    this.#lastId = "";
    this.#name = `execledger.feed:${who}`;
    this.state.set("off");
    if (this.#listeners.size > 0) this.#start();
  }

  #start() {
    const open = new AbortController();
    const channel = new BroadcastChannel(this.#name);
    this.#open = open;
    this.#channel = channel;
    this.state.set("connecting");
    channel.addEventListener("message", ({ data }) => this.#hear(data));
    channel.postMessage({ kind: "hello" });
    open.signal.addEventListener("abort", () => channel.close());
    const lead = () => this.#lead(open.signal);
    if (!navigator.locks) return void lead(); // without TLS a browser has none: each tab for itself
    navigator.locks.request(this.#name, { signal: open.signal }, lead).catch((error) => {
      if (!isAbort(error)) this.state.set("broken");
    });
  }

  /** @param {Message} message */
  #hear(message) {
    if (message.kind === "hello") {
      if (this.#leads) this.#tell({ kind: "state", state: this.state.get(), id: this.#lastId });
    } else if (message.kind === "state") {
      this.#lastId = message.id || this.#lastId;
      this.state.set(message.state);
    } else {
      this.#take(message);
    }
  }

  /** @param {Message} message */
  #tell(message) {
    this.#channel?.postMessage(message);
  }

  /** @param {State} state */
  #say(state) {
    this.state.set(state);
    this.#tell({ kind: "state", state, id: this.#lastId });
  }

  /** @param {import("./sse.js").ServerEvent} event */
  #take({ type, data, id }) {
    this.#lastId = id || this.#lastId;
    /** @type {Change | null} */
    let change = null;
    if (type === "execution") change = { kind: "execution", execution: JSON.parse(data) };
    if (type === "reset") change = { kind: "reset" };
    if (change) { for (const listener of [...this.#listeners]) listener(change); }
  }

  /** @param {AbortSignal} signal */
  async #lead(signal) {
    this.#leads = true;
    let wait = FIRST_WAIT_MS;
    while (!signal.aborted) {
      try {
        await this.#read(signal);
        wait = FIRST_WAIT_MS;
      } catch (error) {
        if (signal.aborted) break;
        this.#say("broken");
        if (error instanceof Problem && error.kind === "invalid-cursor") this.#lastId = "";
        if (error instanceof Problem && REFUSED.has(error.kind)) await untilAborted(signal);
      }
      await pause(wait, signal);
      wait = Math.min(2 * wait, LONGEST_WAIT_MS);
    }
    this.#leads = false;
  }

  /** Tells all tabs that what happened meanwhile is not to be had from here. */
  #reset() {
    this.#lastId = "";
    const event = { type: "reset", data: "", id: "" };
    this.#tell({ kind: "event", ...event });
    this.#take(event);
  }

  /**
   * Reads one connection to its end.
   * @param {AbortSignal} signal
   */
  async #read(signal) {
    const parser = new EventParser(this.#lastId);
    const url = addressOf("/v1/stream", {}, { limit: 0, fields: FOLLOWED });
    /** @type {Record<string, string>} */
    const headers = { Accept: "text/event-stream" };
    if (this.#lastId) headers["Last-Event-ID"] = this.#lastId;
    const response = await this.#api.ask(url, { headers, signal, endless: true });
    this.#say("live");
    if (!this.#lastId) this.#reset(); // lists may have been read before it began
    const text = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (response.body).pipeThrough(
      new TextDecoderStream(),
    );
    const reader = text.getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      for (const event of parser.feed(piece.value)) {
        this.#tell({ kind: "event", ...event });
        this.#take(event);
      }
      this.#lastId = parser.lastId;
    }
    this.#say("connecting");
  }
}

/** @param {AbortSignal} signal */
function untilAborted(signal) {
  return new Promise((resolve) => signal.addEventListener("abort", resolve));
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve(null);
    });
  });
}
