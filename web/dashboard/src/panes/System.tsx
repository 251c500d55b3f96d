/**
 * The system for those who run it: what each part says of itself, how fast data flows, and what was refused.
 *
 * Everything is asked of the gateway while somebody looks, every three seconds, and curves show the last ten minutes.
 */
import type { FlowStatus, Ready, VenueStatus, WsStatsAnswer } from "@tapeflow/client";
import { useEffect, useRef, useState } from "react";
import { ago, compact } from "../format.ts";
import { prices, rest } from "../market.ts";
import { quantile, rate, readMetrics, type Sample } from "./metrics.ts";

const EVERY_MS = 3_000;
const KEPT = 200;
const LABELS = { tapeflow_ws_delivery_seconds_bucket: "le", tapeflow_rest_requests_total: "status" };

interface Look {
  atMs: number;
  ready: Ready | null;
  stats: WsStatsAnswer | null;
  flows: FlowStatus[];
  metrics: Sample;
  problem: string | null;
}
const NOTHING: Look = { atMs: 0, ready: null, stats: null, flows: [], metrics: new Map(), problem: null };

async function look(): Promise<Look> {
  try {
    const [ready, stats, flows, text] = await Promise.all([rest.readiness(), rest.wsStats(), rest.flows(), rest.metrics()]);
    return { atMs: Date.now(), ready, stats, flows: flows.flows, metrics: readMetrics(text, LABELS), problem: null };
  } catch (error) {
    return { ...NOTHING, atMs: Date.now(), problem: `The gateway does not answer: ${error instanceof Error ? error.message : String(error)}` };
  }
}

interface Curve {
  messages: number | null;
  deliveryMs: number | null;
  requests: number | null;
}

