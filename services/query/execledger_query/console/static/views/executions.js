/** Executions: a table of them. */

import { h } from "../lib/dom.js";
import { duration, money } from "../lib/format.js";
import { executionAddress } from "../lib/router.js";
import { time } from "../lib/time.js";
import { words } from "../lib/words.js";
import { badge } from "../parts/badge.js";
import { region } from "../parts/region.js";
import { table } from "../parts/table.js";

/** @typedef {import("../api.d.ts").ListedExecution} Execution */

/** @type {import("../types.d.ts").View} */
export const executions = {
  path: "",
  title: words.executions,
  isLinked: true,
  open({ url, signal, api }) {
    const rows = table({ caption: words.executions, columns: COLUMNS, keyOf: (row) => row.id ?? "", signal });
    const list = region({
      signal,
      load: (ended) => api.get("/v1/executions", { query: url.searchParams, signal: ended }),
      show: ({ data }) => {
        rows.set(data.items);
        return rows.element;
      },
    });
    list.reload();
    return { element: h("div", {}, h("h1", {}, words.executions), list.element) };
  },
};

/** @type {import("../parts/table.js").Column<Execution>[]} */
const COLUMNS = [
  { id: "status", title: "Status", cell: (row) => badge(row.status ?? "") },
  {
    id: "external_id",
    title: "Id",
    cell: (row) => h("a", { href: executionAddress(row.id ?? "") }, row.external_id),
  },
  { id: "workflow", title: "Workflow", cell: (row) => row.workflow?.name ?? row.workflow?.id },
  { id: "started_at", title: "Started", cell: (row) => time(row.started_at) },
  { id: "duration_ms", title: "Took", isNumber: true, cell: (row) => duration(row.duration_ms) },
  { id: "cost_usd", title: "Cost", isNumber: true, cell: (row) => money(row.usage?.cost_usd) },
];
