/** Signing in: with a token that one has, or at an OpenID provider where the service names one. */

import { fill, h } from "../lib/dom.js";
import { begin, finish, provider } from "../lib/oidc.js";
import { pageAddress, root } from "../lib/router.js";
import { readToken, signIn } from "../lib/session.js";
import { words } from "../lib/words.js";
import { loading } from "../parts/states.js";

/** @type {import("../types.d.ts").View} */
export const signin = {
  path: "signin",
  title: words.who.signIn,
  open({ url }) {
    const notice = h("div", { role: "alert" });
    const at = provider();
    const back = pathOf(url.searchParams.get("return"));
    const element = h("section", { class: "signin" }, h("h1", {}, words.who.signIn), notice);
    const complain = (/** @type {unknown} */ error) => fill(notice, h("div", { class: "problem" }, messageOf(error)));
    if (at && url.searchParams.has("state")) {
      fill(notice, loading());
      finish(at, url).then((found) => found && enter(found.token, pathOf(found.back)), complain).catch(complain);
    }
    if (at) {
      element.append(
        h("p", {}, h("button", { type: "button", class: "main", onclick: leave }, words.signin.atProvider)),
      );
    }
    element.append(tokenForm((text) => enter(text, back)));
    return { element };

    function leave() {
      if (at) begin(at, back).catch(complain);
    }
  },
};

/**
 * @param {string} text
 * @param {string} back
 */
function enter(text, back) {
  if (readToken(text) === null) throw new Error(words.signin.noToken);
  history.replaceState(null, "", back);
  signIn(text);
}

/** @param {(text: string) => void} onToken */
function tokenForm(onToken) {
  const field = h("textarea", { id: "token", rows: 5, required: true, autocomplete: "off", spellcheck: "false" });
  const notice = h("p", { class: "wrong", id: "token-wrong", role: "alert" });
  const onsubmit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    try {
      onToken(field.value);
    } catch (error) {
      fill(notice, messageOf(error));
      setTimeout(() => field.focus());
    }
  };
  return h(
    "form",
    { onsubmit },
    h("label", { for: "token" }, words.signin.token),
    field,
    h("p", { class: "hint" }, words.signin.hint),
    notice,
    h("button", { type: "submit" }, words.who.signIn),
  );
}

/**
 * A page of ours, whatever the address says.
 * @param {string | null} said
 */
function pathOf(said) {
  const url = new URL(said ?? "", root);
  const isOurs = url.origin === root.origin && url.pathname.startsWith(root.pathname);
  return isOurs && !url.pathname.endsWith("/signin") ? url.pathname + url.search : pageAddress("");
}

/** @param {unknown} error */
function messageOf(error) {
  return `${words.signin.failed} ${error instanceof Error ? error.message : String(error)}`;
}
