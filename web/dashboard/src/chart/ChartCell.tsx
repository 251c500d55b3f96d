/** One chart with its head: symbol, last bar in exact digits, and what was done to it. */
import type { Bar } from "@tapeflow/client";
import { useEffect, useRef, useState } from "react";
import { compact, exact, moment, percent, sign } from "../format.ts";
import { INTERVAL_MS, type IntervalName } from "../market.ts";
import type { Shown } from "../theme.ts";
import type { Scale } from "../view.ts";
import { Best } from "./Best.tsx";
import { Chart } from "./chart.ts";

interface Told {
  bar: Bar<string>;
  pointed: boolean;
  scale: number;
}

export interface ChartCellProps {
  symbol: string;
  interval: IntervalName;
  theme: Shown;
  vwap: boolean;
  scale: Scale;
  active: boolean;
  onActivate: () => void;
  /** Absent where the only chart can't be closed. */
  onClose?: (() => void) | undefined;
}

export function ChartCell({ symbol, interval, theme, vwap, scale, active, onActivate, onClose }: ChartCellProps) {
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const [shown, setShown] = useState<Told | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    if (!element.current) return;
    setShown(null);
    setProblem(null);
    let frame = 0;
    let next: Told | null = null;
    const made = new Chart(element.current, symbol, interval, {
      bar: (bar, pointed, scale) => {
        next = bar && { bar, pointed, scale };
        frame ||= requestAnimationFrame(() => {
          frame = 0;
          setShown(next);
        });
      },
      newest: (timeMs) => element.current?.setAttribute("data-newest", String(timeMs)),
      problem: setProblem,
    });
    chart.current = made;
    return () => {
      cancelAnimationFrame(frame);
      made.destroy();
      chart.current = null;
    };
  }, [symbol, interval]);

  useEffect(() => chart.current?.paint(), [theme, symbol, interval]);
  useEffect(() => chart.current?.showVwap(vwap), [vwap, symbol, interval]);

  useEffect(() => chart.current?.setScale(scale), [scale, symbol, interval]);

  const save = () => {
    if (!chart.current) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([chart.current.csv()], { type: "text/csv" }));
    link.download = `${symbol.replace(/[^\w.-]+/g, "-")}-${interval}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  const keys: Record<string, () => void> = {
    ArrowLeft: () => chart.current?.move(-10),
    ArrowRight: () => chart.current?.move(10),
    End: () => chart.current?.move("newest"),
    "+": () => chart.current?.zoom(1.25),
    "-": () => chart.current?.zoom(0.8),
  };
  return (
    <article className="chart-cell" data-active={active} aria-label={`${symbol}, ${interval} bars`} onPointerDown={onActivate}>
      <header className="legend">
        <h2>{symbol}<small>{interval}</small></h2>
        {shown && <Legend {...shown} interval={interval} />}
        <Best symbol={symbol} />
        <button className="icon save" title="The bars that are loaded, as CSV with every digit" aria-label={`Save the bars of ${symbol} as CSV`} onClick={save}>CSV</button>
        {onClose && <button className="icon close" aria-label={`Close the chart of ${symbol}`} onClick={onClose}>×</button>}
      </header>
      <div className="chart" ref={element} tabIndex={0} role="group" aria-roledescription="chart"
        aria-label={`Chart of ${symbol}. ${shown ? words(shown.bar) : "Waiting for bars."} Arrow keys move, plus and minus zoom.`}
        onKeyDown={(event) => {
          const act = keys[event.key];
          if (!act) return;
          event.preventDefault();
          act();
        }} />
      {problem && <p className="chart-problem" role="status">{problem}</p>}
    </article>
  );
}

function Legend({ bar, pointed, scale, interval }: Told & { interval: IntervalName }) {
  const change = Number(bar.close) - Number(bar.open);
  const way = change > 0 ? "up" : change < 0 ? "down" : "";
  const state = bar.revision > 0 ? `revised ${bar.revision}×` : bar.final ? "final" : "live";
  return (
    <dl className="figures">
      {pointed && <div><dt className="unseen">Time</dt><dd>{moment(bar.timeMs)}</dd></div>}
      {(["open", "high", "low", "close"] as const).map((name) => (
        <div key={name}><dt title={name}>{name[0]!.toUpperCase()}</dt><dd data-way={way}>{exact(bar[name], scale)}</dd></div>
      ))}
      <div><dt className="unseen">Change</dt><dd data-way={way}>{sign(change)} {percent((change / Number(bar.open)) * 100)}</dd></div>
      <div><dt title={`Volume ${bar.volume}`}>Vol</dt><dd>{compact(Number(bar.volume))}</dd></div>
      <div className="wide"><dt title={`VWAP ${bar.vwap ?? "none"}`}>VWAP</dt><dd>{bar.vwap === null ? "–" : exact(Number(bar.vwap).toFixed(scale))}</dd></div>
      <div className="wide"><dt>Trades</dt><dd>{bar.tradeCount.toLocaleString("en")}</dd></div>
      {!bar.final && !pointed && <Countdown endMs={bar.timeMs + INTERVAL_MS[interval]} />}
      <div><dt className="unseen">State</dt><dd className="bar-state" data-state={bar.revision > 0 ? "revised" : bar.final ? "final" : "live"}>{state}</dd></div>
    </dl>
  );
}

/** How long the open bar has still to go, by this machine's clock; nothing where event time is another. */
function Countdown({ endMs }: { endMs: number }) {
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => {
    const clock = setInterval(() => setNowMs(Date.now()), 1_000);
    return () => clearInterval(clock);
  }, []);
  const left = Math.ceil((endMs - nowMs) / 1000);
  if (left <= 0 || left > 604_800) return null;
  const parts = left >= 86_400 ? [`${Math.floor(left / 86_400)}d`, Math.floor((left % 86_400) / 3600)] : left >= 3600 ? [Math.floor(left / 3600), Math.floor((left % 3600) / 60), left % 60] : [Math.floor(left / 60), left % 60];
  return <div><dt className="unseen">Ends in</dt><dd className="countdown" title="Until this bar ends">{parts.map((part) => String(part).padStart(2, "0")).join(":")}</dd></div>;
}

function words(bar: Bar<string>): string {
  return `${bar.final ? "Last bar" : "Open bar"}: open ${bar.open}, high ${bar.high}, low ${bar.low}, close ${bar.close}, volume ${bar.volume}.`;
}
