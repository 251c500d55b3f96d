// Prices into Grafana Live: node push.mjs BTC/USDT ETH/USDT. Each post holds what changed since the one before.
import { pathToFileURL } from "node:url";
import { PricesClient } from "@tapeflow/client";
import WebSocket from "ws";

const EVERY_MS = 250;

/** A ticker as a line of Influx's protocol; its names and values of tags escape commas, blanks and equal signs. */
export function lineOf({ symbol, price, bid, ask, volume }, nowMs) {
  const tag = symbol.replace(/[, =]/g, "\\$&");
  const fields = Object.entries({ price, bid, ask, volume }).filter(([, value]) => value !== null && value !== undefined);
  return `prices,symbol=${tag} ${fields.map(([name, value]) => `${name}=${value}`).join(",")} ${nowMs}000000`;
}

function follow(symbols) {
  const grafana = process.env.GRAFANA_URL ?? "http://127.0.0.1:3000";
  const changed = new Map();
  const prices = new PricesClient({
    url: process.env.TAPEFLOW_URL ?? "http://127.0.0.1:8080",
    token: process.env.TAPEFLOW_TOKEN ?? null,
    WebSocket,
  });
  prices.onError(({ message }) => console.error(message));
  prices.follow(symbols, (ticker) => changed.set(ticker.symbol, ticker));
  prices.connect();

  const timer = setInterval(async () => {
    if (changed.size === 0) return;
    const nowMs = Date.now(); // Grafana shows when it came: event times of a replay may lie years back
    const body = [...changed.values()].map((ticker) => lineOf(ticker, nowMs)).join("\n");
    changed.clear();
    try {
      const headers = { Authorization: `Bearer ${process.env.GRAFANA_TOKEN ?? ""}` };
      const answer = await fetch(`${grafana}/api/live/push/tapeflow`, { method: "POST", headers, body });
      if (!answer.ok) console.error(`Grafana answered ${answer.status}: ${await answer.text()}`);
    } catch (error) {
      console.error(`${grafana} could not be reached:`, error.cause?.message ?? error.message);
    }
  }, EVERY_MS);

  process.once("SIGINT", () => {
    clearInterval(timer);
    prices.disconnect();
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) follow(process.argv.length > 2 ? process.argv.slice(2) : ["BTC/USDT"]);
