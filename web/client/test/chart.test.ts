// @vitest-environment happy-dom
/** The real library, in its development build, which throws where the other one shows nonsense. */
import { afterEach, expect, test, vi } from "vitest";
import { feedChart, type Bar, type CandleSeries, type SeriesChange } from "../src/index.ts";
import { BarList } from "../src/bar_list.ts";
import { randomOf } from "./market.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** happy-dom draws nothing: a canvas that takes every call. */
function stubCanvas(): void {
  const context: unknown = new Proxy(() => context, {
    get: (_, name) => (name === "measureText" ? () => ({ width: 10, actualBoundingBoxAscent: 5, actualBoundingBoxDescent: 2 }) : context),
    set: () => true,
    apply: () => context,
  });
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as never);
}

test("takes what a series tells, in whichever order bars come", async () => {
  stubCanvas();
  const { CandlestickSeries, createChart } = await import("lightweight-charts");
  const layout = { colorParsers: [() => [1, 1, 1, 1] as never] }; // a browser would turn them into rgb()
  const chart = createChart(document.createElement("div"), { width: 400, height: 300, autoSize: false, layout });
  const candles = chart.addSeries(CandlestickSeries);
  const random = randomOf(1);
  const list = new BarList();
  const listeners: ((change: SeriesChange) => void)[] = [];
  const series = { get bars() { return list.bars; }, onChange: (listener: (change: SeriesChange) => void) => (listeners.push(listener), () => {}) };
  const kinds = new Set<string>();
  feedChart(series as unknown as CandleSeries, candles, ({ timeMs, open, high, low, close }) => ({ time: timeMs / 1000, open, high, low, close }) as never);
  for (let at = 0; at < 500; at += 1) {
    const timeMs = Math.max(at - Math.floor(random() ** 3 * 20), 0) * 60_000;
    const bar: Bar = { timeMs, open: 1, high: 3, low: 1, close: 1 + random(), volume: 1, quoteVolume: 1, vwap: 1, tradeCount: at, final: false, revision: 0 };
    const change = list.take(bar);
    if (!change) continue;
    kinds.add(change.kind);
    listeners.forEach((listener) => listener(change));
  }
  list.merge([{ ...list.bars[0]!, timeMs: -60_000 }]);
  listeners.forEach((listener) => listener({ kind: "reset" }));
  expect([...kinds].sort()).toEqual(["insert", "revision", "update"]);
  expect(candles.data().map(({ time }) => time)).toEqual(list.bars.map(({ timeMs }) => timeMs / 1000));
  expect(candles.data().map((each) => "close" in each && each.close)).toEqual(list.bars.map(({ close }) => close));
  expect(() => candles.update({ time: 1 as never, open: 1, high: 1, low: 1, close: 1 })).toThrow(/Cannot update oldest data/);
  expect(() => candles.setData([2, 1].map((time) => ({ time, open: 1, high: 1, low: 1, close: 1 })) as never)).toThrow(/asc ordered/); // the development build
  chart.remove();
});
