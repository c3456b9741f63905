import { deepEqual, equal } from "node:assert/strict";
import { addressOf, Api, isAbort, Problem } from "console/lib/api.js";
import { leadsToAPage } from "console/lib/dom.js";
import { marked, spanOf } from "console/lib/fault.js";
import { age, bytes, count, duration, money, percent } from "console/lib/format.js";
import { challengeOf } from "console/lib/oidc.js";
import { match, pageAddress, root, searchOf, withQuery } from "console/lib/router.js";
import { operates, readsPayloads, readToken } from "console/lib/session.js";
import { EventParser } from "console/lib/sse.js";
import { store } from "console/lib/store.js";
import { fromField, tick, time, toField } from "console/lib/time.js";
import { niceTop } from "console/parts/chart.js";

Deno.test("a duration is said in its two greatest units, and never as sixty of one", () => {
  const said = [0, 999, 1000, 9949, 9950, 59_499, 59_500, 3_599_499, 3_599_500, 86_399_999, 90_000_000].map(duration);
  deepEqual(said, [
    "0 ms",
    "999 ms",
    "1.0 s",
    "9.9 s",
    "10 s",
    "59 s",
    "1 min 00 s",
    "59 min 59 s",
    "1 h 00 min",
    "1 d 00 h",
    "1 d 01 h",
  ]);
  equal(duration(null), "");
  equal(age(0), "1 s");
});

Deno.test("an amount below a cent keeps two digits that count", () => {
  deepEqual(["0", "0.000001234", "0.12", "1.005", "1234567.891", "-0.5"].map(money), [
    "$0",
    "$0.0000012",
    "$0.12",
    "$1.01",
    "$1,234,567.89",
    "-$0.5",
  ]);
  equal(money(null), "");
});

Deno.test("what is nearly all is not shown as all, nor what is hardly anything as nothing", () => {
  deepEqual([1, 0.99996, 0.5, 0.0001, 0].map(percent), ["100 %", ">99.9 %", "50.0 %", "<0.1 %", "0 %"]);
  deepEqual([0, 1023, 1024, 5_000_000].map(bytes), ["0 B", "1023 B", "1.0 KiB", "4.8 MiB"]);
  equal(count(1234567), "1,234,567");
});

Deno.test("a time is shown in the zone that is named, and read from a field in it", () => {
  const at = "2026-03-01T12:00:05.678Z";
  equal(time(at, { zoneName: "UTC", ms: true }), "2026-03-01 12:00:05.678");
  equal(time(at, { zoneName: "Europe/Berlin" }), "2026-03-01 13:00:05");
  equal(fromField("2026-03-01T13:00", "Europe/Berlin"), "2026-03-01T12:00:00.000Z");
  equal(fromField("2026-03-29T03:30", "Europe/Berlin"), "2026-03-29T01:30:00.000Z"); // clocks went from 2 to 3
  equal(toField("2026-03-01T12:00:00Z", "Europe/Berlin"), "2026-03-01T13:00:00");
  equal(fromField("soon"), "");
  equal(time("soon"), "soon");
  equal(tick(Date.parse(at), 3_600_000, "UTC"), "12:00");
});

Deno.test("a path fits a pattern segment by segment, decoded", () => {
  deepEqual(match("executions/:id", "executions/a%20b"), { id: "a b" });
  deepEqual(match("executions/:id", "executions/%"), { id: "%" });
  deepEqual(match("", ""), {});
  equal(match("executions/:id", "executions/"), null);
  equal(match("executions/:id", "executions/a/b"), null);
});

Deno.test("parameters are put into an address, and taken from it, one at a time", () => {
  equal(String(searchOf({ a: "1", b: null, c: "", d: ["x", "y"] })), "a=1&d=x&d=y");
  equal(withQuery(new URL("http://h/p?a=1&b=2&b=3"), { b: ["4"], a: null }), "/p?b=4");
  equal(withQuery(new URL("http://h/p?a=1"), { a: null }), "/p");
  equal(pageAddress("executions/a", { tab: "events" }), `${root.pathname}executions/a?tab=events`);
});

Deno.test("a link from an event that would run a script leads nowhere", () => {
  const said = ["https://a.example/", "/x", "?a=1", "javascript:alert(1)", " JaVaScRiPt:alert(1)", "data:text/html,x"];
  deepEqual(said.map(leadsToAPage), [true, true, true, false, false, false]);
});

Deno.test("events come whole, however the stream is cut", () => {
  const text = ": hello\r\nretry: 2000\n\nid: 7\nevent: execution\ndata: {\ndata: }\n\nid: 8\n\ndata: bare\n\n";
  for (let size = 1; size <= text.length; size++) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < text.length; at += size) events.push(...parser.feed(text.slice(at, at + size)));
    deepEqual(events, [
      { type: "execution", data: "{\n}", id: "7" },
      { type: "message", data: "bare", id: "8" },
    ]);
    equal(parser.lastId, "8");
    equal(parser.retryMs, 2000);
  }
});

/** @param {unknown} claims */
function tokenOf(claims) {
  const part = (/** @type {unknown} */ value) =>
    btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value)))).replaceAll("=", "");
  return `${part({ alg: "HS256" })}.${part(claims)}.signature`;
}

