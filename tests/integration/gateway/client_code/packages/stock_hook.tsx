// The hook and the light, by their published options and props.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { configure, ConnectionStatusIndicator, useRealTimeStock } from "@tapeflow/react";

configure({ url: "ws://GATEWAY", token: "TOKEN" });

let updates = 0;
let told = false;

function Stock({ symbol }: { symbol: string }) {
  const stock = useRealTimeStock({
    symbol,
    enableWebSocket: true,
    fallbackToPolling: true,
    pollingInterval: 30000,
    onUpdate: (data) => (updates += data.price > 0 ? 1 : 0),
    onError: (error: Error) => console.log("error", error.message),
  });
  const { data, loading, error, isRealTime, isConnected, connectionState, lastUpdate, latency, refetch } = stock;
  const light = document.querySelector("[role=status]")?.textContent;
  if (updates >= 5 && latency > 0 && light === "Live" && !told) {
    told = true;
    refetch().then(() => tell({ data, loading, error, isRealTime, isConnected, connectionState, lastUpdate, latency, light }));
  }
  return (
    <main>
      <ConnectionStatusIndicator {...{ isConnected, isRealTime, lastUpdate, latency }} showDetails={true} position="top-right" />
      <p>{loading ? "Loading..." : error ? error.message : `${symbol}: ${data?.price}`}</p>
    </main>
  );
}

createRoot(document.getElementById("root")!).render(<StrictMode><Stock symbol="RELIANCE" /></StrictMode>);
