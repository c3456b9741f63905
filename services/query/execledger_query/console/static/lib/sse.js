/** Server-Sent Events as text becomes them. Pure. */

/** @typedef {{ type: string, data: string, id: string }} ServerEvent */

/** Takes pieces of a stream as they come, and gives the events that they end. */
export class EventParser {
  lastId = "";
  retryMs = /** @type {number | null} */ (null);
  #rest = "";
  #type = "";
  #data = /** @type {string[]} */ ([]);
  #id = "";

  /** @param {string} [lastId] */
  constructor(lastId = "") {
    this.lastId = this.#id = lastId;
  }

  /**
   * @param {string} text
   * @returns {ServerEvent[]}
   */
  feed(text) {
    const whole = this.#rest + text;
    const cut = whole.endsWith("\r") ? whole.length - 1 : whole.length; // its line feed may come with the next piece
    const lines = whole.slice(0, cut).split(/\r\n|\r|\n/);
    this.#rest = (lines.pop() ?? "") + whole.slice(cut);
    return lines.flatMap((line) => this.#line(line));
  }

  /**
   * @param {string} line
   * @returns {ServerEvent[]}
   */
  #line(line) {
    if (line === "") return this.#dispatch();
    const at = line.indexOf(":");
    const name = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? "" : line.slice(line[at + 1] === " " ? at + 2 : at + 1);
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#type = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
    return [];
  }

  #dispatch() {
    this.lastId = this.#id;
    const event = { type: this.#type || "message", data: this.#data.join("\n"), id: this.lastId };
    const isEmpty = this.#data.length === 0;
    this.#type = "";
    this.#data = [];
    return isEmpty ? [] : [event];
  }
}
