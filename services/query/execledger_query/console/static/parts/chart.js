/** Charts as drawings of our own, each with its table for those who do not see it. */

import { fill, h, svg } from "../lib/dom.js";
import { short } from "../lib/format.js";
import { words } from "../lib/words.js";

/** @typedef {{ id: string, title: string }} Series */
/** @typedef {{ key: string, title: string, tick: string, values: Record<string, number> }} Bar */
/** @typedef {{ left: number, right: number, top: number, bottom: number }} Margins */

const MARGIN = { left: 44, right: 8, top: 8, bottom: 20 };
const TICK_PX = 90;
const LEAST_DRAG_PX = 4;

/**
 * Bars of which each is made of parts; with one series it is a histogram. Whoever drags over some is asked for them.
 * @param {object} given
 * @param {string} given.caption
 * @param {Series[]} given.series  their ids are classes: `data-series`
 * @param {Bar[]} given.bars
 * @param {number} [given.height]
 * @param {(n: number) => string} [given.format]
 * @param {(first: number, last: number) => void} [given.onRange]  indexes of bars
 * @param {string} [given.axis]  what the first column of the table is
 * @param {boolean} [given.hasLegend]  false: what stands beside it says the colours
 */
export function bars(
  { caption, series, bars, height = 120, format = short, onRange, axis = words.chart.from, hasLegend = true },
) {
  const totals = bars.map((bar) => series.reduce((sum, { id }) => sum + (bar.values[id] ?? 0), 0));
  const top = niceTop(Math.max(0, ...totals));
  const rows = bars.map((bar) => [bar.title, ...series.map(({ id }) => format(bar.values[id] ?? 0))]);
  const draw = (/** @type {number} */ width) => {
    const inner = box(width, height);
    const step = inner.width / Math.max(1, bars.length);
    const gap = step > 3 ? 1 : 0;
    const drawn = bars.map((bar, at) => {
      let base = inner.bottom;
      const parts = series.filter(({ id }) => bar.values[id]).map(({ id }) => {
        const size = Math.max(1, (bar.values[id] / top) * inner.height);
        base -= size;
        const place = { x: inner.left + at * step, y: base, width: Math.max(0.5, step - gap), height: size };
        return svg("rect", { "data-series": id, ...place });
      });
      return parts.length ? svg("g", {}, svg("title", {}, barTitle(bar, series, format)), parts) : null;
    });
    const ticks = every(bars.length, step).map((at) => bottomLabel(inner.left + at * step, height, bars[at].tick));
    return [leftAxis(inner, top, format), drawn, ticks];
  };
  const { element, drawing } = chart({
    caption,
    draw,
    height,
    series,
    head: [axis, ...series.map((s) => s.title)],
    rows,
    hasLegend,
    hint: onRange && words.chart.drag,
  });
  if (onRange) letDrag(drawing, bars.length, onRange);
  return element;
}

/**
 * Lines over the same points.
 * @param {object} given
 * @param {string} given.caption
 * @param {Series[]} given.series
 * @param {Bar[]} given.points  a value that is missing leaves a gap
 * @param {number} [given.height]
 * @param {(n: number) => string} [given.format]
 * @param {string} [given.axis]
 */
export function lines({ caption, series, points, height = 160, format = short, axis = words.chart.from }) {
  const top = niceTop(Math.max(0, ...points.flatMap(({ values }) => Object.values(values))));
  const rows = points.map((
    { title, values },
  ) => [title, ...series.map(({ id }) => id in values ? format(values[id]) : "")]);
  const draw = (/** @type {number} */ width) => {
    const inner = box(width, height);
    const step = inner.width / Math.max(1, points.length);
    const x = (/** @type {number} */ at) => inner.left + (at + 0.5) * step;
    const y = (/** @type {number} */ value) => inner.bottom - (value / top) * inner.height;
    const drawn = series.map(({ id }) => {
      const spots = points.map(({ values }, at) => (id in values ? [x(at), y(values[id])] : null));
      const path = spots.map((spot, at) => (spot ? `${at && spots[at - 1] ? "L" : "M"}${spot.join(" ")}` : "")).join(
        "",
      );
      const dots = points.flatMap((point, at) => {
        const spot = spots[at];
        if (!spot) return [];
        const title = `${point.title}: ${format(point.values[id])}`;
        return [svg("circle", { cx: spot[0], cy: spot[1], r: points.length > 60 ? 1.5 : 3 }, svg("title", {}, title))];
      });
      return svg("g", { "data-series": id }, svg("path", { d: path, fill: "none" }), dots);
    });
    const ticks = every(points.length, step).map((at) => bottomLabel(x(at) - step / 2, height, points[at].tick));
    return [leftAxis(inner, top, format), drawn, ticks];
  };
  return chart({ caption, draw, height, series, head: [axis, ...series.map((s) => s.title)], rows }).element;
}

/**
 * @param {object} given
 * @param {string} given.caption
 * @param {(width: number) => import("../types.d.ts").Child} given.draw
 * @param {number} given.height
 * @param {Series[]} given.series
 * @param {string[]} given.head
 * @param {string[][]} given.rows
 * @param {boolean} [given.hasLegend]
 * @param {string} [given.hint]
 */
