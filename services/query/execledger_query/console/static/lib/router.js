/** Addresses: what is shown follows from them, so that reload, back and a link that was sent show the same. */

/** Where the service lies, below whatever prefix a proxy gives it. */
export const root = new URL("../../../", import.meta.url);

/** @typedef {string | number | boolean | null | undefined} Value */
/** @typedef {Record<string, Value | readonly string[]>} Query */

/**
 * The address of a page: `pageAddress("executions/a", { tab: "events" })`.
 * @param {string} path  its segments encoded, see `segment`
 * @param {Query | URLSearchParams} [query]
 */
export function pageAddress(path, query = {}) {
  const url = new URL(path, root);
  url.search = String(query instanceof URLSearchParams ? query : searchOf(query));
  return url.pathname + url.search;
}

/**
 * The page of an execution, by its internal id.
 * @param {string} id
 * @param {Query} [query]
 */
export function executionAddress(id, query = {}) {
  return pageAddress(`executions/${encodeURIComponent(id)}`, query);
}

/**
 * Parameters of an address; what is null, undefined or empty is left out, a list is one parameter for each.
 * @param {Query} query
 */
export function searchOf(query) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") search.append(name, String(each));
    }
  }
  return search;
}

/**
 * An address with other parameters; those that are not named stay.
 * @param {URL} url
 * @param {Query} changes
 */
export function withQuery(url, changes) {
  const search = new URLSearchParams(url.search);
  for (const [name, value] of Object.entries(changes)) {
    search.delete(name);
    for (const [, each] of searchOf({ [name]: value })) search.append(name, each);
  }
  const said = String(search);
  return url.pathname + (said ? `?${said}` : "");
}

/**
 * What a path has where the pattern has `:name`; null where it does not fit.
 * @param {string} pattern  as `executions/:id`
 * @param {string} path  below the root
 * @returns {Record<string, string> | null}
 */
export function match(pattern, path) {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return null;
  /** @type {Record<string, string>} */
  const found = {};
  for (const [at, part] of wanted.entries()) {
    if (part.startsWith(":") && given[at]) found[part.slice(1)] = decoded(given[at]);
    else if (part !== given[at]) return null;
  }
  return found;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @type {(url: URL, isReturn: boolean) => void} */
let arrive = () => {};

/**
 * Goes to a page of ours without loading the document anew.
 * @param {string} address
 * @param {{ replace?: boolean }} [how]  whether "back" leads past where one was
 */
export function go(address, how = {}) {
  const url = new URL(address, location.href);
  if (how.replace) history.replaceState(null, "", url);
  else if (url.href !== location.href) history.pushState(null, "", url);
  arrive(url, false);
}

/**
 * Calls `show` with the address now and whenever it changes, by a link, by `go`, or by "back".
 * @param {(url: URL, isReturn: boolean) => void} show  `isReturn`: by "back" or "forward"
 */
export function follow(show) {
  arrive = show;
  addEventListener("popstate", () => show(new URL(location.href), true));
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link && isOurs(link) && isPlain(event)) {
      event.preventDefault();
      go(link.href);
    }
  });
  show(new URL(location.href), false);
}

/** @param {HTMLAnchorElement} link */
function isOurs(link) {
  return link.origin === root.origin && link.pathname.startsWith(root.pathname) && !link.hasAttribute("download") &&
    !link.target && !link.dataset.leaves && link.getAttribute("href")?.startsWith("#") !== true;
}

/** @param {MouseEvent} event */
function isPlain(event) {
  return event.button === 0 && !event.defaultPrevented && !event.metaKey && !event.ctrlKey && !event.shiftKey &&
    !event.altKey;
}
