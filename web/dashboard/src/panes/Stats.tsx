/** Figures of a symbol over a period, as history computes them, and its live ticker beside them. */
import type { StatsRow, Ticker } from "@tapeflow/client";
import { useEffect, useState } from "react";
import { compact, exact, moment, percent, scaleOf, spreadOf } from "../format.ts";
import { prices, rest } from "../market.ts";

const PERIODS = [["1h", "hour"], ["1d", "day"], ["1w", "week"], ["1m", "month"], ["ytd", "year to date"], ["all", "all"]] as const;
const EVERY_MS = 30_000;

export function Stats({ symbol }: { symbol: string }) {
  const [period, setPeriod] = useState<(typeof PERIODS)[number][0]>("1d");
  const [stats, setStats] = useState<StatsRow<string> | null>(null);
  const [ticker, setTicker] = useState<Ticker<string> | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => prices.follow(symbol, (now) => setTicker({ ...now })), [symbol]);
  useEffect(() => {
    let gone = false;
    let timer: ReturnType<typeof setTimeout>;
    setStats(null);
    const load = async () => {
      try {
        const row = await rest.stats(symbol, period);
        if (gone) return;
        setStats(row);
        setProblem(null);
      } catch (error) {
        if (!gone) setProblem(error instanceof Error ? error.message : String(error));
      }
      if (!gone) timer = setTimeout(() => void load(), EVERY_MS);
    };
    void load();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [symbol, period]);

  const mine = ticker?.symbol === symbol ? ticker : null;
  const scale = Math.max(0, ...[mine?.price, mine?.bid, mine?.ask, mine?.high, mine?.low].map((text) => (text ? scaleOf(text) : 0)));
  const spread = mine?.bid && mine.ask ? spreadOf(mine.bid, mine.ask) ?? "crossed" : null;
  return (
    <div className="scroll stats" role="region" tabIndex={0} aria-label={`Figures of ${symbol}`}>
      <section>
        <h3>Now</h3>
        <dl className="pairs">
          <Pair name="Price" value={exact(mine?.price, scale)} />
          <Pair name="Bid" value={exact(mine?.bid, scale)} />
          <Pair name="Ask" value={exact(mine?.ask, scale)} />
          <Pair name="Spread" value={spread === "crossed" ? spread : exact(spread, scale)} />
          <Pair name="Day's open" value={exact(mine?.open, scale)} />
          <Pair name="Day's high" value={exact(mine?.high, scale)} />
          <Pair name="Day's low" value={exact(mine?.low, scale)} />
          <Pair name="Close before" value={exact(mine?.previousClose, scale)} />
          <Pair name="Change" value={mine ? `${exact(mine.change, scale)} (${percent(mine.changePercent)})` : "–"} />
          <Pair name="Day's volume" value={exact(mine?.volume)} />
        </dl>
      </section>
      <section>
        <h3>
          Last <select aria-label="Period" value={period} onChange={(event) => setPeriod(event.target.value as typeof period)}>
            {PERIODS.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
          </select>
        </h3>
        {problem && <p className="empty">{problem}</p>}
        {stats && (
          <dl className="pairs">
            <Pair name="Open" value={exact(stats.open, scale)} />
            <Pair name="High" value={exact(stats.high, scale)} />
            <Pair name="Low" value={exact(stats.low, scale)} />
            <Pair name="Close" value={exact(stats.close, scale)} />
            <Pair name="Volume" value={exact(stats.volume)} />
            <Pair name="Average (VWAP)" value={exact(stats.avgPrice)} />
            <Pair name="Trades" value={compact(stats.trades)} title={String(stats.trades)} />
            <Pair name="Deviation of price" value={exact(stats.volatility)} />
            <Pair name="From (UTC)" value={moment(stats.startTime)} />
            <Pair name="To (UTC)" value={moment(stats.endTime)} />
          </dl>
        )}
      </section>
    </div>
  );
}

function Pair({ name, value, title }: { name: string; value: string; title?: string }) {
  return <div><dt>{name}</dt><dd {...(title && { title })}>{value}</dd></div>;
}
