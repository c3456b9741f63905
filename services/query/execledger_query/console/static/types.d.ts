// The types that modules share; browsers do not load them.

import type { ListedExecution } from "./api.d.ts";
import type { Api, Freshness } from "./lib/api.js";
import type { Feed } from "./lib/stream.js";

/** What goes into an element. */
export type Child = Node | string | number | null | undefined | false | readonly Child[];

/** What a view is given. `signal` ends when the view is left: requests, listeners and keys go by it. */
export interface Visit {
  /** of the path */
  params: Record<string, string>;
  url: URL;
  signal: AbortSignal;
  /** whether one came here by "back" or "forward" */
  isReturn: boolean;
  api: Api;
  feed: Feed;
  /** says what the tab is called */
  entitle: (title: string) => void;
}

/** What a view shows. */
export interface Showing {
  element: Element;
  /** is told when the address has other parameters; without it the view is opened anew */
  moved?: (url: URL) => void;
}

export interface View {
  /** below the root: `executions/:id` */
  path: string;
  title: string;
  /** stands in the navigation */
  isLinked?: boolean;
  open: (visit: Visit) => Showing;
}

/** A value that others follow. */
export interface Store<T> {
  get: () => T;
  set: (value: T) => void;
  /** calls it at each change, until the signal */
  onChange: (listener: (value: T) => void, signal?: AbortSignal) => void;
  /** calls it now and at each change, until the signal */
  follow: (listener: (value: T) => void, signal?: AbortSignal) => void;
}

export type FreshnessStore = Store<Freshness | null>;

/** Whether changes arrive by themselves. */
export type FeedState = "off" | "connecting" | "live" | "broken";

/** What the feed tells of: an execution as it is now, or that something was missed. */
export type Change = { kind: "execution"; execution: ListedExecution } | { kind: "reset" };
