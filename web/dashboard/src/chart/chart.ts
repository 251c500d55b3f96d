/**
 * One chart of lightweight-charts over a CandleSeries: candles, volume below them, the VWAP of each bar as a line.
 *
 * The bar that is still open is drawn pale, bars that late trades changed carry a mark. Scrolling to the left edge loads
 * older bars. The legend tells of the bar under the crosshair, in the digits that came, or of the newest one.
 */
import { CandleSeries, feedChart, type Bar } from "@tapeflow/client";
import {
  CandlestickSeries, ColorType, createChart, createSeriesMarkers, CrosshairMode, HistogramSeries, LineSeries, LineStyle, PriceScaleMode,
  type IChartApi, type ISeriesApi, type ISeriesMarkersPluginApi, type LogicalRange, type MouseEventParams, type SeriesMarker, type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import { scaleOf } from "../format.ts";
import { candles, rest, type IntervalName } from "../market.ts";
import { colour } from "../theme.ts";
import type { Scale } from "../view.ts";

const EDGE_BARS = 40;
const REVISED_MAX = 500;
const MODES: Record<Scale, PriceScaleMode> = { linear: PriceScaleMode.Normal, log: PriceScaleMode.Logarithmic, percent: PriceScaleMode.Percentage };
/** The charts of the page, whose crosshairs move together. */
const together = new Set<Chart>();

export interface ChartCalls {
  /** The bar that the legend is about, and whether the crosshair chose it; null while there is none. */
  bar(bar: Bar<string> | null, pointed: boolean, scale: number): void;
  /** The start of the newest bar, in ms; it never goes back. */
  newest(timeMs: number): void;
  /** What to say in place of a chart; null where there is one. */
  problem(text: string | null): void;
}

export class Chart {
  readonly #api: IChartApi;
  readonly #bars: ISeriesApi<"Candlestick">;
  readonly #volume: ISeriesApi<"Histogram">;
  readonly #vwap: ISeriesApi<"Line">;
  readonly #marks: ISeriesMarkersPluginApi<Time>;
  readonly #series: CandleSeries<true>;
  readonly #calls: ChartCalls;
  readonly #ends: (() => void)[] = [];
  #scale = 0;
  #pointedMs: number | null = null;
  #fitted = false;
  #colours = { up: "", down: "", upSoft: "", downSoft: "", upPale: "", downPale: "" };

  constructor(element: HTMLElement, symbol: string, interval: IntervalName, calls: ChartCalls) {
    this.#calls = calls;
    this.#series = new CandleSeries(candles, rest, { symbol, interval });
    this.#api = createChart(element, {
      autoSize: true,
      layout: { background: { type: ColorType.Solid, color: "transparent" }, fontSize: 12, attributionLogo: true, panes: { enableResize: true } },
      crosshair: { mode: CrosshairMode.Normal },
      timeScale: { timeVisible: interval !== "1D" && interval !== "1W", secondsVisible: false, rightOffset: 6, minBarSpacing: 1 },
      localization: { locale: "en-GB" },
    });
    this.#bars = this.#api.addSeries(CandlestickSeries, { borderVisible: true });
    this.#vwap = this.#api.addSeries(LineSeries, {
      lineWidth: 1, lineStyle: LineStyle.Solid, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false,
    });
    this.#volume = this.#api.addSeries(HistogramSeries, { priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false }, 1);
    this.#api.panes()[1]?.setStretchFactor(0.22);
    this.#marks = createSeriesMarkers<Time>(this.#bars, []);
    this.paint();
    const older = (range: LogicalRange | null) => {
      if (range && range.from < EDGE_BARS) void this.#series.loadOlder().catch(() => {}); // the next scroll asks again
    };
    const pointed = (at: MouseEventParams) => {
      this.#pointedMs = typeof at.time === "number" ? at.time * 1000 : null;
      this.#tell();
      if (!at.sourceEvent && at.point) return; // moved by another chart
      for (const other of together) if (other !== this) other.#point(this.#pointedMs);
    };
    this.#api.timeScale().subscribeVisibleLogicalRangeChange(older);
    this.#api.subscribeCrosshairMove(pointed);
    this.#ends.push(
      feedChart(this.#series, this.#bars, (bar) => this.#candle(bar), () => this.#shown()),
      feedChart(this.#series, this.#volume, (bar) => ({ time: seconds(bar), value: Number(bar.volume), color: this.#rises(bar) ? this.#colours.upSoft : this.#colours.downSoft })),
      feedChart(this.#series, this.#vwap, (bar) => (bar.vwap === null ? { time: seconds(bar) } : { time: seconds(bar), value: Number(bar.vwap) })),
      this.#series.onChange((change) => change.kind !== "update" && this.#mark()),
      this.#series.onError((error) => calls.problem(this.#series.bars.length ? null : error.message)),
    );
    together.add(this);
    this.#series.open();
    void this.#series.settled.then(() => this.#series.bars.length === 0 && calls.problem(`No trade of ${symbol} yet`), () => {});
  }

  /** Takes the colours of the theme. */
  paint(): void {
    const of = colour;
    this.#colours = {
      up: of("up"), down: of("down"), upSoft: of("up-soft"), downSoft: of("down-soft"), upPale: of("up-pale"), downPale: of("down-pale"),
    };
    this.#api.applyOptions({
      layout: { textColor: of("dim"), panes: { separatorColor: of("line"), separatorHoverColor: of("line") } },
      grid: { vertLines: { color: of("grid") }, horzLines: { color: of("grid") } },
      rightPriceScale: { borderColor: of("line") },
      timeScale: { borderColor: of("line") },
      crosshair: { vertLine: { color: of("dim"), labelBackgroundColor: of("raised") }, horzLine: { color: of("dim"), labelBackgroundColor: of("raised") } },
    });
    this.#bars.applyOptions({
      upColor: of("up"), downColor: of("down"), wickUpColor: of("up"), wickDownColor: of("down"), borderUpColor: of("up"), borderDownColor: of("down"),
    });
    this.#vwap.applyOptions({ color: of("accent") });
    if (this.#series.bars.length) {
      this.#bars.setData(this.#series.bars.map((bar) => this.#candle(bar)));
      this.#mark();
    }
  }

  setScale(scale: Scale): void {
    this.#bars.priceScale().applyOptions({ mode: MODES[scale] });
  }

  /** All bars that are loaded, as lines of CSV in the digits that came. */
  csv(): string {
    const rows = this.#series.bars.map((bar) =>
      [new Date(bar.timeMs).toISOString(), bar.open, bar.high, bar.low, bar.close, bar.volume, bar.quoteVolume, bar.vwap ?? "", bar.tradeCount, bar.final, bar.revision].join(","),
    );
    return ["time,open,high,low,close,volume,quoteVolume,vwap,tradeCount,final,revision", ...rows, ""].join("\n");
  }

  showVwap(visible: boolean): void {
    this.#vwap.applyOptions({ visible });
  }

  /** Moves by bars, or to the newest one. */
  move(bars: number | "newest"): void {
    const scale = this.#api.timeScale();
    if (bars === "newest") scale.scrollToRealTime();
    else scale.scrollToPosition(scale.scrollPosition() + bars, false);
  }

  zoom(factor: number): void {
    const scale = this.#api.timeScale();
    scale.applyOptions({ barSpacing: Math.min(Math.max(scale.options().barSpacing * factor, 1), 60) });
  }

  destroy(): void {
    together.delete(this);
    this.#ends.forEach((end) => end());
    this.#series.close();
    this.#api.remove();
  }

  #candle(bar: Bar<string>) {
    const rises = this.#rises(bar);
    const { up, down, upPale, downPale } = this.#colours;
    const open = { color: rises ? upPale : downPale, borderColor: rises ? up : down };
    return {
      time: seconds(bar), open: Number(bar.open), high: Number(bar.high), low: Number(bar.low), close: Number(bar.close),
      ...(bar.final ? {} : open),
    };
  }

  #rises(bar: Bar<string>): boolean {
    return Number(bar.close) >= Number(bar.open);
  }

  #shown(): void {
    const bars = this.#series.bars;
    const last = bars.at(-1);
    if (!last) return;
    this.#calls.problem(null);
    this.#calls.newest(last.timeMs);
    const scale = Math.max(...[last.open, last.high, last.low, last.close].map(scaleOf));
    if (scale > this.#scale) {
      this.#scale = scale;
      this.#bars.applyOptions({ priceFormat: { type: "price", precision: scale, minMove: 10 ** -scale } });
    }
    if (!this.#fitted && bars.length > 1) {
      this.#fitted = true;
      this.#api.timeScale().scrollToRealTime();
    }
    this.#tell();
  }

  #mark(): void {
    const revised = this.#series.bars.filter((bar) => bar.revision > 0).slice(-REVISED_MAX);
    this.#marks.setMarkers(
      revised.map((bar): SeriesMarker<Time> => ({ time: seconds(bar), position: "aboveBar", shape: "circle", size: 0.5, color: colour("accent") })),
    );
  }

  #point(timeMs: number | null): void {
    const bar = timeMs === null ? undefined : this.#series.bars.find((each) => each.timeMs === timeMs);
    if (bar) this.#api.setCrosshairPosition(Number(bar.close), seconds(bar), this.#bars);
    else this.#api.clearCrosshairPosition();
  }

  #tell(): void {
    const bars = this.#series.bars;
    const pointed = this.#pointedMs === null ? undefined : bars.find((bar) => bar.timeMs === this.#pointedMs);
    this.#calls.bar(pointed ?? bars.at(-1) ?? null, pointed !== undefined, this.#scale);
  }
}

function seconds(bar: Bar<string>): UTCTimestamp {
  return (bar.timeMs / 1000) as UTCTimestamp;
}
