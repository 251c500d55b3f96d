// Renders the hook with React; tells each bar that began, and whether the list was ever out of order.
import React from "react";
import { createRoot } from "react-dom/client";

let out_of_order = 0;
let begun = "";

function Candles() {
  const { candles, isConnected } = useWebSocketCandles({ symbol: "BTC/USDT", interval: "1m", initialBars: 5 });
  const times = candles.map((each) => new Date(each.time).getTime());
  if (times.some((time, at) => at > 0 && time <= times[at - 1])) out_of_order += 1;
  const last = candles[candles.length - 1];
  if (last && String(last.time) !== begun) {
    begun = String(last.time);
    tell({ isConnected, count: candles.length, out_of_order, last });
  }
  return React.createElement("p", null, candles.length);
}

createRoot(document.getElementById("root")!).render(React.createElement(Candles));
