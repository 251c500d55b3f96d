/**
 * The last trades of a symbol, newest first, as history holds them: every trade with its own digits and side.
 *
 * They are fetched while somebody looks, from the newest that is known on.
 */
import type { TradeRow } from "@tapeflow/client";
import { useEffect, useState } from "react";
import { clock, exact, scaleOf, sign } from "../format.ts";
import { rest } from "../market.ts";

const SHOWN = 100;
const EVERY_MS = 3_000;

export function Tape({ symbol }: { symbol: string }) {
  const [trades, setTrades] = useState<TradeRow<string>[]>([]);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    let gone = false;
    let timer: ReturnType<typeof setTimeout>;
    setTrades([]);
    setProblem(null);
    let held: TradeRow<string>[] = [];
    const load = async () => {
      try {
        if (document.visibilityState === "visible") {
          const rows = await rest.trades(symbol, { limit: SHOWN });
          if (gone) return;
          const known = new Set(held.map((trade) => trade.sequence));
          held = [...rows.filter((trade) => !known.has(trade.sequence)), ...held].sort((a, b) => b.sequence - a.sequence).slice(0, SHOWN);
          setTrades(held);
          setProblem(held.length ? null : "No trade in history yet");
        }
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
  }, [symbol]);

  const priceScale = Math.max(0, ...trades.map((trade) => scaleOf(trade.price)));
  const sizeScale = Math.max(0, ...trades.map((trade) => scaleOf(trade.volume)));
  return (
    <div className="scroll" role="region" tabIndex={0} aria-label={`Trades of ${symbol}`}>
      {problem && <p className="empty">{problem}</p>}
      {trades.length > 0 && (
        <table className="tape">
          <caption className="unseen">Trades of {symbol}, newest first</caption>
          <thead><tr><th scope="col">Time (UTC)</th><th scope="col">Side</th><th scope="col" className="number">Price</th><th scope="col" className="number">Size</th><th scope="col">Venue</th></tr></thead>
          <tbody>
            {trades.map((trade) => {
              const way = trade.side === "BUY" ? "up" : trade.side === "SELL" ? "down" : "";
              return (
                <tr key={trade.sequence}>
                  <td>{clock(trade.timestamp)}</td>
                  <td data-way={way}>{sign(way === "up" ? 1 : way === "down" ? -1 : 0)} {trade.side.toLowerCase()}</td>
                  <td className="number" data-way={way}>{exact(trade.price, priceScale)}</td>
                  <td className="number">{exact(trade.volume, sizeScale)}</td>
                  <td>{trade.exchange}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </div>
  );
}
