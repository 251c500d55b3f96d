/**
 * The page's connections to the gateway, each opened when the first part of the page needs it.
 *
 * Decimals come as text, so that what is shown has the digits of the trade.
 */
import { AnalyticsClient, CandlesClient, EventClient, PricesClient, RestClient, type AnalyticsServerMessage } from "@tapeflow/client";
import { getToken } from "./session.ts";

const options = { getToken, exact: true } as const;

export const rest = new RestClient(options);
export const prices = new PricesClient({ ...options, rest });
export const candles = new CandlesClient(options);
export const events = new EventClient({ getToken, lastEventId: "0-0" });

const analyticsListeners = new Set<(message: AnalyticsServerMessage) => void>();
export const analytics = new AnalyticsClient(
  { getToken, channels: ["routing-metrics", "lp-performance", "exposure-updates"] },
  { onMessage: (message) => analyticsListeners.forEach((each) => each(message)) },
);

export function onAnalytics(listener: (message: AnalyticsServerMessage) => void): () => void {
  analyticsListeners.add(listener);
  return () => analyticsListeners.delete(listener);
}

export function connectAll(): void {
  for (const each of [prices, candles, events, analytics]) each.connect();
}

export const INTERVALS = ["1m", "5m", "15m", "1h", "4h", "1D", "1W"] as const;
export type IntervalName = (typeof INTERVALS)[number];
export const INTERVAL_MS: Record<IntervalName, number> = {
  "1m": 60_000, "5m": 300_000, "15m": 900_000, "1h": 3_600_000, "4h": 14_400_000, "1D": 86_400_000, "1W": 604_800_000,
};
