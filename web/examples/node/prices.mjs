// Prices in a terminal: node prices.mjs BTC/USDT ETH/USDT. Ends by Ctrl-C.
import { PricesClient } from "@tapeflow/client";
import WebSocket from "ws"; // not needed from Node 22 on, which has one

const symbols = process.argv.slice(2);
const prices = new PricesClient({
  url: process.env.TAPEFLOW_URL ?? "http://127.0.0.1:8080",
  token: process.env.TAPEFLOW_TOKEN ?? null,
  exact: true, // every digit, as text
  WebSocket,
});

prices.onConnectionChange((state) => console.error(state));
prices.onError(({ message }) => console.error(message));
prices.follow(symbols.length ? symbols : ["BTC/USDT"], ({ symbol, price }, changed) => {
  if ("price" in changed) console.log(symbol, price);
});
prices.connect();

process.once("SIGINT", () => prices.disconnect()); // nothing holds the process then
