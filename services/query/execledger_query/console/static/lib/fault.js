/** Where in a dead letter the fault lies that its detail names. Pure. */

/** @typedef {{ before: string, fault: string, after: string }} Marked  a text in three; of a missing member, what lacks it */
/** @typedef {import("../api.d.ts").WholeDeadLetter} Letter */

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/gs;
const POSITION = /^(?:byte|character) (\d+): /;

/**
 * The bytes of a dead letter as text, with its fault apart; without one where the detail names no place.
 * @param {Letter} letter
 * @returns {Marked | null}  null: its bytes are not shown, or there are none
 */
export function marked(letter) {
  if (letter.value_base64 === null) return null;
  const bytes = Uint8Array.from(atob(letter.value_base64), (each) => each.charCodeAt(0));
  const text = textOf(bytes);
  const position = POSITION.exec(letter.detail);
  if (position && !isUtf8(bytes)) return cutBytes(bytes, Number(position[1]));
  if (position) return cut(text, text.length - [...text].slice(Number(position[1])).join("").length, 1);
  const isBinary = letter.headers?.some(({ name }) => name.toLowerCase().startsWith("ce_"));
  const path = letter.detail.split(": ")[0];
  const span = spanOf(text, isBinary ? path.replace(/^data\./, "") : path);
  return span ? cut(text, span[0], span[1] - span[0]) : cut(text, text.length, 0);
}

/**
 * The header that a fault lies in.
 * @param {Letter} letter
 */
export function faultyHeader(letter) {
  const wanted = `ce_${letter.detail.split(": ")[0]}`;
  return letter.headers?.find(({ name }) => name.toLowerCase() === wanted)?.name ?? null;
}

/**
 * From where to where the value at a path reaches in a JSON text, or the nearest that contains it.
 * @param {string} text
 * @param {string} path  as `data.step.id`
 * @returns {[number, number] | null}
 */
export function spanOf(text, path) {
  /** @type {{ path: string, start: number, isObject: boolean, name: string, number: number }[]} */
  const open = [];
  /** @type {{ path: string, span: [number, number] } | null} */
  let best = null;
  const consider = (/** @type {string} */ at, /** @type {[number, number]} */ span) => {
    const fits = at !== "" && (path === at || path.startsWith(`${at}.`));
    if (fits && at.length >= (best?.path.length ?? 0)) best = { path: at, span };
  };
  const here = () => {
    const top = open.at(-1);
    if (!top) return "";
    const name = top.isObject ? top.name : String(top.number);
    return top.path ? `${top.path}.${name}` : name;
  };
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const top = open.at(-1);
    const end = index + token.length;
    if (token === "{" || token === "[") {
      open.push({ path: here(), start: index, isObject: token === "{", name: "", number: 0 });
    } else if (token === "}" || token === "]") {
      const closed = open.pop();
      if (closed) consider(closed.path, [closed.start, end]);
    } else if (token === "," && top) {
      top.number += 1;
      top.name = "";
    } else if (top?.isObject && top.name === "" && token.startsWith('"')) {
      top.name = nameOf(token);
    } else if (token !== ":" && token !== ",") {
      consider(here(), [index, end]);
    }
  }
  return /** @type {{ span: [number, number] } | null} */ (best)?.span ?? null;
}

/** @param {string} token */
function nameOf(token) {
  try {
    return JSON.parse(token);
  } catch {
    return token.slice(1, -1);
  }
}

/**
 * @param {string} text
 * @param {number} at
 * @param {number} length
 */
function cut(text, at, length) {
  return { before: text.slice(0, at), fault: text.slice(at, at + length), after: text.slice(at + length) };
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function cutBytes(bytes, at) {
  const fault = [...bytes.slice(at, at + 1)].map((each) => `\\x${each.toString(16).padStart(2, "0")}`).join("");
  return { before: textOf(bytes.slice(0, at)), fault, after: textOf(bytes.slice(at + 1)) };
}

/** @param {Uint8Array} bytes */
function textOf(bytes) {
  return new TextDecoder().decode(bytes);
}

/** @param {Uint8Array} bytes */
function isUtf8(bytes) {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
