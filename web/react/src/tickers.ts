/** Tickers of `/ws/prices`: one for a row, or many for a table. */
import { useMemo } from "react";
import type { Ticker } from "@tapeflow/client";
import { Live, useLive } from "./live.ts";
import { usePage, type Page } from "./page.ts";

/**
 * The ticker of `symbol`, or undefined until it is known; also for no symbol. Only the components of a symbol that moved
 * render, once in a frame. `N` is what `exact` of `configure` makes of decimals.
 */
export function useTicker<N = number>(symbol: string | null | undefined): Readonly<Ticker<N>> | undefined {
  const page = usePage();
  const live = useMemo(() => tickerOf(page, symbol), [page, symbol]);
  return useLive(live) as Readonly<Ticker<N>> | undefined;
}

/** The tickers of `symbols` that are known, by symbol: another map whenever one of them moved, once in a frame. */
export function useTickers<N = number>(symbols: readonly string[]): ReadonlyMap<string, Readonly<Ticker<N>>> {
  const page = usePage();
  const key = symbols.join("\n"); // no symbol holds a line end; a caller's array is often another one at each render
  const live = useMemo(() => tickersOf(page, key === "" ? [] : key.split("\n")), [page, key]);
  return useLive(live) as unknown as ReadonlyMap<string, Readonly<Ticker<N>>>;
}

function tickerOf(page: Page, symbol: string | null | undefined): Live<Readonly<Ticker> | undefined> {
  const known = symbol ? page.prices.current?.get(symbol) : undefined;
  return new Live(known, (change) => {
    if (!symbol) return () => {};
    const { client, end } = page.prices.use();
    const leave = client.follow(symbol, (ticker) => change(() => ticker));
    return () => {
      leave();
      end();
    };
  });
}

function tickersOf(page: Page, symbols: readonly string[]): Live<ReadonlyMap<string, Readonly<Ticker>>> {
  const held = new Map<string, Readonly<Ticker>>();
  for (const symbol of symbols) {
    const known = page.prices.current?.get(symbol);
    if (known) held.set(symbol, known);
  }
  return new Live<ReadonlyMap<string, Readonly<Ticker>>>(new Map(held), (change) => {
    if (symbols.length === 0) return () => {};
    const { client, end } = page.prices.use();
    const leave = client.follow(symbols, (ticker) => {
      held.set(ticker.symbol, ticker);
      change(() => new Map(held));
    });
    return () => {
      leave();
      end();
    };
  });
}
