/**
 * The dealing desk's figures as the page knows them: the last decisions, each provider's newest state, the newest exposure.
 *
 * Decisions are counted over the last ones that came while the page was open; the page says so. Figures over fixed windows
 * are the flows' work and come as messages of their own.
 */
import type { Exposure, LpMetrics, RoutingDecision } from "@tapeflow/client";
import { useSyncExternalStore } from "react";
import { onAnalytics } from "../market.ts";

const DECISIONS = 1_000;

export interface Desk {
  decisions: readonly RoutingDecision[];
  providers: ReadonlyMap<string, LpMetrics & { atMs: number }>;
  exposure: (Exposure & { atMs: number }) | null;
}

let desk: Desk = { decisions: [], providers: new Map(), exposure: null };
const listeners = new Set<() => void>();
let frame = 0;

onAnalytics((message) => {
  const atMs = Date.parse("timestamp" in message ? message.timestamp : "") || Date.now();
  if (message.type === "routing-decision") desk = { ...desk, decisions: [message.data, ...desk.decisions].slice(0, DECISIONS) };
  else if (message.type === "lp-metrics" && message.data.lpName) {
    desk = { ...desk, providers: new Map(desk.providers).set(message.data.lpName, { ...message.data, atMs }) };
  } else if (message.type === "exposure-change") desk = { ...desk, exposure: { ...message.data, atMs } };
  else return;
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    listeners.forEach((each) => each());
  });
});

export function useDesk(): Desk {
  return useSyncExternalStore(
    (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    () => desk,
  );
}

/** The value below which `share` of `values` lie; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
