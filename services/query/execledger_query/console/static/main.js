/** Begins: who is signed in, what stands around the views, and which of them an address shows. */

import { Api, Problem } from "./lib/api.js";
import { h } from "./lib/dom.js";
import { listen } from "./lib/keys.js";
import { follow, match, pageAddress, root } from "./lib/router.js";
import { resume, session, token } from "./lib/session.js";
import { store } from "./lib/store.js";
import { Feed } from "./lib/stream.js";
import { zone } from "./lib/time.js";
import { words } from "./lib/words.js";
import { shell } from "./parts/shell.js";
import { empty, problemBox } from "./parts/states.js";
import { execution } from "./views/execution.js";
import { executions } from "./views/executions.js";
import { ledger } from "./views/ledger.js";
import { signin } from "./views/signin.js";

/** @type {import("./types.d.ts").View[]} */
const VIEWS = [executions, execution, ledger, signin];
const LOOK_MS = 15_000;

const freshness = store(/** @type {import("./lib/api.js").Freshness | null} */ (null));
const api = new Api({ token, heard: freshness.set });
const feed = new Feed(api);

/** @type {{ key: string, showing: import("./types.d.ts").Showing, left: AbortController } | null} */
let current = null;

/**
 * @param {import("./parts/shell.js").Shell} around
 * @param {URL} url
 * @param {boolean} [isReturn]
 */
function show(around, url, isReturn = false) {
  const path = url.pathname.slice(root.pathname.length);
  const found = VIEWS.map((view) => ({ view, params: match(view.path, path) })).find(({ params }) => params !== null);
  const key = `${path}\n${zone.get()}\n${token()}`;
  if (current?.key === key && current.showing.moved) return current.showing.moved(url);
  current?.left.abort();
  const left = new AbortController();
  const entitle = (/** @type {string} */ title) => (document.title = `${title} · ${words.title}`);
  if (found) entitle(found.view.title);
  const visit = { params: found?.params ?? {}, url, signal: left.signal, isReturn, api, feed, entitle };
  const showing = found
    ? opened(found.view, visit)
    : { element: empty(words.noPage, h("a", { href: pageAddress("") }, words.noPageHint)) };
  current = { key, showing, left };
  around.show(showing.element, found?.view.path ?? "");
}

/**
 * A view that fails is said where it would be; what stands around it stays.
 * @param {import("./types.d.ts").View} view
 * @param {import("./types.d.ts").Visit} visit
 */
function opened(view, visit) {
  try {
    return view.open(visit);
  } catch (error) {
    console.error(error);
    return { element: problemBox(error) };
  }
}

/** Whether the token that there is lets nobody in any more. */
let isRefused = false;

/** Looks now and then how far the record lies behind, also where a page asks for nothing. */
async function look() {
  if (document.visibilityState !== "visible" || freshness.get() === null || isRefused) return;
  const url = new URL("v1/executions?limit=1&fields=id", root);
  await api.ask(url, { method: "HEAD" }).catch((error) => {
    isRefused = error instanceof Problem && error.kind === "unauthenticated";
  });
}

/** A relative address of the icon would be looked up anew, from wherever one has gone meanwhile. */
function keepIcon() {
  const icon = /** @type {HTMLLinkElement | null} */ (document.querySelector('link[rel="icon"]'));
  if (icon) icon.href = new URL(icon.href).href;
}

async function begin() {
  keepIcon();
  await resume();
  const links = VIEWS.filter((view) => view.isLinked).map(({ path, title }) => ({ path, title }));
  const around = shell({ links, freshness, live: feed.state });
  listen();
  session.follow((who) => feed.restart(who ? JSON.stringify([who.tenant, who.subject, who.roles]) : "nobody"));
  follow((url, isReturn) => show(around, url, isReturn));
  session.onChange(() => (isRefused = false));
  session.onChange(() => show(around, new URL(location.href)));
  zone.onChange(() => show(around, new URL(location.href)));
  setInterval(look, LOOK_MS);
}

await begin();
