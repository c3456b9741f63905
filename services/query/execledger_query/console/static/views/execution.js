/** One execution: its record, and its events as they came. */

import { h } from "../lib/dom.js";
import { duration, money } from "../lib/format.js";
import { executionAddress } from "../lib/router.js";
import { time } from "../lib/time.js";
import { words } from "../lib/words.js";
import { badge } from "../parts/badge.js";
import { jsonTree } from "../parts/json.js";
import { region } from "../parts/region.js";
import { tabs } from "../parts/tabs.js";

/** @type {import("../types.d.ts").View} */
export const execution = {
  path: "executions/:id",
  title: words.execution,
  open({ params: { id }, url, signal, api, entitle }) {
    const shown = region({
      signal,
      load: (ended) => api.get("/v1/executions/{id}", { path: { id }, signal: ended }),
      show: ({ data }) => {
        entitle(data.external_id);
        return [
          head(data),
          tabs(words.execution, [{ id: "record", title: words.record, href: executionAddress(id) }], tab),
          jsonTree(data),
        ];
      },
    });
    const tab = url.searchParams.get("tab") ?? "record";
    shown.reload();
    return { element: shown.element };
  },
};

/** @param {import("../api.d.ts").Execution} said */
function head(said) {
  return h(
    "div",
    { class: "facts" },
    h("h1", {}, said.external_id),
    badge(said.status, { provisional: said.provisional, paused: said.paused_at !== null }),
    h("span", {}, said.workflow?.name ?? said.workflow?.id ?? ""),
    h("span", {}, time(said.started_at ?? said.created_at)),
    h("span", {}, duration(said.duration_ms)),
    h("span", {}, money(said.usage.cost_usd)),
  );
}
