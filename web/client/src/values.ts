/**
 * Tickers, quotes, bars, trades and statistics as callers get them, and which of their fields are decimals.
 *
 * The shapes are those of the server's documents; `N` is the type of a decimal, by the caller's choice of `exact`.
 */
import type {
  Candle, CandlesInitial, CandleUpdate, Exposure, LpMetrics, PriceSnapshot, Quote, QuotesServerMessage, RoutingDecision,
} from "./generated/messages.ts";
import type {
  BarAnswer, ExposureWindow, LpWindow, MarketAnswer, PriceAnswer, QuoteBarAnswer, RoutingWindow, SpreadAnswer, StatsAnswer, TradeAnswer, WindowTimes,
} from "./generated/rest.ts";

/** The ticker of a symbol. */
export type Ticker<N = number> = Omit<PriceSnapshot<N>, "type">;
export type StockQuote<N = number> = Quote<N>;
/** A message of `/ws/quotes`, told apart by `type`. */
export type QuotesMessage<N = number> = QuotesServerMessage<N>;
/** A message of `/ws/candles` that holds bars. */
export type CandlesMessage<N = number> = CandlesInitial<N> | CandleUpdate<N>;

/** A ticker, a bar, a trade and statistics as REST answers them. */
export type PriceRow<N = number> = PriceAnswer<N>;
export type BarRow<N = number> = BarAnswer<N>;
export type TradeRow<N = number> = TradeAnswer<N>;
export type StatsRow<N = number> = StatsAnswer<N>;
/** Bid and ask of an interval, and its spreads. */
export type QuoteBarRow<N = number> = QuoteBarAnswer<N>;
/** A ticker in brief. */
export type MarketRow<N = number> = MarketAnswer<N>;

export const TICKER_DECIMALS = [
  "price", "bid", "ask", "volume", "open", "high", "low", "previousClose", "change", "changePercent",
  "bidSize", "askSize", "mid", "spread",
] as const satisfies readonly (keyof PriceSnapshot)[];
export const QUOTE_DECIMALS = [
  "price", "change", "changePercent", "volume", "high", "low", "open", "previousClose", "bid", "ask",
] as const satisfies readonly (keyof Quote)[];
export const BAR_DECIMALS = [
  "open", "high", "low", "close", "volume", "quoteVolume", "vwap",
] as const satisfies readonly (keyof Candle)[];
export const TRADE_DECIMALS = ["price", "volume"] as const satisfies readonly (keyof TradeAnswer)[];
export const MARKET_DECIMALS = ["price", "changePercent", "volume"] as const satisfies readonly (keyof MarketAnswer)[];
export const STATS_DECIMALS = [
  "open", "high", "low", "close", "volume", "avgPrice", "volatility",
] as const satisfies readonly (keyof StatsAnswer)[];
export const WINDOW_DECIMALS = [
  "share", "volume", "volumeShare", "mean", "p50", "p90", "p99", "max", "uptime", "avgSpread", "executionQuality",
  "quotesPerSecond", "rejectRate", "totalExposure", "netExposure", "peakExposure", "exposureLimit", "utilizationPct",
  "peakUtilizationPct", "warningSeconds", "criticalSeconds", "price", "marketValue",
] as const satisfies readonly (keyof (RoutingWindow & LpWindow & ExposureWindow & WindowTimes))[];
export const QUOTE_BAR_DECIMALS = [
  "bidOpen", "bidHigh", "bidLow", "bidClose", "askOpen", "askHigh", "askLow", "askClose", "mid", "quotedMs", "crossedMs",
  "mean", "min", "max", "p50", "p90", "p99",
] as const satisfies readonly (keyof (QuoteBarAnswer & SpreadAnswer))[];
export const ANALYTICS_DECIMALS = [
  "volume", "executionTimeMs", "spread", "slippage", "avgSpread", "executionQuality", "latencyMs", "quotesPerSecond",
  "rejectRate", "uptime", "totalExposure", "netExposure", "exposureLimit", "utilizationPct",
] as const satisfies readonly (keyof (RoutingDecision & LpMetrics & Exposure))[];