export function System() {
  const [now, setNow] = useState<Look>(NOTHING);
  const [curves, setCurves] = useState<readonly Curve[]>([]);
  const before = useRef<Look>(NOTHING);

  useEffect(() => {
    let gone = false;
    let timer: ReturnType<typeof setTimeout>;
    const again = async () => {
      const next = await look();
      if (gone) return;
      const last = before.current;
      if (!next.problem && !last.problem && last.atMs) {
        const elapsed = next.atMs - last.atMs;
        setCurves((all) => [...all, curve(next.metrics, last.metrics, elapsed)].slice(-KEPT));
      }
      before.current = next;
      setNow(next);
      timer = setTimeout(() => void again(), EVERY_MS);
    };
    void again();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, []);

  const last = curves.at(-1);
  const own = prices.getMetrics();
  return (
    <div className="scroll system" role="region" tabIndex={0} aria-label="System">
      {now.problem && <p className="problem" role="alert">{now.problem}</p>}
      <section>
        <h3>Health <small>{now.ready?.status ?? "unknown"}</small></h3>
        <table>
          <caption className="unseen">What the gateway depends on</caption>
          <thead><tr><th scope="col">Part</th><th scope="col">Status</th><th scope="col" className="number">ms</th><th scope="col">Words</th></tr></thead>
          <tbody>
            {Object.entries(now.ready?.dependencies ?? {}).map(([name, each]) => (
              <tr key={name}><th scope="row">{name}</th><td data-way={each.status === "up" ? "up" : "down"}>{each.status === "up" ? "● up" : `◆ ${each.status}`}</td><td className="number">{each.latencyMs?.toFixed(1) ?? "–"}</td><td>{each.error}</td></tr>
            ))}
          </tbody>
        </table>
      </section>
      <section>
        <h3>Flows</h3>
        {now.flows.length === 0 && <p className="empty">The gateway was not told where the flows' figures are: <code>TAPEFLOW_GATEWAY_FLOWS</code></p>}
        {now.flows.length > 0 && (
          <table>
            <caption className="unseen">Flows</caption>
            <thead><tr><th scope="col">Flow</th><th scope="col">Status</th><th scope="col" className="number">Records/s</th><th scope="col" className="number">Lag</th><th scope="col" className="number">Latency p99</th><th scope="col">Rejected</th></tr></thead>
            <tbody>
              {now.flows.map((each) => (
                <tr key={`${each.flow} ${each.process}`}>
                  <th scope="row">{each.flow}{each.process > 0 && ` ${each.process}`}</th><td data-way={each.up ? "up" : "down"}>{each.up ? "● up" : `◆ ${each.error}`}</td>
                  <td className="number">{each.recordsPerS === null || each.venues.length > 0 ? "–" : compact(each.recordsPerS)}</td>
                  <td className="number" title={`${each.lagRecords} records`}>{compact(each.lagRecords)}{each.lagMs ? ` · ${compact(each.lagMs)} ms` : ""}</td>
                  <td className="number">{each.latencyP99Ms === null ? "–" : `${compact(each.latencyP99Ms)} ms`}</td>
                  <td title={reasons(each).join(", ")}>{each.rejected ? `${compact(each.rejected)}: ${reasons(each).slice(0, 2).join(", ")}` : "none"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {now.flows.some((each) => each.venues.length > 0) && (
        <section>
          <h3>Venues</h3>
          <table>
            <caption className="unseen">Venues that are ingested</caption>
            <thead><tr><th scope="col">Venue</th><th scope="col" className="number">Connections</th><th scope="col" className="number">Trades/s</th><th scope="col" className="number">To here p50 · p99</th><th scope="col" className="number">To Kafka p50 · p99</th><th scope="col" className="number">Clock ahead</th><th scope="col">Gaps</th></tr></thead>
            <tbody>{now.flows.flatMap((flow) => flow.venues.map((each) => <Venue key={`${flow.flow} ${flow.process} ${each.venue}`} venue={each} />))}</tbody>
          </table>
        </section>
      )}
      <section className="curves">
        <Line title="Messages out" unit="/s" values={curves.map((each) => each.messages)} shown={last?.messages} />
        <Line title="Delivery p99" unit=" ms" values={curves.map((each) => each.deliveryMs)} shown={last?.deliveryMs} />
        <Line title="REST requests" unit="/s" values={curves.map((each) => each.requests)} shown={last?.requests} />
      </section>
      <section>
        <h3>Fan-out</h3>
        <dl className="pairs">
          <div><dt>Connections</dt><dd>{now.stats?.connections ?? "–"}</dd></div>
          <div><dt>Rooms of bars</dt><dd>{now.stats?.broadcaster.totalRooms ?? "–"}</dd></div>
          <div><dt>Subscriptions</dt><dd>{compact(now.metrics.get("tapeflow_ws_subscriptions") ?? Number.NaN)}</dd></div>
          <div><dt>Symbols known</dt><dd>{compact(now.metrics.get("tapeflow_ws_symbols_known") ?? Number.NaN)}</dd></div>
          <div><dt>Slow clients</dt><dd>{now.metrics.get("tapeflow_ws_slow_clients") ?? "–"}</dd></div>
          <div><dt>Last broadcast</dt><dd>{now.metrics.has("tapeflow_ws_last_broadcast") ? ago(now.atMs - (now.metrics.get("tapeflow_ws_last_broadcast") ?? 0)) : "–"}</dd></div>
          <div><dt>SSE clients</dt><dd>{now.metrics.get("tapeflow_sse_clients") ?? "–"}</dd></div>
          <div><dt>Refused requests</dt><dd>{refused(now.metrics)}</dd></div>
        </dl>
      </section>
      <section>
        <h3>This page</h3>
        <dl className="pairs">
          <div><dt>State</dt><dd>{own.connectionState.toLowerCase()}</dd></div>
          <div><dt>Round trip</dt><dd>{own.averageLatency.toFixed(1)} ms</dd></div>
          <div><dt>Messages</dt><dd>{compact(own.messageCount)}</dd></div>
          <div><dt>Gaps mended</dt><dd>{prices.gaps}</dd></div>
          <div><dt>Symbols followed</dt><dd>{own.activeSubscriptions}</dd></div>
          <div><dt>Gateway</dt><dd><a href="/docs">docs</a> · <a href="/metrics">metrics</a> · <a href="/licenses.txt">licences</a></dd></div>
        </dl>
      </section>
    </div>
  );
}

function Venue({ venue }: { venue: VenueStatus }) {
  return (
    <tr>
      <th scope="row">{venue.venue}</th>
      <td className="number" title={`${venue.markets} markets`}>{venue.connections}</td>
      <td className="number">{venue.tradesPerS === null ? "–" : compact(venue.tradesPerS)}</td>
      <td className="number" title="From a trade's time to its arrival, by two clocks">{way(venue.receivedP50Ms, venue.receivedP99Ms)}</td>
      <td className="number">{way(venue.writtenP50Ms, venue.writtenP99Ms)}</td>
      <td className="number" title="At most, as no trade arrives before it happens">{venue.clockAheadMs === null ? "–" : `${compact(venue.clockAheadMs)} ms`}</td>
      <td data-way={venue.gapsLeft ? "down" : undefined}>{venue.gapsLeft ? `◆ ${compact(venue.gapsLeft)} left` : venue.gapsFilled ? `${compact(venue.gapsFilled)} filled` : "none"}</td>
    </tr>
  );
}

function way(p50Ms: number | null, p99Ms: number | null): string {
  return p50Ms === null || p99Ms === null ? "–" : `${compact(p50Ms)} · ${compact(p99Ms)} ms`;
}

/** Why records were refused, the most frequent reason first. */
function reasons(flow: FlowStatus): string[] {
  return Object.entries(flow.rejects).sort(([, a], [, b]) => b - a).map(([reason, count]) => `${reason} ${compact(count)}`);
}

function curve(now: Sample, before: Sample, elapsedMs: number): Curve {
  const buckets = [...now].flatMap(([key, count]) => {
    const bound = /^tapeflow_ws_delivery_seconds_bucket\|(.+)$/.exec(key)?.[1];
    return bound === undefined ? [] : [[bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound), count - (before.get(key) ?? 0)] as const];
  });
  const seconds = quantile(0.99, buckets.sort((a, b) => a[0] - b[0]));
  return {
    messages: rate("tapeflow_ws_messages_total", now, before, elapsedMs),
    deliveryMs: seconds === null || !Number.isFinite(seconds) ? null : seconds * 1000,
    requests: rate("tapeflow_rest_requests_total", now, before, elapsedMs),
  };
}

function refused(metrics: Sample): string {
  const all = [...metrics].flatMap(([key, count]) => {
    const status = /^tapeflow_rest_requests_total\|([45]\d\d)$/.exec(key)?.[1];
    return status && count > 0 ? [`${status}: ${compact(count)}`] : [];
  });
  return all.join(", ") || "none";
}

function Line({ title, unit, values, shown }: { title: string; unit: string; values: readonly (number | null)[]; shown: number | null | undefined }) {
  const known = values.filter((each) => each !== null);
  const most = Math.max(1e-9, ...known) * 1.1;
  const points = values.flatMap((each, index) => (each === null ? [] : [`${((index + KEPT - values.length) / (KEPT - 1)) * 200},${40 - (each / most) * 38}`]));
  return (
    <figure>
      <figcaption>{title} <b>{shown == null ? "–" : `${compact(shown)}${unit}`}</b></figcaption>
      <svg viewBox="0 0 200 40" preserveAspectRatio="none" role="img" aria-label={`${title} over the last ten minutes, now ${shown == null ? "unknown" : `${compact(shown)}${unit}`}`}>
        {points.length > 1 && <polyline points={points.join(" ")} />}
      </svg>
    </figure>
  );
}

