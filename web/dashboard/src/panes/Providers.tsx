/** Liquidity providers: the newest state of each, by name. */
import { ago } from "../format.ts";
import { useDesk } from "./desk.ts";

const GOOD = new Set(["connected", "up", "ok", "active"]);

export function Providers() {
  const { providers } = useDesk();
  if (providers.size === 0) {
    return <p className="empty">No provider has reported yet. They appear here at once: <code>tapeflow publish lp-performance '{'{"lpName":"OANDA","status":"connected","latencyMs":14}'}'</code></p>;
  }
  const now = Date.now();
  return (
    <div className="scroll" role="region" tabIndex={0} aria-label="Liquidity providers">
      <table>
        <caption className="unseen">Liquidity providers</caption>
        <thead><tr><th scope="col">Provider</th><th scope="col">Status</th><th scope="col" className="number">Spread</th><th scope="col" className="number">Fill quality</th><th scope="col" className="number">Latency ms</th><th scope="col" className="number">Quotes/s</th><th scope="col" className="number">Rejects</th><th scope="col" className="number">Uptime</th><th scope="col">Heard</th></tr></thead>
        <tbody>
          {[...providers].sort(([a], [b]) => a.localeCompare(b)).map(([name, each]) => {
            const good = GOOD.has(each.status?.toLowerCase() ?? "");
            return (
              <tr key={name}>
                <th scope="row">{name}</th><td data-way={good ? "up" : "down"}>{good ? "●" : "◆"} {each.status ?? "unknown"}</td>
                <td className="number">{each.avgSpread ?? "–"}</td><td className="number">{each.executionQuality ?? "–"}</td>
                <td className="number">{each.latencyMs ?? "–"}</td><td className="number">{each.quotesPerSecond ?? "–"}</td>
                <td className="number">{each.rejectRate ?? "–"}</td><td className="number">{each.uptime ?? "–"}</td><td>{ago(now - each.atMs)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
