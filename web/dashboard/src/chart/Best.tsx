/** Bid, ask and spread of a symbol, small, where they are known: as its trades or its quotes have them, whichever is later. */
import type { Ticker } from "@tapeflow/client";
import { useEffect, useState } from "react";
import { exact, scaleOf, spreadOf } from "../format.ts";
import { prices } from "../market.ts";

export function Best({ symbol }: { symbol: string }) {
  const [ticker, setTicker] = useState<Ticker<string> | null>(null);
  useEffect(() => {
    let frame = 0;
    let next: Ticker<string> | null = null;
    const end = prices.follow(symbol, (now) => {
      next = { ...now };
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        setTicker(next);
      });
    });
    return () => {
      cancelAnimationFrame(frame);
      end();
    };
  }, [symbol]);
  if (!ticker?.bid || !ticker.ask) return null;
  const { bid, ask, price } = ticker;
  const scale = Math.max(...[bid, ask, price].map(scaleOf));
  const spread = spreadOf(bid, ask);
  const isOther = ticker.symbol !== symbol; // the place is kept until the new one comes, so that the chart stays where it is
  return (
    <dl className="best">
      <div><dt>Bid</dt><dd>{isOther ? "–" : exact(bid, scale)}</dd></div>
      <div><dt>Ask</dt><dd>{isOther ? "–" : exact(ask, scale)}</dd></div>
      <div title={spread === null ? "The bid is above the ask" : "Ask less bid"}><dt>Spread</dt><dd>{isOther ? "–" : spread === null ? "crossed" : exact(spread, scale)}</dd></div>
    </dl>
  );
}
