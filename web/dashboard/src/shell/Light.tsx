/** The page's connection light: of the sockets for prices and bars, by what pings and messages say. */
import { ConnectionStatusIndicator, type ConnectionStatusIndicatorProps } from "@tapeflow/react";
import "@tapeflow/react/style.css";
import { useSyncExternalStore } from "react";
import { candles, prices } from "../market.ts";

const CLOCK_MS = 1_000;
const CLIENTS = [prices, candles] as const;
let shown: ConnectionStatusIndicatorProps = read();

function read(): ConnectionStatusIndicatorProps {
  const heardMs = Math.max(...CLIENTS.map((each) => each.getLastMessageTime().getTime()));
  return {
    isConnected: CLIENTS.every((each) => each.isConnected()) || prices.isPolling(),
    isRealTime: !CLIENTS.some((each) => each.isPolling() || each.getConnectionState() === "CLOSED"),
    latency: Math.max(...CLIENTS.map((each) => each.getLatency())),
    lastUpdate: heardMs > 0 ? new Date(heardMs) : null,
  };
}

function watch(changed: () => void): () => void {
  const again = () => {
    shown = read();
    changed();
  };
  const ends = CLIENTS.map((each) => each.onConnectionChange(again));
  const clock = setInterval(again, CLOCK_MS); // pings and messages tell of themselves too often
  return () => {
    clearInterval(clock);
    ends.forEach((end) => end());
  };
}

export function ConnectionLight() {
  const light = useSyncExternalStore(watch, () => shown);
  return (
    <>
      <ConnectionStatusIndicator {...light} showDetails />
      {light.isConnected && light.isRealTime && (light.latency ?? 0) > 0 && <small className="latency" title="Round trip of the last ping">{Math.max(1, Math.round(light.latency ?? 0))} ms</small>}
    </>
  );
}
