/**
 * Tickers, quotes, bars, trades and statistics as callers get them, and which of their fields are decimals.
 *
 * The shapes are those that the server's documents describe. Decimals are doubles there; here they have the type that the
 * caller chose with `exact`.
 */
import type { WithNumbers } from "./codec.ts";
import type {
  BatchUpdate, Candle as WireCandle, Interval, PriceSnapshot, PriceUpdate, Quote, QuotesServerMessage,
} from "./generated/messages.ts";
import type { BarAnswer, PriceAnswer, StatsAnswer, TradeAnswer } from "./generated/rest.ts";

export const TICKER_DECIMALS = [
  "price", "bid", "ask", "volume", "open", "high", "low", "previousClose", "change", "changePercent",
] as const satisfies readonly (keyof PriceSnapshot)[];
export const QUOTE_DECIMALS = [
  "price", "change", "changePercent", "volume", "high", "low", "open", "previousClose",
] as const satisfies readonly (keyof Quote)[];
export const BAR_DECIMALS = [
  "open", "high", "low", "close", "volume", "quoteVolume", "vwap",
] as const satisfies readonly (keyof WireCandle)[];
export const TRADE_DECIMALS = ["price", "volume"] as const satisfies readonly (keyof TradeAnswer)[];
export const STATS_DECIMALS = [
  "open", "high", "low", "close", "volume", "avgPrice", "volatility",
] as const satisfies readonly (keyof StatsAnswer)[];

/** The ticker of a symbol; decimals are of type `N`. */
export type Ticker<N = number> = WithNumbers<Omit<PriceSnapshot, "type">, (typeof TICKER_DECIMALS)[number], N>;
/** A quote; decimals are of type `N`. */
export type StockQuote<N = number> = WithNumbers<Quote, (typeof QUOTE_DECIMALS)[number], N>;
/** A bar as `/ws/candles` sends it; decimals are of type `N`. */
export type Candle<N = number> = WithNumbers<WireCandle, (typeof BAR_DECIMALS)[number], N>;

/** A ticker as REST answers it. */
export type PriceRow<N = number> = WithNumbers<PriceAnswer, (typeof TICKER_DECIMALS)[number], N>;
/** A bar as REST answers it. */
export type BarRow<N = number> = WithNumbers<BarAnswer, (typeof BAR_DECIMALS)[number], N>;
export type TradeRow<N = number> = WithNumbers<TradeAnswer, (typeof TRADE_DECIMALS)[number], N>;
export type StatsRow<N = number> = WithNumbers<StatsAnswer, (typeof STATS_DECIMALS)[number], N>;

type WithQuotes<M, N> = M extends PriceUpdate
  ? Omit<PriceUpdate, "data"> & { data: StockQuote<N> }
  : M extends BatchUpdate
    ? Omit<BatchUpdate, "updates"> & { updates: { symbol: string; data: StockQuote<N> }[] }
    : M;
/** A message of `/ws/quotes`, told apart by `type`. */
export type QuotesMessage<N = number> = WithQuotes<QuotesServerMessage, N>;
/** A message of `/ws/candles` that holds bars. */
export type CandlesMessage<N = number> =
  | { type: "initial"; symbol: string; interval: Interval; bars: Candle<N>[] }
  | { type: "update"; symbol: string; interval: Interval; bar: Candle<N> };
