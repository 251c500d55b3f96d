/** The log of alerts and events, worst marked by word and shape besides colour. */
import { useEffect, useState } from "react";
import { moment } from "../format.ts";
import { show } from "../view.ts";
import { markSeen, useEntries, type Entry } from "./log.ts";

const MARKS: Record<Entry["severity"], string> = { critical: "◆", warning: "▲", info: "●" };

export function Alerts() {
  const entries = useEntries();
  const [only, setOnly] = useState<Entry["severity"] | "">("");
  useEffect(markSeen, [entries]);
  const shown = only ? entries.filter((entry) => entry.severity === only) : entries;
  return (
    <div className="scroll" role="region" tabIndex={0} aria-label="Alerts and events">
      {entries.length > 0 && (
        <p className="filter">
          <label>Show <select value={only} onChange={(event) => setOnly(event.target.value as typeof only)}>
            <option value="">everything</option><option value="critical">critical</option><option value="warning">warnings</option><option value="info">information</option>
          </select></label>
        </p>
      )}
      {entries.length === 0 && (
        <p className="empty">Nothing has been announced. Alerts of the flows and of <code>tapeflow publish alerts '{"{…}"}'</code> appear here at once.</p>
      )}
      <ul className="log">
        {shown.map((entry) => (
          <li key={entry.id} data-severity={entry.severity}>
            <span className="mark" title={entry.severity}>{MARKS[entry.severity]}<span className="unseen">{entry.severity}</span></span>
            <time dateTime={new Date(entry.atMs).toISOString()}>{moment(entry.atMs)}</time>
            <strong>{entry.title}</strong>
            <span className="kind">{entry.kind}</span>
            <span className="text">{entry.text}</span>
            {entry.symbols.slice(0, 5).map((symbol) => <button key={symbol} className="tag" onClick={() => show(symbol)}>{symbol}</button>)}
          </li>
        ))}
      </ul>
    </div>
  );
}
