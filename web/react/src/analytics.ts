/** Routing decisions, liquidity providers, exposure and alerts of `/ws/analytics`, as a component shows them. */
import { useEffect, useMemo, useRef } from "react";
import type {
  AlertEvent, AnalyticsCallbacks, AnalyticsChannel, ConnectionState, Exposure, LpMetrics, RoutingDecision,
} from "@tapeflow/client";
import { Live, useLive } from "./live.ts";
import { usePage, type Page } from "./page.ts";

export interface UseAnalyticsOptions extends AnalyticsCallbacks {
  channels: readonly AnalyticsChannel[];
  /** How many decisions and alerts are held, 100 by default; the oldest go first. */
  keep?: number;
}

export interface UseAnalyticsReturn {
  /** Newest first. */
  routing: readonly RoutingDecision[];
  /** The newest figures of each provider, by its name. */
  lps: ReadonlyMap<string, LpMetrics>;
  exposure: Exposure | null;
  /** Newest first. */
  alerts: readonly AlertEvent[];
  /** What failed last, e.g. a channel that the token's role may not join; null again when the connection opens. */
  error: Error | null;
  isConnected: boolean;
  connectionState: ConnectionState;
}

/** Follows `channels`; callbacks get everything, also what comes between two renders. */
export function useAnalytics({ channels, keep = 100, ...callbacks }: UseAnalyticsOptions): UseAnalyticsReturn {
  const page = usePage();
  const calls = useRef<AnalyticsCallbacks>({});
  useEffect(() => {
    calls.current = callbacks;
  });
  const key = channels.join();
  const live = useMemo(() => analyticsOf(page, key ? (key.split(",") as AnalyticsChannel[]) : [], keep, calls), [page, key, keep]);
  return useLive(live);
}

function analyticsOf(
  page: Page, channels: readonly AnalyticsChannel[], keep: number, calls: { readonly current: AnalyticsCallbacks },
): Live<UseAnalyticsReturn> {
  let state: UseAnalyticsReturn = {
    routing: [], lps: new Map(), exposure: null, alerts: [], error: null, isConnected: false, connectionState: "CONNECTING",
  };
  return new Live(state, (change) => {
    const set = (part: Partial<UseAnalyticsReturn>) => {
      state = { ...state, ...part };
      change(() => state);
    };
    const { client, end } = page.analytics.use();
    const moved = () => {
      const isConnected = client.isConnected();
      set({ isConnected, connectionState: client.getConnectionState(), ...(isConnected && { error: null }) });
    };
    const callbacks: AnalyticsCallbacks = {
      onRoutingMetrics: (data) => {
        set({ routing: [data, ...state.routing].slice(0, keep) });
        calls.current.onRoutingMetrics?.(data);
      },
      onLPPerformance: (data) => {
        set({ lps: new Map(state.lps).set(data.lpName ?? "", data) });
        calls.current.onLPPerformance?.(data);
      },
      onExposureUpdate: (data) => {
        set({ exposure: data });
        calls.current.onExposureUpdate?.(data);
      },
      onAlert: (data) => {
        set({ alerts: [data, ...state.alerts].slice(0, keep) });
        calls.current.onAlert?.(data);
      },
      onMessage: (message) => calls.current.onMessage?.(message),
    };
    const ends = [
      client.onConnectionChange(moved),
      client.onError((error) => set({ error })),
      ...channels.map((channel) => client.follow(channel, callbacks)),
    ];
    moved();
    return () => {
      for (const each of ends) each();
      end();
    };
  });
}
