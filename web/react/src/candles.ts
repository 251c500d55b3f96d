/** Bars of one symbol and interval as a list that a component shows. */
import { useMemo } from "react";
import { BarList, barOfCandle, type Bar, type Candle as WireCandle, type Interval } from "@tapeflow/client";
import { Live, useLive } from "./live.ts";
import { usePage, type Page } from "./page.ts";

export interface UseWebSocketCandlesOptions {
  symbol: string;
  interval: Interval | (string & {});
  /** How many bars to begin with, 100 by default, 1,000 at most. */
  initialBars?: number;
}

/** A bar; decimals are of type `N`. */
export type Candle<N = number> = Omit<WireCandle<N>, "time"> & {
  /** When it begins. */
  time: Date;
};

export interface UseWebSocketCandlesReturn<N = number> {
  /** Oldest first, each time once; a candle that didn't move stays the same object. */
  candles: readonly Candle<N>[];
  isConnected: boolean;
}

/** The newest bars of `symbol`, then each as it moves. `N` is what `exact` of `configure` makes of decimals. */
export function useWebSocketCandles<N = number>({ symbol, interval, initialBars = 100 }: UseWebSocketCandlesOptions): UseWebSocketCandlesReturn<N> {
  const page = usePage();
  const live = useMemo(() => candlesOf(page, symbol, interval as Interval, initialBars), [page, symbol, interval, initialBars]);
  return useLive(live) as unknown as UseWebSocketCandlesReturn<N>;
}

function candlesOf(page: Page, symbol: string, interval: Interval, initialBars: number): Live<UseWebSocketCandlesReturn> {
  const list = new BarList();
  const shown = new WeakMap<Bar, Candle>();
  const candleOf = (bar: Bar): Candle => {
    const known = shown.get(bar);
    if (known) return known;
    const { timeMs, ...rest } = bar;
    const candle = { time: new Date(timeMs), ...rest };
    shown.set(bar, candle);
    return candle;
  };
  return new Live<UseWebSocketCandlesReturn>({ candles: [], isConnected: false }, (change) => {
    const { client, end } = page.candles.use();
    const tell = () => change(() => ({ candles: list.bars.map(candleOf), isConnected: client.isConnected() }));
    const leave = client.follow({ symbol, interval, initialBars }, (message) => {
      if (message.type === "update") list.take(barOfCandle(message.bar));
      else begin(list, message.bars.map(barOfCandle));
      tell();
    });
    const unwatch = client.onConnectionChange(tell);
    tell();
    return () => {
      unwatch();
      leave();
      end();
    };
  });
}

/** Takes the newest bars; where they don't reach back to those that are held, these go, as there would be a hole. */
function begin(list: BarList, bars: Bar[]): void {
  const first = bars[0];
  const last = list.bars.at(-1);
  if (first && last && first.timeMs > last.timeMs) list.clear();
  list.merge(bars);
}
