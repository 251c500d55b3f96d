/**
 * Feeds a candlestick series of lightweight-charts from a CandleSeries, without an error of either.
 *
 * That library takes an older bar only by a special call, and only where the time is there already; a bar that comes in
 * between needs all data again. Its production build accepts wrong data in silence, so nothing is left to it.
 */
import type { Bar } from "./bar.ts";
import type { Exact, NumberOf } from "./codec.ts";
import type { Unsubscribe } from "./listeners.ts";
import type { CandleSeries } from "./series.ts";

/** What is used of a series of lightweight-charts; `D` is the type of its data points. */
export interface ChartSeries<D> {
  setData(data: D[]): void;
  update(point: D, historicalUpdate?: boolean): void;
}

/**
 * Shows `series` on `chart` until the returned function is called. `point` makes the chart's data point of a bar; its time
 * must be `timeMs / 1000`. `after` is called when the chart holds what the series does.
 */
export function feedChart<const E extends Exact, D>(
  series: CandleSeries<E>,
  chart: ChartSeries<D>,
  point: (bar: Bar<NumberOf<E>>) => D,
  after: () => void = () => {},
): Unsubscribe {
  const all = () => chart.setData(series.bars.map(point));
  const end = series.onChange((change) => {
    if (change.kind === "reset" || change.kind === "insert") all();
    else chart.update(point(series.bars[change.index]!), change.kind === "revision");
    after();
  });
  all();
  after();
  return end;
}
