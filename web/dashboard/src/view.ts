/**
 * What the page shows, held by its address: symbols, interval, panes, order and search. A copied address shows the same.
 */
import { useSyncExternalStore } from "react";
import { INTERVALS, type IntervalName } from "./market.ts";

export const PANES = ["tape", "stats", "alerts", "routing", "providers", "exposure", "system"] as const;
export type Pane = (typeof PANES)[number];
export const SORTS = ["symbol", "price", "change", "volume"] as const;
export type Sort = (typeof SORTS)[number];
export const SCALES = ["linear", "log", "percent"] as const;
/** How a chart's prices are spaced. */
export type Scale = (typeof SCALES)[number];
export type Theme = "auto" | "dark" | "light";
/** The parts of the page; a phone shows one of them. */
export const PARTS = ["chart", "list", "pane"] as const;
export type Part = (typeof PARTS)[number];

export interface View {
  /** The symbol of each chart; empty before any is known. */
  symbols: string[];
  /** The chart that a choice in the list changes. */
  active: number;
  interval: IntervalName;
  pane: Pane;
  part: Part;
  /** The id of a watchlist; empty is all symbols. */
  list: string;
  sort: Sort;
  descending: boolean;
  search: string;
  vwap: boolean;
  scale: Scale;
  theme: Theme;
}

const DEFAULTS: View = {
  symbols: [], active: 0, interval: "1m", pane: "tape", part: "chart", list: "", sort: "symbol", descending: false, search: "", vwap: true,
  scale: "linear",
  theme: "auto",
};
export const CHARTS_MAX = 4;

function oneOf<T extends string>(value: string | null, all: readonly T[], otherwise: T): T {
  return all.find((each) => each === value) ?? otherwise;
}

function read(): View {
  const query = new URLSearchParams(location.search);
  const symbols = (query.get("s") ?? "").split(",").filter(Boolean).slice(0, CHARTS_MAX);
  const sort = query.get("sort") ?? "";
  return {
    symbols,
    active: Math.min(Math.max(Number(query.get("a") ?? 0) || 0, 0), Math.max(symbols.length - 1, 0)),
    interval: oneOf(query.get("i"), INTERVALS, DEFAULTS.interval),
    pane: oneOf(query.get("pane"), PANES, DEFAULTS.pane),
    part: oneOf(query.get("part"), PARTS, DEFAULTS.part),
    list: query.get("list") ?? "",
    sort: oneOf(sort.replace(/^-/, ""), SORTS, DEFAULTS.sort),
    descending: sort.startsWith("-"),
    search: query.get("q") ?? "",
    vwap: query.get("vwap") !== "0",
    scale: oneOf(query.get("scale"), SCALES, DEFAULTS.scale),
    theme: oneOf(query.get("theme"), ["auto", "dark", "light"] as const, DEFAULTS.theme),
  };
}

function written(view: View): string {
  const query: [string, string, boolean][] = [
    ["s", view.symbols.map(encodeURIComponent).join(",").replaceAll("%2F", "/"), view.symbols.length > 0],
    ["a", String(view.active), view.active > 0],
    ["i", view.interval, view.interval !== DEFAULTS.interval],
    ["pane", view.pane, view.pane !== DEFAULTS.pane],
    ["part", view.part, view.part !== DEFAULTS.part],
    ["list", encodeURIComponent(view.list), view.list !== ""],
    ["sort", (view.descending ? "-" : "") + view.sort, view.sort !== DEFAULTS.sort || view.descending],
    ["q", encodeURIComponent(view.search), view.search !== ""],
    ["vwap", "0", !view.vwap],
    ["scale", view.scale, view.scale !== DEFAULTS.scale],
    ["theme", view.theme, view.theme !== DEFAULTS.theme],
  ];
  const shown = query.flatMap(([name, value, differs]) => (differs ? [`${name}=${value}`] : []));
  return location.pathname + (shown.length ? `?${shown.join("&")}` : "");
}

let view = read();
const listeners = new Set<() => void>();

/** Changes the view. A choice of symbol, interval or pane is a step that the browser's Back undoes. */
export function change(part: Partial<View>): void {
  const next = { ...view, ...part };
  const step = next.symbols.join() !== view.symbols.join() || next.interval !== view.interval || next.pane !== view.pane;
  const first = view.symbols.length === 0;
  view = next;
  history[step && !first ? "pushState" : "replaceState"](null, "", written(view));
  listeners.forEach((each) => each());
}

export function currentView(): View {
  return view;
}

export function useView(): View {
  return useSyncExternalStore(onView, currentView);
}

export function onView(changed: () => void): () => void {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

addEventListener("popstate", () => {
  view = read();
  listeners.forEach((each) => each());
});

/** Shows `symbol` in the active chart, or in one more beside it. */
export function show(symbol: string, beside = false): void {
  const symbols = [...view.symbols];
  if (beside && symbols.length < CHARTS_MAX) {
    change({ symbols: [...symbols, symbol], active: symbols.length, part: "chart" });
    return;
  }
  symbols[view.active] = symbol;
  change({ symbols, part: "chart" });
}

export function closeChart(at: number): void {
  const symbols = view.symbols.filter((_, index) => index !== at);
  change({ symbols, active: Math.max(0, Math.min(view.active - (at < view.active ? 1 : 0), symbols.length - 1)) });
}
