/** Where orders went: the share of each book by volume, how long it took, and the last decisions. */
import { compact } from "../format.ts";
import { percentile, useDesk } from "./desk.ts";

const COLOURS = ["accent", "up", "amber", "down", "dim"];

export function Routing() {
  const { decisions } = useDesk();
  if (decisions.length === 0) {
    return <p className="empty">No routing decision has come yet. They appear here at once: <code>tapeflow publish routing-metrics '{'{"symbol":"EURUSD","routingDecision":"ABOOK","volume":1,"executionTimeMs":12}'}'</code></p>;
  }
  const books = new Map<string, number>();
  for (const each of decisions) {
    const book = each.routingDecision ?? "unknown";
    books.set(book, (books.get(book) ?? 0) + Number(each.volume ?? 0));
  }
  const total = [...books.values()].reduce((sum, each) => sum + each, 0) || 1;
  const shares = [...books].sort((a, b) => b[1] - a[1]);
  const times = decisions.flatMap((each) => (each.executionTimeMs === undefined ? [] : [Number(each.executionTimeMs)]));
  return (
    <div className="scroll desk" role="region" tabIndex={0} aria-label="Routing decisions">
      <section>
        <h3>Books by volume <small>last {decisions.length} decisions</small></h3>
        <div className="stack" role="img" aria-label={shares.map(([book, volume]) => `${book} ${((volume / total) * 100).toFixed(1)} per cent`).join(", ")}>
          {shares.map(([book, volume], index) => <i key={book} data-colour={COLOURS[index % COLOURS.length]} style={{ flexGrow: volume / total }} />)}
        </div>
        <ul className="key">
          {shares.map(([book, volume], index) => <li key={book}><i data-colour={COLOURS[index % COLOURS.length]} />{book} <b>{((volume / total) * 100).toFixed(1)}%</b> <span>{compact(volume)}</span></li>)}
        </ul>
        <h3>Execution time <small>ms</small></h3>
        <dl className="pairs">
          {[0.5, 0.9, 0.99].map((share) => <div key={share}><dt>p{share * 100}</dt><dd>{times.length ? percentile(times, share).toFixed(1) : "–"}</dd></div>)}
          <div><dt>max</dt><dd>{times.length ? Math.max(...times).toFixed(1) : "–"}</dd></div>
        </dl>
      </section>
      <table>
        <caption className="unseen">Last decisions</caption>
        <thead><tr><th scope="col">Symbol</th><th scope="col">Side</th><th scope="col" className="number">Volume</th><th scope="col">Book</th><th scope="col">Provider</th><th scope="col" className="number">ms</th><th scope="col" className="number">Slippage</th></tr></thead>
        <tbody>
          {decisions.slice(0, 50).map((each, index) => (
            <tr key={decisions.length - index}><td>{each.symbol ?? "–"}</td><td>{each.side ?? "–"}</td><td className="number">{each.volume ?? "–"}</td><td>{each.routingDecision ?? "–"}</td><td>{each.lpSelected ?? "–"}</td><td className="number">{each.executionTimeMs ?? "–"}</td><td className="number">{each.slippage ?? "–"}</td></tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
