/** A gapless series of bars for a chart, as long as the component is there. */
import { useEffect, useState } from "react";
import { CandleSeries, type Interval } from "@tapeflow/client";
import { usePage } from "./page.ts";

export interface UseCandleSeriesOptions {
  symbol: string;
  interval: Interval;
  /** How many bars to begin with, 500 by default, 1,000 at most. */
  bars?: number;
}

/**
 * History and what is live of `symbol`, spliced; null before it is open. The series changes without a render: give it to
 * `feedChart`, or listen to `onChange`.
 */
export function useCandleSeries({ symbol, interval, bars = 500 }: UseCandleSeriesOptions): CandleSeries | null {
  const page = usePage();
  const [series, setSeries] = useState<CandleSeries | null>(null);
  useEffect(() => {
    const { client, end } = page.candles.use();
    const opened = new CandleSeries(client, page.rest, { symbol, interval, bars });
    opened.open();
    setSeries(opened);
    return () => {
      opened.close();
      setSeries(null);
      end();
    };
  }, [page, symbol, interval, bars]);
  return series;
}
