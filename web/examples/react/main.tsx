/** A watchlist, a chart of one symbol, and the light, over one connection for each kind of message. */
import { StrictMode, useEffect, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { CandlestickSeries, createChart, type UTCTimestamp } from "lightweight-charts";
import { feedChart } from "@tapeflow/client";
import { configure, ConnectionStatusIndicator, useCandleSeries, useConnection, useTicker } from "@tapeflow/react";
import "@tapeflow/react/style.css";

const given = new URLSearchParams(location.search);
configure({ url: given.get("url") ?? "http://127.0.0.1:8080", token: given.get("token") });

function Row({ symbol, choose }: { symbol: string; choose: (symbol: string) => void }) {
  const ticker = useTicker(symbol);
  return (
    <li>
      <button type="button" onClick={() => choose(symbol)}>{symbol}</button> {ticker ? ticker.price : "waiting"}
    </li>
  );
}

function Chart({ symbol }: { symbol: string }) {
  const box = useRef<HTMLDivElement>(null);
  const series = useCandleSeries({ symbol, interval: "1m" });
  useEffect(() => {
    if (!series || !box.current) return;
    const chart = createChart(box.current, { width: 640, height: 320 });
    const candles = chart.addSeries(CandlestickSeries);
    const end = feedChart(
      series,
      candles,
      ({ timeMs, open, high, low, close }) => ({ time: (timeMs / 1000) as UTCTimestamp, open, high, low, close }),
      () => (box.current!.dataset["bars"] = String(series.bars.length)),
    );
    return () => {
      end();
      chart.remove();
    };
  }, [series]);
  return <div ref={box} id="chart" />;
}

function Page() {
  const [symbol, choose] = useState("BTC/USDT");
  return (
    <main>
      <ConnectionStatusIndicator {...useConnection()} showDetails position="top-right" />
      <ul>{["BTC/USDT", "ETH/USDT"].map((each) => <Row key={each} symbol={each} choose={choose} />)}</ul>
      <h1>{symbol}</h1>
      <Chart key={symbol} symbol={symbol} />
    </main>
  );
}

createRoot(document.getElementById("root")!).render(<StrictMode><Page /></StrictMode>);
