import { act, render, cleanup } from "@testing-library/react";
import { StrictMode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Script } from "../../client/test/scripted.ts";
import { configure, useTicker } from "../src/index.ts";

let script: Script;
beforeEach(() => {
  vi.useFakeTimers();
  script = new Script();
  configure({ url: "http://gateway.test", WebSocket: script.WebSocket });
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const TICKER = { symbol: "A", price: 1, sequence: 1, timestamp: 1, exchange: "X" };

function Row({ symbol }: { symbol: string }) {
  const ticker = useTicker(symbol);
  return <p>{ticker ? `${symbol} ${ticker.price}` : "waiting"}</p>;
}

test("a row shows its ticker", async () => {
  const { container } = render(<StrictMode><Row symbol="A" /></StrictMode>);
  expect(container.textContent).toBe("waiting");
  await act(async () => {
    await vi.advanceTimersByTimeAsync(0);
    script.socket.open().say({ type: "snapshot", ...TICKER });
    await vi.advanceTimersByTimeAsync(300);
  });
  expect(container.textContent).toBe("A 1");
  expect(script.sockets.length).toBe(1);
  expect(script.socket.asked).toEqual([{ type: "subscribe", symbols: ["A"] }]);
});
