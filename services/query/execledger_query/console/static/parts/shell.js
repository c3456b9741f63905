/** What stands around every view: where one can go, how fresh it is, in which zone times are, who is signed in. */

import { fill, h } from "../lib/dom.js";
import { age as ageOf } from "../lib/format.js";
import { known, shortcutsOf } from "../lib/keys.js";
import { go, pageAddress } from "../lib/router.js";
import { session, signOut } from "../lib/session.js";
import { kept } from "../lib/store.js";
import { zone, zoneName } from "../lib/time.js";
import { words } from "../lib/words.js";
import { showDialog } from "./dialog.js";
import { signInAddress } from "./states.js";

/** @typedef {"auto" | "light" | "dark"} Theme */
/** @typedef {import("../types.d.ts").FreshnessStore} FreshnessStore */
/** @typedef {{ show: (element: Element, path: string) => void }} Shell */

const HEARD_OFTEN_MS = 40_000;

/** @type {import("../types.d.ts").Store<Theme>} */
const theme = kept("theme", "auto", (value) => value === "auto" || value === "light" || value === "dark");

/**
 * @param {object} given
 * @param {{ path: string, title: string }[]} given.links
 * @param {FreshnessStore} given.freshness
 * @param {import("../types.d.ts").Store<import("../types.d.ts").FeedState>} given.live
 * @returns {Shell}
 */
export function shell({ links, freshness, live }) {
  const main = h("main", { id: "main", tabindex: "-1" });
  const nav = h("nav", { "aria-label": words.navigation });
  const header = h(
    "header",
    { class: "head" },
    h("a", { class: "brand", href: pageAddress("") }, words.title),
    nav,
    h("div", { class: "about" }, freshnessOf(freshness, live), zoneChoice(), themeChoice(), helpButton(), whoIs()),
  );
  theme.follow((chosen) => (document.documentElement.dataset.theme = chosen));
  document.body.append(h("a", { class: "skip", href: "#main" }, words.skip), header, main);
  shortcutsOf([{ key: "?", does: words.keys.help, run: showKeys }]);

  /**
   * Puts a view in its place.
   * @param {Element} element
   * @param {string} path  of the view, for the navigation
   */
  function show(element, path) {
    fill(main, element);
    const link = (/** @type {{ path: string, title: string }} */ each) =>
      h("a", { href: pageAddress(each.path), "aria-current": each.path === path ? "page" : null }, each.title);
    fill(nav, links.map(link));
  }

  return { show };
}

/**
 * @param {FreshnessStore} freshness
 * @param {import("../types.d.ts").Store<import("../types.d.ts").FeedState>} live
 */
function freshnessOf(freshness, live) {
  const age = h("span", { title: words.freshness.hint });
  const state = h("span", { class: "live" });
  const tell = () => {
    const heard = freshness.get();
    if (heard === null) return;
    const elapsed = Date.now() - heard.heardAt;
    const isCurrent = live.get() === "live" && elapsed < HEARD_OFTEN_MS; // what changes is on the page already
    const seconds = heard.lagSeconds + (isCurrent ? 0 : elapsed / 1000);
    const text = words.freshness.asOf(ageOf(seconds));
    if (age.textContent !== text) fill(age, text);
    age.classList.toggle("late", seconds > 60);
  };
  freshness.follow(tell);
  live.follow((now) => {
    state.dataset.state = now;
    state.title = now === "broken" ? words.freshness.brokenHint : "";
    fill(state, words.freshness[now]);
  });
  setInterval(tell, 1000);
  return h("span", { class: "freshness" }, state, age);
}

function zoneChoice() {
  return choice(words.zone.label, zone, [["local", zoneName("local")], ["utc", words.zone.utc]]);
}

function themeChoice() {
  const said = words.theme;
  return choice(said.label, theme, [["auto", said.auto], ["light", said.light], ["dark", said.dark]]);
}

/**
 * @template {string} T
 * @param {string} label
 * @param {import("../types.d.ts").Store<T>} chosen
 * @param {[T, string][]} all
 */
function choice(label, chosen, all) {
  const select = h(
    "select",
    { "aria-label": label, title: label, onchange: () => chosen.set(/** @type {T} */ (select.value)) },
    all.map(([value, text]) => h("option", { value }, text)),
  );
  chosen.follow((value) => (select.value = value));
  return select;
}

function helpButton() {
  return h(
    "button",
    { type: "button", title: words.keys.help, "aria-label": words.keys.title, onclick: showKeys },
    "?",
  );
}

function showKeys() {
  const rows = known().map(({ key, does }) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, does)]);
  showDialog(words.keys.title, h("dl", { class: "keys" }, rows));
}

function whoIs() {
  const place = h("span", { class: "who" });
  session.follow((who) => {
    if (who === null) {
      return void fill(place, h("button", { type: "button", onclick: () => go(signInAddress()) }, words.who.signIn));
    }
    const text = words.who.as(who.subject, who.tenant);
    const name = h("span", { title: words.who.roles(who.roles.join(", ")) }, text);
    fill(place, name, h("button", { type: "button", onclick: signOut }, words.who.signOut));
  });
  return place;
}
