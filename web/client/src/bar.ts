/**
 * One bar of a series, and which of two versions of it is newer.
 *
 * A bar comes from history, from the newest bars of a room and from its updates, in any order. The later one is that with
 * the higher revision, then the final one, then the one that holds more trades.
 */
import type { Candle } from "./generated/messages.ts";
import type { BarRow } from "./values.ts";

export interface Bar<N = number> {
  /** Start, in ms since the epoch. */
  timeMs: number;
  open: N;
  high: N;
  low: N;
  close: N;
  volume: N;
  quoteVolume: N;
  vwap: N | null;
  tradeCount: number;
  final: boolean;
  /** How often late trades changed the final bar. */
  revision: number;
}

export function barOfCandle<N>(candle: Candle<N>): Bar<N> {
  const { time, ...rest } = candle;
  return { timeMs: Date.parse(time), ...rest };
}

export function barOfRow<N>(row: BarRow<N>): Bar<N> {
  const { symbol: _, sequence: __, time, ...rest } = row;
  return { timeMs: time, ...rest };
}

/** Whether `a` is a later version than `b` of the same bar. */
export function isNewer(a: Bar<unknown>, b: Bar<unknown>): boolean {
  if (a.final !== b.final) return a.final;
  if (a.revision !== b.revision) return a.revision > b.revision;
  return a.tradeCount > b.tradeCount;
}
