import { deepEqual, equal } from "node:assert/strict";
import { bucketOf, startsOf } from "console/lib/buckets.js";
import { readDuration } from "console/lib/format.js";
import { withChange } from "console/views/executions/live.js";
import { countsQuery, listQuery, mayFit, nextPage, rangeOf, statusesOf } from "console/views/executions/query.js";

const NOW = Date.parse("2026-03-01T12:30:00Z");
const search = (/** @type {string} */ said) => new URLSearchParams(said);

Deno.test("the list is asked for all that the address says, but for what is the console's own", () => {
  const asked = listQuery(search("status=failed&label.a=b&cols=id&since=1h&sort=-cost_usd&q="), ["id", "status"], NOW);
  deepEqual(Object.fromEntries(asked), {
    status: "failed",
    "label.a": "b",
    sort: "-cost_usd",
    started_after: "2026-03-01T11:30:00.000Z",
    fields: "id,status",
    total: "true",
  });
});

Deno.test("a time that is said goes before one that counts from now", () => {
  equal(
    listQuery(search("since=1h&started_after=2026-01-01T00:00:00Z"), [], NOW).get("started_after"),
    "2026-01-01T00:00:00Z",
  );
});

Deno.test("the next page belongs to the list of which it goes on, also where that counts from now", () => {
  deepEqual(nextPage(search("since=1h"), "c", NOW), {
    cursor: "c",
    since: null,
    started_after: "2026-03-01T11:30:00.000Z",
  });
  deepEqual(nextPage(search("status=failed"), "c", NOW), { cursor: "c" });
});

Deno.test("counts are of the same executions, in all statuses, over the time that is looked at", () => {
  const said = search("status=failed&workflow_id=w&sort=id&cursor=c&since=7d");
  const range = rangeOf(said, NOW);
  deepEqual(Object.fromEntries(countsQuery(said, range, "UTC")), {
    workflow_id: "w",
    from: "2026-02-22T12:30:00.000Z",
    to: "2026-03-01T12:30:00.000Z",
    bucket: "day",
    time_zone: "UTC",
  });
  deepEqual(rangeOf(search("started_before=2026-02-01T00:00:00Z"), NOW), {
    from: Date.parse("2026-01-31T00:00:00Z"),
    to: Date.parse("2026-02-01T00:00:00Z"),
    isOpen: false,
    isSaid: false,
  });
});

Deno.test("statuses are read in each spelling of the API", () => {
  deepEqual(statusesOf(search("status=failed,running&status=pending&status[]=completed")), [
    "failed",
    "running",
    "pending",
    "completed",
  ]);
});

Deno.test("an execution that a filter leaves out cannot be new", () => {
  const execution = /** @type {any} */ ({ status: "failed", workflow: { id: "w" }, owner: null });
  equal(mayFit(execution, search("status=failed&workflow_id=w&q=words")), true);
  equal(mayFit(execution, search("status=running")), false);
  equal(mayFit(execution, search("owner_id=ann")), false);
});

Deno.test("a row becomes what it is now, unless it was newer already", () => {
  const rows = /** @type {any[]} */ ([{ id: "a", revision: 1, query: "kept" }, { id: "b", revision: 5 }]);
  const changed = withChange(rows, /** @type {any} */ ({ id: "a", revision: 2, status: "failed" }));
  deepEqual(changed?.[0], { id: "a", revision: 2, query: "kept", status: "failed" });
  equal(changed?.[1], rows[1]);
  equal(withChange(rows, /** @type {any} */ ({ id: "b", revision: 5 })), null);
  equal(withChange(rows, /** @type {any} */ ({ id: "c", revision: 1 })), null);
});

Deno.test("spans of a zone begin where its days do, also where clocks change", () => {
  const starts = (
    /** @type {string} */ from,
    /** @type {string} */ to,
    /** @type {any} */ bucket,
    zone = "Europe/Berlin",
  ) => startsOf(Date.parse(from), Date.parse(to), bucket, zone).map((at) => new Date(at).toISOString().slice(0, 16));
  deepEqual(starts("2026-03-28T12:00Z", "2026-03-30T12:00Z", "day"), [
    "2026-03-27T23:00",
    "2026-03-28T23:00",
    "2026-03-29T22:00",
  ]);
  deepEqual(starts("2026-10-24T12:00Z", "2026-10-26T12:00Z", "day"), [
    "2026-10-23T22:00",
    "2026-10-24T22:00",
    "2026-10-25T23:00",
  ]);
  deepEqual(starts("2026-03-05T12:00Z", "2026-03-10T12:00Z", "week", "UTC"), ["2026-03-02T00:00", "2026-03-09T00:00"]);
  deepEqual(starts("2026-01-31T12:00Z", "2026-03-01T00:00Z", "month", "UTC"), ["2026-01-01T00:00", "2026-02-01T00:00"]);
  deepEqual(starts("2026-03-01T10:40Z", "2026-03-01T12:00Z", "hour", "Asia/Kolkata"), [
    "2026-03-01T10:30",
    "2026-03-01T11:30",
  ]);
});

Deno.test("a chart has no more bars than can be told apart", () => {
  const day = 86_400_000;
  deepEqual([day, 5 * day, 300 * day, 3000 * day].map(bucketOf), ["hour", "day", "week", "month"]);
});

Deno.test("a duration is read as people type it", () => {
  deepEqual(["1500", "5s", "5 s", "1 h 30 min", "2m", "1.5 s", "soon", ""].map(readDuration), [
    1500,
    5000,
    5000,
    5_400_000,
    120_000,
    1500,
    null,
    null,
  ]);
});
