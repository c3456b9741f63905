/** What stands in a place where nothing is shown yet, where there is nothing, or where something went wrong. */

import { Problem } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { go, pageAddress, withQuery } from "../lib/router.js";
import { words } from "../lib/words.js";

export function loading() {
  return h("p", { class: "state loading", role: "status" }, words.loading);
}

/**
 * @param {string} text
 * @param {...import("../types.d.ts").Child} more  what to do about it
 */
export function empty(text, ...more) {
  return h("div", { class: "state empty" }, h("p", {}, text), ...more);
}

/**
 * What went wrong, and what to do about it.
 * @param {unknown} error
 * @param {{ retry?: () => void }} [how]
 */
export function problemBox(error, { retry } = {}) {
  const problem = error instanceof Problem ? error : new Problem("internal", String(error));
  const said = words.problem;
  return h(
    "div",
    { class: "problem", role: "alert", "data-problem": problem.kind },
    h("strong", {}, said.titles[problem.kind] ?? said.unknown),
    h("p", {}, problem.message),
    problem.faults.length > 1 && h("ul", {}, problem.faults.map(fault)),
    h("p", {}, said.advice[problem.kind] ?? ""),
    h("p", { class: "actions" }, actions(problem), retry && button(words.tryAgain, retry)),
  );
}

/** @param {import("../lib/api.js").Fault} said */
function fault(said) {
  return h("li", {}, words.problem.fault(said.parameter ?? said.pointer ?? "", said.detail));
}

/** @param {Problem} problem */
function actions(problem) {
  const here = new URL(location.href);
  if (problem.kind === "unauthenticated") return h("a", { class: "button", href: signInAddress() }, words.who.signIn);
  if (problem.kind === "invalid-cursor") {
    return button(words.problem.firstPage, () => go(withQuery(here, { cursor: null })));
  }
  const named = problem.faults.map((each) => each.parameter ?? "").filter((name) => here.searchParams.has(name));
  return [...new Set(named)].map((name) =>
    button(words.problem.removeParameter(name), () => go(withQuery(here, { [name]: null })))
  );
}

/** The page to sign in at, which leads back here. */
export function signInAddress() {
  return pageAddress("signin", { return: location.pathname + location.search });
}

/**
 * @param {string} text
 * @param {() => void} onclick
 */
function button(text, onclick) {
  return h("button", { type: "button", onclick }, text);
}