Deno.test("a token says whose it is; what is none is told apart", () => {
  const found = readToken(` ${tokenOf({ sub: "änn", tenant: "acme", roles: ["payloads", "admin"], exp: 2 })}\n`);
  equal(found?.subject, "änn");
  equal(found?.expiresAt, 2000);
  equal(readsPayloads(found) && operates(found), true);
  deepEqual(["", "a.b.c", "a.b", `x.${btoa("null")}.y`].map(readToken), [null, null, null, null]);
  deepEqual(readToken(tokenOf({ sub: "ann", tenant: "acme", roles: "admin" }))?.roles, []);
});

Deno.test("a verifier is challenged by its SHA-256, as RFC 7636 has it", async () => {
  const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  equal(await challengeOf(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
});

Deno.test("who follows a value is told now and of changes, until the signal", () => {
  const value = store(1);
  const left = new AbortController();
  /** @type {number[]} */
  const told = [];
  value.follow((now) => told.push(now), left.signal);
  value.set(2);
  value.set(2);
  left.abort();
  value.set(3);
  deepEqual(told, [1, 2]);
});

/**
 * @param {() => Response | Promise<Response>} answer
 * @param {Partial<ConstructorParameters<typeof Api>[0]>} [more]
 */
function apiOf(answer, more = {}) {
  /** @type {Request[]} */
  const asked = [];
  const fetcher = (/** @type {any} */ url, /** @type {any} */ said) => {
    asked.push(new Request(new URL(url.pathname + url.search, "http://service"), said));
    return Promise.resolve(answer());
  };
  return { asked, api: new Api({ token: () => "secret", fetcher: /** @type {any} */ (fetcher), ...more }) };
}

Deno.test("an answer brings its age along, and its tag for the next time", async () => {
  /** @type {number[]} */
  const ages = [];
  const headers = { ETag: '"1"', "Execledger-Lag-Seconds": "2.5" };
  let answer = () => Response.json({ id: "a" }, { headers });
  const { api, asked } = apiOf(() => answer(), { heard: ({ lagSeconds }) => ages.push(lagSeconds) });
  const first = await api.get("/v1/executions/{id}", { path: { id: "a b" } });
  answer = () => new Response(null, { status: 304 });
  const second = await api.get("/v1/executions/{id}", { path: { id: "a b" }, known: first });
  equal(second, first);
  deepEqual(ages, [2.5]);
  equal(new URL(asked[0].url).pathname.endsWith("/v1/executions/a%20b"), true);
  equal(asked[1].headers.get("If-None-Match"), '"1"');
  equal(asked[1].headers.get("Authorization"), "Bearer secret");
});

Deno.test("a problem is thrown as one, with what to look at", async () => {
  const said = {
    type: "urn:execledger:problem:invalid-parameter",
    detail: "no",
    errors: [{ parameter: "q", detail: "x" }],
  };
  const { api } = apiOf(() => Response.json(said, { status: 400, headers: { "Retry-After": "5" } }));
  const error = await api.get("/v1/executions").catch((caught) => caught);
  equal(error instanceof Problem, true);
  deepEqual([error.kind, error.status, error.retrySeconds, error.faults.length], ["invalid-parameter", 400, 5, 1]);
});

Deno.test("what is no answer of the service is unreachable, and who went away is not told", async () => {
  const broken = apiOf(() => new Response("<html>", { status: 502 })).api;
  equal((await broken.get("/v1/ledger").catch((caught) => caught)).kind, "unreachable");
  const away = apiOf(() => Promise.reject(new TypeError("refused"))).api;
  equal((await away.get("/v1/ledger").catch((caught) => caught)).kind, "unreachable");
  const left = apiOf(() => Promise.reject(new DOMException("gone", "AbortError"))).api;
  equal(isAbort(await left.get("/v1/ledger").catch((caught) => caught)), true);
});

Deno.test("an id is one segment of an address, whatever is in it", () => {
  const url = addressOf("/v1/executions/{id}/steps", { id: "a/b?c" }, { limit: 1 });
  equal(url.href, `${root.href}v1/executions/a%2Fb%3Fc/steps?limit=1`);
});

Deno.test("an axis ends at a round number", () => {
  deepEqual([0, 1, 3, 7, 10, 41, 99, 0.03].map(niceTop), [1, 1, 4, 8, 10, 60, 100, 0.04]);
});

Deno.test("a fault is found at its path, and of what is missing the object that lacks it", () => {
  const text = '{"data": {"step": {"name": "a,}\\"", "id": 7}, "time": 1}, "time": [1, {"x": null}]}';
  const found = (/** @type {string} */ path) => {
    const span = spanOf(text, path);
    return span && text.slice(...span);
  };
  equal(found("time"), '[1, {"x": null}]');
  equal(found("time.1.x"), "null");
  equal(found("data.step.id"), "7");
  equal(found("data.step.iteration"), '{"name": "a,}\\"", "id": 7}');
  equal(found("subject"), null);
});

Deno.test("a position counts characters of text, and bytes of what is none", () => {
  const letter = (/** @type {number[]} */ bytes, /** @type {string} */ detail) =>
    marked(
      /** @type {any} */ ({ detail, headers: [], value_base64: btoa(String.fromCharCode(...bytes)) }),
    );
  deepEqual(letter([0xc3, 0xa9, 0x61, 0x62], "character 1: x"), { before: "é", fault: "a", after: "b" });
  deepEqual(letter([0x61, 0xff, 0x62], "byte 1: x"), { before: "a", fault: "\\xff", after: "b" });
});
