/** Begins: who is signed in, what stands around the views, and which of them an address shows. */

import { Api, isAbort } from "./lib/api.js";
import { h } from "./lib/dom.js";
import { listen } from "./lib/keys.js";
import { follow, match, pageAddress, root } from "./lib/router.js";
import { resume, session, token } from "./lib/session.js";
import { store } from "./lib/store.js";
import { Feed } from "./lib/stream.js";
import { zone } from "./lib/time.js";
import { words } from "./lib/words.js";
import { shell } from "./parts/shell.js";
import { empty } from "./parts/states.js";
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
 */
function show(around, url) {
  const path = decodeURI(url.pathname).slice(decodeURI(root.pathname).length);
  const found = VIEWS.map((view) => ({ view, params: match(view.path, path) })).find(({ params }) => params !== null);
  const key = `${path}\n${zone.get()}\n${token()}`;
  if (current?.key === key && current.showing.moved) return current.showing.moved(url);
  current?.left.abort();
  const left = new AbortController();
  const entitle = (/** @type {string} */ title) => (document.title = `${title} · ${words.title}`);
  const showing = found
    ? found.view.open({ params: found.params ?? {}, url, signal: left.signal, api, feed, entitle })
    : { element: empty(words.noPage, h("a", { href: pageAddress("") }, words.noPageHint)) };
  if (found) entitle(found.view.title);
  current = { key, showing, left };
  around.show(showing.element, found?.view.path ?? "");
}

/** Looks now and then how far the record lies behind, also where a page asks for nothing. */
async function look() {
  if (document.visibilityState !== "visible" || freshness.get() === null) return;
  const url = new URL("v1/executions?limit=1&fields=id", root);
  await api.ask(url, { method: "HEAD" }).catch((error) => {
    if (!isAbort(error)) console.info(error.message);
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
  follow((url) => show(around, url));
  session.onChange(() => show(around, new URL(location.href)));
  zone.onChange(() => show(around, new URL(location.href)));
  setInterval(look, LOOK_MS);
}

await begin();
