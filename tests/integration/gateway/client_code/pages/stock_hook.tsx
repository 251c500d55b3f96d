// The declared hook over the service: subscribes on mount, unsubscribes on unmount, and returns what it declares.
import React, { useCallback, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

function useRealTimeStock({ symbol }: { symbol: string }) {
  const [data, setData] = useState<Quote | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [connectionState, setState] = useState<State>(service.getConnectionState());
  useEffect(() => {
    const offs = [
      service.onMessage((quote) => quote.symbol === symbol && setData(quote)),
      service.onError(setError),
      service.onConnectionChange(setState),
    ];
    service.subscribe([symbol]);
    if (!service.isConnected() && service.getConnectionState() === "CLOSED") service.connect();
    return () => { offs.forEach((off) => off()); service.unsubscribe([symbol]); };
  }, [symbol]);
  const refetch = useCallback(async () => service.reconnect(), []);
  const isConnected = connectionState === "OPEN";
  return {
    data, loading: data === null, error, isRealTime: isConnected, isConnected, connectionState,
    lastUpdate: data && service.getLastMessageTime(), latency: service.getLatency(), refetch,
  };
}

let told = 0;
const methods = DECLARED.filter((name) => typeof (service as any)[name] === "function");

function Stock() {
  const stock = useRealTimeStock({ symbol: "RELIANCE" });
  if (stock.data && !stock.loading && ++told === 5) {
    tell({ ...stock, methods, clientId: service.clientId, active: [...service.getActiveSubscriptions()] });
    service.subscribe(["INVALID SYMBOL,"]);
  }
  if (stock.error && told >= 5) { told = -1e9; tell({ error: stock.error.message, metrics: service.getMetrics() }); }
  return React.createElement("p", null, stock.data ? String(stock.data.price) : "waiting");
}

createRoot(document.getElementById("root")!).render(React.createElement(Stock));