function chart({ caption, draw, height, series, head, rows, hasLegend = series.length > 1, hint }) {
  const drawing = svg("svg", { class: "drawing", height, role: "img", "aria-label": caption });
  const legend = hasLegend && series.length > 1 && h(
    "ul",
    { class: "legend", "aria-hidden": "true" },
    series.map(({ id, title }) => h("li", {}, h("span", { class: "swatch", "data-series": id }), title)),
  );
  const element = h(
    "figure",
    { class: "chart" },
    h("figcaption", {}, h("span", {}, caption, hint && ` · ${hint}`), legend),
    drawing,
    asTable(caption, head, rows),
  );
  let drawn = 0;
  new ResizeObserver(([{ contentRect }]) => {
    const width = Math.round(contentRect.width);
    if (width === drawn || width === 0) return;
    drawn = width;
    drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    fill(drawing, draw(width));
  }).observe(element);
  return { element, drawing };
}

/**
 * The same figures as a table, made when it is opened.
 * @param {string} caption
 * @param {string[]} head
 * @param {string[][]} rows
 */
function asTable(caption, head, rows) {
  const details = h("details", { class: "figures" }, h("summary", {}, words.asTable));
  details.addEventListener("toggle", () => {
    if (details.childElementCount > 1) return;
    const titles = h("tr", {}, head.map((title) => h("th", { scope: "col" }, title)));
    const lines = rows.map(([first, ...others]) =>
      h("tr", {}, h("th", { scope: "row" }, first), others.map((text) => h("td", { class: "number" }, text)))
    );
    const whole = h(
      "table",
      {},
      h("caption", { class: "unseen" }, caption),
      h("thead", {}, titles),
      h("tbody", {}, lines),
    );
    details.append(h("div", { class: "table", role: "region", "aria-label": caption, tabindex: "0" }, whole));
  });
  return details;
}

/**
 * @param {SVGSVGElement} drawing
 * @param {number} n
 * @param {(first: number, last: number) => void} onRange
 */
function letDrag(drawing, n, onRange) {
  drawing.classList.add("draggable");
  const at = (/** @type {PointerEvent} */ event) => event.clientX - drawing.getBoundingClientRect().left;
  const barAt = (/** @type {number} */ x) => {
    const inner = box(drawing.getBoundingClientRect().width, 0);
    return Math.min(n - 1, Math.max(0, Math.floor(((x - inner.left) / inner.width) * n)));
  };
  drawing.addEventListener("pointerdown", (down) => {
    if (down.button !== 0 || n === 0) return;
    const from = at(down);
    const band = svg("rect", { class: "band", y: 0, height: "100%" });
    const ended = new AbortController();
    drawing.append(band);
    drawing.setPointerCapture(down.pointerId);
    drawing.addEventListener("pointermove", (move) => {
      band.setAttribute("x", String(Math.min(from, at(move))));
      band.setAttribute("width", String(Math.abs(at(move) - from)));
    }, ended);
    drawing.addEventListener("pointercancel", () => end(), ended);
    drawing.addEventListener("pointerup", (up) => {
      end();
      const to = at(up);
      if (Math.abs(to - from) >= LEAST_DRAG_PX) onRange(barAt(Math.min(from, to)), barAt(Math.max(from, to)));
    }, ended);
    function end() {
      ended.abort();
      band.remove();
    }
  });
}

/**
 * @param {number} width
 * @param {number} height
 */
function box(width, height) {
  const bottom = height - MARGIN.bottom;
  return {
    left: MARGIN.left,
    right: width - MARGIN.right,
    top: MARGIN.top,
    bottom,
    width: Math.max(1, width - MARGIN.left - MARGIN.right),
    height: bottom - MARGIN.top,
  };
}

/**
 * @param {Margins & { width: number, height: number }} inner
 * @param {number} top
 * @param {(n: number) => string} format
 */
function leftAxis(inner, top, format) {
  return (top === 1 ? [0, 1] : [0, 0.5, 1]).map((share) => {
    const y = inner.bottom - share * inner.height;
    return [
      svg("line", { class: "grid", x1: inner.left, x2: inner.right, y1: y, y2: y }),
      svg("text", { x: inner.left - 6, y: y + 4, "text-anchor": "end" }, format(top * share)),
    ];
  });
}

/**
 * @param {number} x
 * @param {number} height
 * @param {string} text
 */
function bottomLabel(x, height, text) {
  return svg("text", { x, y: height - 5 }, text);
}

/**
 * Which of n places get a label, so that none overlap.
 * @param {number} n
 * @param {number} step
 */
function every(n, step) {
  const stride = Math.max(1, Math.ceil(TICK_PX / step));
  return Array.from({ length: Math.ceil(n / stride) }, (_, at) => at * stride);
}

/**
 * @param {Bar} bar
 * @param {Series[]} series
 * @param {(n: number) => string} format
 */
function barTitle(bar, series, format) {
  const parts = series.filter(({ id }) => bar.values[id]).map(({ id, title }) => `${title} ${format(bar.values[id])}`);
  return `${bar.title}\n${parts.join("\n")}`;
}

/**
 * A round number at or above the greatest.
 * @param {number} most
 */
export function niceTop(most) {
  if (most <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  const found = [1, 2, 4, 6, 8, 10].find((each) => each * power >= most * (1 - 1e-9)) ?? 10;
  return found * power;
}
