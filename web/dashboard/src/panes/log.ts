/** What was announced, newest first: news, price alerts, states of the system and alerts, as far back as it is held. */
import { useSyncExternalStore } from "react";
import { events } from "../market.ts";

export interface Entry {
  id: string;
  atMs: number;
  kind: "news" | "price alert" | "system" | "alert" | "gap";
  severity: "critical" | "warning" | "info";
  title: string;
  text: string;
  symbols: readonly string[];
}

const KEPT = 500;
let entries: readonly Entry[] = [];
let seen = 0;
const listeners = new Set<() => void>();

function add(id: string, entry: Omit<Entry, "id" | "atMs">): void {
  if (entries.some((each) => each.id === id)) return; // a stream that was reset tells some again
  const atMs = Number(id.split("-")[0]) || Date.now();
  entries = [{ id, atMs, ...entry }, ...entries].slice(0, KEPT);
  listeners.forEach((each) => each());
}

function severityOf(word: string | undefined): Entry["severity"] {
  const lower = word?.toLowerCase() ?? "";
  if (/crit|error|fatal|emerg/.test(lower)) return "critical";
  return /warn|high/.test(lower) ? "warning" : "info";
}

/** What was told of an alert after it was opened: somebody took it on, or it has ended. */
function isOver(state: string | undefined): boolean {
  return state === "acknowledged" || state === "resolved";
}

events.on("news", (data, id) => add(id, { kind: "news", severity: "info", title: data.title, text: data.source ?? "", symbols: [] }));
events.on("price_alert", (data, id) =>
  add(id, {
    kind: "price alert", severity: "warning", title: `${data.symbol} ${data.alert_type.replaceAll("_", " ")}`,
    text: `price ${data.price}, threshold ${data.threshold}`, symbols: [data.symbol],
  }));
events.on("system_status", (data, id) =>
  add(id, {
    kind: "system", severity: "warning", title: data.status.replaceAll("_", " "),
    text: data.duration ? `for ${data.duration} s` : "", symbols: data.affected_symbols ?? [],
  }));
events.on("alert", (data, id) =>
  add(id, {
    kind: "alert", severity: isOver(data.state) ? "info" : severityOf(data.severity),
    title: isOver(data.state) ? `${data.title} (${data.state}${data.by ? ` by ${data.by}` : ""})` : data.title,
    text: [data.message, data.source, ...(data.actionItems ?? [])].filter(Boolean).join(" · "), symbols: data.symbols ?? [],
  }));
events.on("gap", (data, id) =>
  add(id || `gap-${data.lastEventId}`, {
    kind: "gap", severity: "warning", title: "Some events are no longer held",
    text: data.reason === "reset" ? "the log was lost or set back" : "older ones were trimmed", symbols: [],
  }));

function listen(changed: () => void): () => void {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

export function useEntries(): readonly Entry[] {
  return useSyncExternalStore(listen, () => entries);
}

/** How many came since the pane was last looked at. */
export function useUnseen(): number {
  return useSyncExternalStore(listen, () => entries.filter((each) => each.atMs > seen).length);
}

export function markSeen(): void {
  const newest = entries[0]?.atMs ?? 0;
  if (newest <= seen) return;
  seen = newest;
  listeners.forEach((each) => each());
}
