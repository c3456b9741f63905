/** What executions are narrowed to: every filter of the API, as fields and as what is set of them. */

import { fill, h } from "../lib/dom.js";
import { duration, readDuration } from "../lib/format.js";
import { go, withQuery } from "../lib/router.js";
import { fromField, time, toField } from "../lib/time.js";
import { words } from "../lib/words.js";

/** @typedef {keyof typeof words.filter} Name */
/** @typedef {"text" | "list" | "time" | "duration" | "number" | "yes-no" | "trigger"} Kind */

/** @type {[Name, Kind][]} */
const FIELDS = [
  ["workflow_id", "text"],
  ["workflow_version", "text"],
  ["owner_id", "text"],
  ["session_id", "text"],
  ["external_id", "text"],
  ["tenant_id", "text"],
  ["error_type", "text"],
  ["started_after", "time"],
  ["started_before", "time"],
  ["duration_ms_gte", "duration"],
  ["duration_ms_lte", "duration"],
  ["cost_usd_gte", "number"],
  ["tag", "list"],
  ["label", "list"],
  ["mode", "text"],
  ["trigger", "trigger"],
  ["parent", "text"],
  ["root", "text"],
  ["has_children", "yes-no"],
  ["paused", "yes-no"],
  ["waiting_for", "text"],
  ["killed_by_budget", "yes-no"],
];
const CHOICES = { "yes-no": ["true", "false"], trigger: ["manual", "scheduled", "triggered"] };
const PLACE = ["cursor", "since"]; // what other filters make void, or another time
/** @type {Record<string, { read: (typed: string) => string | null, write: (said: string) => string }>} */
const FORMS = {
  time: { read: (typed) => fromField(typed) || null, write: (said) => toField(said) },
  duration: {
    read: (typed) => readDuration(typed)?.toString() ?? null,
    write: (said) => Number.isFinite(Number(said)) ? duration(Number(said)) : said,
  },
};

/** Fields for all of them, and what is set of them in a row, each to be taken away. */
export function filters() {
  const form = h(
    "form",
    { class: "filters", onsubmit: apply, hidden: true },
    FIELDS.map(([name, kind]) => field(name, kind)),
  );
  form.append(h("p", { class: "actions" }, h("button", { type: "submit", class: "main" }, words.filters.apply)));
  const open = h("button", { type: "button", "aria-expanded": "false", onclick: () => toggle() });
  const chips = h("ul", { class: "chips", "aria-label": words.filters.set });

  /** @param {boolean} [shown] */
  function toggle(shown = Boolean(form.hidden)) {
    form.hidden = !shown;
    open.setAttribute("aria-expanded", String(shown));
    if (shown) /** @type {HTMLElement} */ (form.querySelector("input"))?.focus();
  }

  /** @param {Event} event */
  function apply(event) {
    event.preventDefault();
    const here = new URL(location.href);
    /** @type {Record<string, string[] | null>} */
    const changes = { cursor: null };
    for (const [name, kind] of FIELDS) {
      const input = fieldOf(form, name);
      const typed = input.value.split(kind === "list" ? "\n" : /$^/).map((each) => each.trim()).filter(Boolean);
      const shown = here.searchParams.getAll(name).map((said) => FORMS[kind]?.write(said) ?? said);
      if (String(typed) === String(shown)) continue; // what a field shows is less exact than what was said
      const read = typed.map((each) => (FORMS[kind] ? FORMS[kind].read(each) : each));
      input.setCustomValidity(read.includes(null) ? words.filters.notReadable : "");
      if (!input.reportValidity()) return;
      changes[name] = /** @type {string[]} */ (read);
      if (kind === "time") changes.since = null;
    }
    toggle(false);
    open.focus();
    go(withQuery(here, changes));
  }

  /** @param {URL} url */
  function update(url) {
    const search = url.searchParams;
    for (const [name, kind] of FIELDS) {
      const said = search.getAll(name).map((each) => FORMS[kind]?.write(each) ?? each);
      fieldOf(form, name).value = said.join("\n");
    }
    const set = [...search].filter(([name]) => isFilter(name));
    fill(open, words.filters.open(set.length));
    fill(chips, set.map(([name, value]) => chip(url, name, value)));
    chips.hidden = set.length === 0;
  }

  form.addEventListener("input", (event) => /** @type {HTMLInputElement} */ (event.target).setCustomValidity(""));
  return { form, open, chips, update, toggle };
}

/** @param {string} name */
function isFilter(name) {
  return FIELDS.some(([each]) => each === name) || name.startsWith("label.") || name.startsWith("tag[");
}

/**
 * @param {Name} name
 * @param {Kind} kind
 */
function field(name, kind) {
  const id = `filter-${name}`;
  const options = CHOICES[/** @type {keyof typeof CHOICES} */ (kind)];
  const said = words.filter[name];
  const hint = kind === "list" ? words.filters.oneALine : kind === "duration" ? words.filters.duration : undefined;
  const input = options
    ? h("select", { id, name }, h("option", { value: "" }, words.filters.any), options.map((value) => option(value)))
    : kind === "list"
    ? h("textarea", { id, name, rows: 2, placeholder: hint, autocomplete: "off" })
    : h("input", {
      id,
      name,
      type: kind === "time" ? "datetime-local" : kind === "number" ? "number" : "text",
      step: kind === "time" ? 1 : kind === "number" ? "any" : null,
      min: kind === "number" ? 0 : null,
      placeholder: hint,
      autocomplete: "off",
    });
  return h("div", {}, h("label", { for: id }, said), input);
}

/** @param {string} value */
function option(value) {
  return h("option", { value }, words.filters.choices[/** @type {keyof typeof words.filters.choices} */ (value)]);
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 */
function fieldOf(form, name) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
}

/**
 * @param {URL} url
 * @param {string} name
 * @param {string} value
 */
function chip(url, name, value) {
  const said = words.filter[/** @type {Name} */ (name)] ?? name;
  const kind = FIELDS.find(([each]) => each === name)?.[1];
  const shown = kind === "time" ? time(value) : kind === "duration" ? FORMS.duration.write(value) : value;
  const others = url.searchParams.getAll(name).filter((each) => each !== value);
  const href = withQuery(url, { [name]: others, cursor: null });
  const remove = h("a", { href, "aria-label": words.filters.remove(said, shown), title: words.remove }, "×");
  return h("li", {}, `${said}: ${shown} `, remove);
}

/**
 * An address without any filter; what else it says stays.
 * @param {URL} url
 */
export function withoutFilters(url) {
  const names = [...url.searchParams.keys()].filter(isFilter);
  return withQuery(url, Object.fromEntries([...names, ...PLACE, "q", "status"].map((name) => [name, null])));
}
