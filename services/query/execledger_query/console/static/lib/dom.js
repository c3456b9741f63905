/** Elements of the page. What is put into them is text: no function here makes markup of a string. */

/** @typedef {import("../types.d.ts").Child} Child */
/** @typedef {Record<string, unknown>} Attributes */

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "open", "disabled", "selected", "hidden"]);
const SCHEMES = new Set(["http:", "https:"]);

/**
 * An element. Of its attributes `onclick` and the like are listeners, `style` sets single properties, `class` may be
 * a list; what is null, undefined or false is left out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  setAll(element, attributes);
  element.append(...nodes(children));
  return element;
}

/**
 * The same for a drawing.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} name
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  setAll(element, attributes);
  element.append(...nodes(children));
  return element;
}

/**
 * Puts these into an element, in place of what is there.
 * @template {Element} E
 * @param {E} element
 * @param {...Child} children
 * @returns {E}
 */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/**
 * Sets attributes of an element that is there, as `h` does; null takes one away.
 * @param {Element} element
 * @param {Attributes} attributes
 */
export function setAll(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
}

/**
 * Makes the children of an element those of the items: one that is there stays the same element, with its focus.
 * @template T
 * @param {Element} parent
 * @param {readonly T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T, known: HTMLElement | null) => HTMLElement} show  the element of an item; `known` is the one it has
 */
export function keyed(parent, items, keyOf, show) {
  const known = new Map([...parent.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.key, child]));
  const shown = items.map((item) => {
    const key = keyOf(item);
    const element = show(item, /** @type {HTMLElement | null} */ (known.get(key) ?? null));
    element.dataset.key = key;
    return element;
  });
  const kept = new Set(shown);
  for (const child of [...parent.children]) if (!kept.has(/** @type {HTMLElement} */ (child))) child.remove();
  shown.forEach((element, at) => {
    if (parent.children[at] !== element) parent.insertBefore(element, parent.children[at] ?? null);
  });
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {unknown} value
 */
function set(element, name, value) {
  if (name.startsWith("on") && typeof value === "function") {
    element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
  } else if (name === "style" && value) {
    setStyle(/** @type {HTMLElement} */ (element), /** @type {Record<string, string | null>} */ (value));
  } else if (PROPERTIES.has(name) && name in element) {
    /** @type {any} */ (element)[name] = value ?? "";
  } else if (value === null || value === undefined || value === false) {
    element.removeAttribute(name);
  } else if (name !== "href" || leadsToAPage(String(value))) {
    element.setAttribute(
      name,
      Array.isArray(value) ? value.filter(Boolean).join(" ") : value === true ? "" : `${value}`,
    );
  }
}

/**
 * @param {HTMLElement} element
 * @param {Record<string, string | null>} style
 */
function setStyle(element, style) {
  for (const [property, value] of Object.entries(style)) element.style.setProperty(property, value);
}

/**
 * Whether a link may have that address: one from an event might run a script.
 * @param {string} address
 */
export function leadsToAPage(address) {
  try {
    return SCHEMES.has(new URL(address, "https://page.invalid/").protocol);
  } catch {
    return false;
  }
}

/**
 * @param {readonly Child[]} children
 * @returns {(Node | string)[]}
 */
function nodes(children) {
  return children.flat(/** @type {1} */ (Infinity)).flatMap((child) => {
    if (child === null || child === undefined || child === false) return [];
    return [child instanceof Node ? child : String(child)];
  });
}
