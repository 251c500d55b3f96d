/** What is at stake: in all against its limit, and by symbol and provider. */
import { compact } from "../format.ts";
import { useDesk } from "./desk.ts";

export function Exposure() {
  const { exposure } = useDesk();
  if (!exposure) {
    return <p className="empty">No exposure has been reported yet. It appears here at once: <code>tapeflow publish exposure-updates '{'{"totalExposure":820000,"exposureLimit":1000000,"utilizationPct":82,"riskLevel":"warning"}'}'</code></p>;
  }
  const used = Number(exposure.utilizationPct ?? 0);
  const level = exposure.riskLevel ?? (used >= 90 ? "critical" : used >= 75 ? "warning" : "normal");
  return (
    <div className="scroll desk" role="region" tabIndex={0} aria-label="Exposure">
      <section>
        <h3>Utilisation <small>{level}</small></h3>
        <div className="gauge" role="meter" aria-label="Utilisation of the limit" aria-valuenow={used} aria-valuemin={0} aria-valuemax={100} data-level={level}>
          <i style={{ width: `${Math.min(used, 100)}%` }} /><span style={{ left: "75%" }} /><span style={{ left: "90%" }} />
        </div>
        <dl className="pairs">
          <div><dt>Used</dt><dd>{used.toFixed(1)}%</dd></div>
          <div><dt>Total</dt><dd>{compact(Number(exposure.totalExposure))}</dd></div>
          <div><dt>Net</dt><dd>{compact(Number(exposure.netExposure))}</dd></div>
          <div><dt>Limit</dt><dd>{compact(Number(exposure.exposureLimit))}</dd></div>
        </dl>
      </section>
      <Bars title="By symbol" values={exposure.bySymbol ?? {}} />
      <Bars title="By provider" values={exposure.byLP ?? {}} />
    </div>
  );
}

function Bars({ title, values }: { title: string; values: Record<string, number> }) {
  const rows = Object.entries(values).map(([name, value]) => [name, Number(value)] as const).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  const most = Math.max(1e-9, ...rows.map(([, value]) => Math.abs(value)));
  return (
    <section>
      <h3>{title}</h3>
      {rows.length === 0 && <p className="empty">none</p>}
      <ul className="bars">
        {rows.slice(0, 30).map(([name, value]) => (
          <li key={name}><span>{name}</span><i data-way={value < 0 ? "down" : "up"} style={{ width: `${(Math.abs(value) / most) * 100}%` }} /><b>{value < 0 ? "−" : ""}{compact(Math.abs(value))}</b></li>
        ))}
      </ul>
    </section>
  );
}
