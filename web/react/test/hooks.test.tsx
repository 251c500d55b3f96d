import { act, cleanup, render, renderHook } from "@testing-library/react";
import { StrictMode, useState, type ReactNode } from "react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Script, scriptedFetch, type Asked } from "../../client/test/scripted.ts";
import {
  configure, useAnalytics, useCandleSeries, useConnection, useEvents, useRealTimeStock, useTicker, useTickers, useWebSocketCandles,
  type UseRealTimeStockOptions,
} from "../src/index.ts";

let script: Script;
let asked: Asked[];
let answer: (asked: Asked) => unknown;

beforeEach(() => {
  vi.useFakeTimers();
  script = new Script();
  answer = () => [];
  const scripted = scriptedFetch((each) => answer(each));
  asked = scripted.asked;
  configure({ url: "http://gateway.test", WebSocket: script.WebSocket, fetch: scripted.fetch, random: () => 1 });
});
afterEach(async () => {
  vi.restoreAllMocks();
  cleanup();
  await vi.advanceTimersByTimeAsync(20_000);
  vi.useRealTimers();
});

/** Does something, then lets what follows from it come to the screen. */
async function shown(happens: () => unknown = () => {}, ms = 300): Promise<void> {
  await act(async () => {
    await vi.advanceTimersByTimeAsync(0);
    await happens();
    await vi.advanceTimersByTimeAsync(ms);
  });
}

const socketOf = (dialect: string) => script.sockets.findLast(({ url }) => url.endsWith(`/ws/${dialect}`))!;
const strict = { wrapper: ({ children }: { children: ReactNode }) => <StrictMode>{children}</StrictMode> };
const ticker = (symbol: string, price: number, sequence: number) => ({ type: "snapshot", symbol, price, sequence, timestamp: 1, exchange: "X" });
const quote = (symbol: string, price: number) => ({ type: "price_update", symbol, data: { symbol, price, timestamp: "", source: "X" }, timestamp: "" });
const row = (symbol: string, price: number) => ({ symbol, price, bid: 1, ask: 1, sequence: 1, timestamp: 1, exchange: "X", stale: false });

describe("tickers", () => {
  test("a row renders when its symbol moved, once in a frame", async () => {
    const renders = new Map<string, number>();
    function Row({ symbol }: { symbol: string }) {
      const found = useTicker(symbol);
      renders.set(symbol, (renders.get(symbol) ?? 0) + 1);
      return <p>{found?.price}</p>;
    }
    const { container } = render(<><Row symbol="A" /><Row symbol="B" /></>);
    await shown(() => script.socket.open().say(ticker("A", 1, 1), ticker("B", 1, 1)));
    const before = renders.get("B");
    await shown(() => {
      for (let at = 2; at < 1_000; at += 1) script.socket.say({ type: "delta", symbol: "A", price: at, sequence: at, previous: at - 1, timestamp: 1 });
    });
    expect(container.textContent).toBe("9991");
    expect(renders.get("B")).toBe(before);
    expect(renders.get("A")).toBe(before! + 1);
    expect(script.sockets).toHaveLength(1);
    expect(script.socket.asked).toEqual([{ type: "subscribe", symbols: ["A", "B"] }]);
  });

  test("a row that comes later shows at once what is known; no symbol is none", async () => {
    renderHook(() => useTicker("A"));
    await shown(() => script.socket.open().say(ticker("A", 5, 1)));
    const late = renderHook(() => useTicker("A"));
    expect(late.result.current?.price).toBe(5);
    expect(renderHook(() => useTicker(null)).result.current).toBeUndefined();
  });

  test("another symbol takes the place of the first", async () => {
    const { result, rerender } = renderHook(({ symbol }) => useTicker(symbol), { initialProps: { symbol: "A" }, ...strict });
    await shown(() => script.socket.open().say(ticker("A", 5, 1)));
    rerender({ symbol: "B" });
    expect(result.current).toBeUndefined();
    await shown();
    expect(script.socket.asked.slice(1)).toEqual([{ type: "unsubscribe", symbols: ["A"] }, { type: "subscribe", symbols: ["B"] }]);
  });

  test("many come as one map, whatever array the caller makes", async () => {
    const { result, rerender } = renderHook(() => useTickers(["A", "B", "C"]), strict);
    await shown(() => script.socket.open().say(ticker("A", 1, 1), ticker("C", 3, 1)));
    const first = result.current;
    expect([...first.values()].map(({ symbol, price }) => [symbol, price])).toEqual([["A", 1], ["C", 3]]);
    rerender();
    expect(result.current).toBe(first);
    await shown(() => script.socket.say(ticker("B", 2, 1)));
    expect(result.current.get("B")?.price).toBe(2);
    expect(first.has("B")).toBe(false);
    expect(script.socket.asked).toEqual([{ type: "subscribe", symbols: ["A", "B", "C"] }]);
  });

  test("a page that is hidden goes on, slower", async () => {
    vi.stubGlobal("requestAnimationFrame", () => 1);
    const { result } = renderHook(() => useTicker("A"));
    await shown(() => script.socket.open().say(ticker("A", 5, 1)), 249);
    expect(result.current).toBeUndefined();
    await shown(() => {}, 10);
    expect(result.current?.price).toBe(5);
    vi.unstubAllGlobals();
  });
});

describe("useRealTimeStock", () => {
  const use = (options: Partial<UseRealTimeStockOptions> = {}) => renderHook(() => useRealTimeStock({ symbol: "A", ...options }), strict);
  /** So many attempts fail at once; the last one just now. */
  const fail = async (times: number) => {
    for (let at = 0; at < times; at += 1) {
      while (socketOf("quotes").failed) await shown(() => {}, 500);
      await shown(() => socketOf("quotes").end(), 100);
    }
  };

  test("is live by the socket", async () => {
    const updates: number[] = [];
    const { result } = use({ onUpdate: ({ price }) => updates.push(price) });
    expect(result.current).toMatchObject({ data: null, loading: true, error: null, isRealTime: true, isConnected: false, lastUpdate: null, latency: 0 });
    await shown(() => socketOf("quotes").open());
    await shown(() => socketOf("quotes").say({ type: "pong", timestamp: "" }, quote("A", 1), quote("A", 2), quote("B", 9)), 300);
    expect(result.current).toMatchObject({ data: { symbol: "A", price: 2 }, loading: false, error: null, isRealTime: true, isConnected: true, connectionState: "OPEN" });
    expect(result.current.lastUpdate).toBeInstanceOf(Date);
    expect(result.current.latency).toBeGreaterThan(0);
    expect(updates).toEqual([1, 2]);
    expect(script.sockets).toHaveLength(1);
  });

  test("reconnects by itself, then polls, then is live again", async () => {
    answer = () => [row("A", 7)];
    const errors: string[] = [];
    const { result } = use({ onError: ({ message }) => errors.push(message) });
    await shown(() => socketOf("quotes").open().say(quote("A", 1)));
    await shown(() => socketOf("quotes").end(), 100);
    expect(result.current).toMatchObject({ isRealTime: true, isConnected: false, connectionState: "RECONNECTING", data: { price: 1 } });
    expect(result.current.error?.message).toMatch(/lost/);
    await fail(8);
    expect(asked).toHaveLength(0);
    await fail(1);
    expect(asked).toHaveLength(1);
    expect(result.current).toMatchObject({ isRealTime: false, isConnected: true, data: { price: 7 }, error: null });
    await fail(2);
    await shown(() => {}, 30_000);
    expect(asked).toHaveLength(4);
    while (socketOf("quotes").failed) await shown(() => {}, 500);
    await shown(() => socketOf("quotes").open().say(quote("A", 8)));
    expect(result.current).toMatchObject({ isRealTime: true, isConnected: true, data: { price: 8 } });
    await shown(() => {}, 40_000);
    expect(asked).toHaveLength(4);
    expect(errors.length).toBeGreaterThanOrEqual(10);
  });

  test("is offline when polling fails, too", async () => {
    answer = () => new Response("{}", { status: 404 });
    const { result } = use();
    await shown(() => socketOf("quotes").open());
    await fail(11);
    expect(result.current).toMatchObject({ isRealTime: false, isConnected: false });
  });

  test("fifty that fall back together cost one request", async () => {
    answer = () => [];
    renderHook(() => Array.from({ length: 50 }, (_, at) => useRealTimeStock({ symbol: `S${at}` })));
    await shown(() => socketOf("quotes").open());
    await fail(10);
    expect(asked.map(({ query }) => query.get("symbols")!.split(",").length)).toEqual([50]);
    await shown(() => {}, 30_000);
    expect(asked.map(({ query }) => query.get("symbols")!.split(",").length)).toEqual([50, 50]);
  });

  test("never polls with fallbackToPolling: false", async () => {
    const { result } = use({ fallbackToPolling: false });
    await shown(() => socketOf("quotes").open());
    await fail(12);
    expect(asked).toHaveLength(0);
    expect(result.current).toMatchObject({ isConnected: false, connectionState: "RECONNECTING" });
  });

  test("needs no socket with enableWebSocket: false, and obeys pollingInterval", async () => {
    let price = 0;
    answer = () => [row("A", (price += 1))];
    const { result } = use({ enableWebSocket: false, pollingInterval: 5_000 });
    await shown();
    expect(result.current).toMatchObject({ data: { price: 1 }, isRealTime: false, isConnected: true, connectionState: "CLOSED", loading: false });
    await shown(() => {}, 10_000);
    expect(result.current.data?.price).toBe(3);
    expect(script.sockets).toHaveLength(0);
  });

  test("is fetched once with neither", async () => {
    answer = () => [row("A", 4)];
    const { result } = renderHook(() => useRealTimeStock({ symbol: "A", enableWebSocket: false, fallbackToPolling: false }));
    await shown(() => {}, 120_000);
    expect(result.current.data?.price).toBe(4);
    expect(asked).toHaveLength(1);
  });

  test("refetch asks at once; what fails is an error, not a throw", async () => {
    answer = () => [row("A", 4)];
    const { result } = use();
    await shown(() => result.current.refetch());
    expect(result.current.data?.price).toBe(4);
    answer = () => [];
    await shown(() => result.current.refetch());
    expect(result.current.error?.message).toBe("A has not traded yet");
    expect(result.current.data?.price).toBe(4);
  });

  test("takes errors that speak of its symbol, and of the connection, but no other's", async () => {
    const { result } = use();
    await shown(() => socketOf("quotes").open().say({ type: "error", code: "INVALID_SYMBOL", message: "AB has not traded yet", timestamp: "" }));
    expect(result.current).toMatchObject({ error: null, loading: true });
    await shown(() => socketOf("quotes").say({ type: "error", code: "INVALID_SYMBOL", message: "A has not traded yet; its first trade will be sent", timestamp: "" }));
    expect(result.current.error?.message).toMatch(/^A has not/);
    expect(result.current.loading).toBe(false);
    await shown(() => socketOf("quotes").say(quote("A", 1)));
    expect(result.current.error).toBeNull();
  });

  test("a refused connection is offline, in the server's words", async () => {
    const { result } = use();
    await shown(() => socketOf("quotes").open().end(4003, "origin not allowed"));
    expect(result.current).toMatchObject({ isRealTime: false, isConnected: false, connectionState: "CLOSED" });
    expect(result.current.error?.message).toMatch(/origin not allowed/);
  });
});

describe("useWebSocketCandles", () => {
  const bar = (minute: number, tradeCount = 1) => ({
    time: new Date(minute * 60_000).toISOString(), open: 1, high: 1, low: 1, close: tradeCount, volume: 1, quoteVolume: 1, final: false,
    revision: 0, tradeCount, vwap: 1,
  });
  const room = { symbol: "A", interval: "1m" };
  const initial = (...bars: object[]) => ({ type: "initial", ...room, bars });
  const update = (each: object) => ({ type: "update", ...room, bar: each });

  test("goes on without a double or a step back, also across a lost connection", async () => {
    const { result } = renderHook(() => useWebSocketCandles({ ...room, initialBars: 3 }), strict);
    expect(result.current).toEqual({ candles: [], isConnected: false });
    await shown(() => script.socket.open().say(initial(bar(1), bar(2), bar(3)), update(bar(3, 2)), update(bar(4)), update(bar(3, 3))));
    expect(script.socket.asked).toEqual([{ type: "subscribe", ...room, initialBars: 3 }]);
    const minutes = () => result.current.candles.map(({ time, tradeCount }) => [time.getTime() / 60_000, tradeCount]);
    expect(minutes()).toEqual([[1, 1], [2, 1], [3, 3], [4, 1]]);
    const second = result.current.candles[1];
    await shown(() => script.socket.end(), 1_001);
    expect(result.current.isConnected).toBe(false);
    await shown(() => script.socket.open().say(initial(bar(3, 2), bar(4, 5), bar(5))));
    expect(minutes()).toEqual([[1, 1], [2, 1], [3, 3], [4, 5], [5, 1]]);
    expect(result.current.isConnected).toBe(true);
    expect(result.current.candles[1]).toBe(second);
    await shown(() => script.socket.say(initial(bar(50), bar(51))));
    expect(minutes()).toEqual([[50, 1], [51, 1]]);
  });

  test("another interval begins anew", async () => {
    const { result, rerender } = renderHook(({ interval }) => useWebSocketCandles({ symbol: "A", interval }), { initialProps: { interval: "1m" } });
    await shown(() => script.socket.open().say(initial(bar(1))));
    rerender({ interval: "5m" });
    expect(result.current.candles).toEqual([]);
    await shown(() => script.socket.say(update(bar(2))));
    expect(result.current.candles).toEqual([]);
  });

  test("a series for a chart is there as long as its component", async () => {
    answer = ({ query }) => (query.has("timeframe") ? [{ symbol: "A", ...bar(1), time: 60_000, sequence: 1 }] : []);
    const { result, unmount } = renderHook(() => useCandleSeries({ symbol: "A", interval: "1m", bars: 10 }), strict);
    await shown(() => script.socket.open().say(initial(bar(2))));
    expect(result.current?.bars.map(({ timeMs }) => timeMs)).toEqual([60_000, 120_000]);
    unmount();
    await shown();
    expect(script.socket.asked.at(-1)).toEqual({ type: "unsubscribe", ...room });
  });
});

describe("useAnalytics and useEvents", () => {
  test("hold what came, newest first, up to a bound", async () => {
    const alerts: string[] = [];
    const { result } = renderHook(
      () => useAnalytics({ channels: ["routing-metrics", "lp-performance", "exposure-updates", "alerts"], keep: 2, onAlert: ({ title }) => alerts.push(title) }),
      strict,
    );
    await shown(() => script.socket.open().say([
      ...["a", "b", "c"].map((title) => ({ type: "alert", timestamp: "", data: { title } })),
      { type: "lp-metrics", timestamp: "", data: { lpName: "L", uptime: 1 } },
      { type: "lp-metrics", timestamp: "", data: { lpName: "L", uptime: 2 } },
      { type: "routing-decision", timestamp: "", data: { symbol: "E" } },
      { type: "exposure-change", timestamp: "", data: { totalExposure: 3 } },
    ]));
    expect(result.current).toMatchObject({
      alerts: [{ title: "c" }, { title: "b" }], routing: [{ symbol: "E" }], exposure: { totalExposure: 3 }, isConnected: true, error: null,
    });
    expect([...result.current.lps.values()]).toEqual([{ lpName: "L", uptime: 2 }]);
    expect(alerts).toEqual(["a", "b", "c"]);
    await shown(() => script.socket.say([{ type: "error", timestamp: "", data: { code: "FORBIDDEN_CHANNEL", message: "alerts is closed" } }]));
    expect(result.current.error?.message).toBe("alerts is closed");
  });

  test("events come by one stream for all", async () => {
    answer = () => new Response(new ReadableStream({
      start: (stream) => stream.enqueue(new TextEncoder().encode('id: 1-0\nevent: news\ndata: {"title":"a"}\n\nid: 2-0\nevent: alert\ndata: {"title":"b"}\n\n')),
    }));
    const first = renderHook(() => useEvents(), strict);
    const second = renderHook(() => useEvents({ types: ["alert"] }));
    await shown();
    expect(first.result.current.events.map(({ type, id }) => [type, id])).toEqual([["alert", "2-0"], ["news", "1-0"]]);
    expect(second.result.current.events.map(({ data }) => data)).toEqual([{ title: "b" }]);
    expect(first.result.current.isConnected).toBe(true);
    expect(asked.filter(({ path }) => path === "/api/events")).toHaveLength(1);
  });
});

describe("useConnection", () => {
  test("speaks of the sockets that are in use, and of their worst", async () => {
    const { result } = renderHook(() => useConnection(), strict);
    expect(result.current).toEqual({ state: "CLOSED", isConnected: false, isRealTime: false, isPolling: false, latency: 0, lastUpdate: null });
    const prices = renderHook(() => useTicker("A"));
    await shown();
    expect(result.current).toMatchObject({ state: "CONNECTING", isConnected: false, isRealTime: true });
    await shown(() => socketOf("prices").open());
    await shown(() => socketOf("prices").say({ type: "pong", timestamp: 1 }), 1_100);
    expect(result.current).toMatchObject({ state: "OPEN", isConnected: true, isRealTime: true });
    expect(result.current.latency).toBeGreaterThan(0);
    expect(result.current.lastUpdate).toBeInstanceOf(Date);
    renderHook(() => useWebSocketCandles({ symbol: "A", interval: "1m" }));
    await shown(() => socketOf("candles").open().end(), 100);
    expect(result.current).toMatchObject({ state: "RECONNECTING", isConnected: false });
    expect(renderHook(() => useConnection("prices")).result.current.state).toBe("OPEN");
    prices.unmount();
    await shown(() => {}, 6_000);
    expect(renderHook(() => useConnection("prices")).result.current.state).toBe("CLOSED");
  });

  test("is delayed while prices are polled", async () => {
    const { result } = renderHook(() => useConnection());
    renderHook(() => useTicker("A"));
    await shown(() => script.socket.open());
    for (let at = 0; at < 10; at += 1) await shown(() => script.socket.end(), 30_001);
    expect(result.current).toMatchObject({ isConnected: true, isRealTime: false, isPolling: true, state: "RECONNECTING" });
  });

  test("renders once a second at most while nothing changes but the time", async () => {
    let renders = 0;
    renderHook(() => {
      renders += 1;
      return useConnection();
    });
    renderHook(() => useTicker("A"));
    await shown(() => script.socket.open());
    renders = 0;
    for (let at = 0; at < 50; at += 1) await shown(() => script.socket.say({ type: "pong", timestamp: 1 }), 100);
    expect(renders).toBeLessThanOrEqual(6);
  });
});

describe("configure", () => {
  test("moves every hook to the new setting, and closes what was", async () => {
    const { result } = renderHook(() => useTicker("A"), strict);
    await shown(() => script.socket.open().say(ticker("A", 1, 1)));
    const next = new Script();
    await shown(() => configure({ url: "http://other.test", WebSocket: next.WebSocket, token: "t" }));
    expect(result.current).toBeUndefined();
    expect(script.socket.closedWith).toBe(1000);
    expect(next.socket.url).toBe("ws://other.test/ws/prices?token=t");
    await shown(() => next.socket.open().say(ticker("A", 2, 1)));
    expect(result.current?.price).toBe(2);
  });

  test("need not be called in a page of the gateway", async () => {
    configure({ WebSocket: script.WebSocket });
    renderHook(() => useTicker("A"));
    await shown();
    expect(script.socket.url).toBe(`ws://${window.location.host}/ws/prices`);
  });
});

describe("no leak", () => {
  function All({ on }: { on: boolean }) {
    return on ? <Users /> : null;
  }
  function Users() {
    useTicker("A");
    useTickers(["A", "B"]);
    useRealTimeStock({ symbol: "A" });
    useWebSocketCandles({ symbol: "A", interval: "1m" });
    useCandleSeries({ symbol: "A", interval: "1m" });
    useAnalytics({ channels: ["alerts"] });
    useEvents();
    useConnection();
    return null;
  }

  test.each([["", ({ children }: { children: ReactNode }) => children], ["in StrictMode ", strict.wrapper]] as const)(
    "%s1,000 mounts leave no socket, no listener and no timer", async (_, wrapper) => {
      const added = vi.fn();
      const count = { page: 0 };
      for (const target of [document, globalThis] as EventTarget[]) {
        const add = target.addEventListener.bind(target);
        const remove = target.removeEventListener.bind(target);
        vi.spyOn(target, "addEventListener").mockImplementation((...args) => (count.page += 1, added(), add(...args)));
        vi.spyOn(target, "removeEventListener").mockImplementation((...args) => (count.page -= 1, remove(...args)));
      }
      answer = () => new Response(new ReadableStream());
      const { rerender, unmount } = render(<All on={false} />, { wrapper });
      count.page = 0;
      const timers = vi.getTimerCount();
      for (let at = 0; at < 1_000; at += 1) {
        rerender(<All on />);
        if (at === 0) await shown(() => script.sockets.forEach((socket) => socket.open()), 0);
        rerender(<All on={false} />);
      }
      await shown(() => {}, 0);
      expect(script.sockets).toHaveLength(4); // one for each dialect, kept between the mounts
      expect(script.living).toHaveLength(4);
      expect(asked.filter(({ path }) => path === "/api/events")).toHaveLength(1);
      await shown(() => {}, 5_000);
      expect(script.living).toHaveLength(0);
      script.sockets.forEach((socket) => socket.end(1000));
      await shown(() => {}, 5_000);
      expect(added).toHaveBeenCalled();
      expect(count.page).toBe(0);
      expect(vi.getTimerCount()).toBeLessThanOrEqual(timers);
      unmount();
      vi.restoreAllMocks();
    },
    60_000,
  );

  test("symbols that change a thousand times leave one subscription", async () => {
    let next: (at: number) => void = () => {};
    function Changing() {
      const [at, set] = useState(0);
      next = set;
      useTicker(`S${at}`);
      useRealTimeStock({ symbol: `S${at}` });
      return null;
    }
    render(<Changing />);
    await shown(() => script.sockets.forEach((socket) => socket.open()));
    for (let at = 1; at <= 1_000; at += 1) await act(async () => next(at));
    await shown(() => {}, 1_000);
    for (const dialect of ["prices", "quotes"]) {
      const held = new Set<string>();
      for (const each of socketOf(dialect).asked) {
        for (const symbol of each.symbols) (each.type ?? each.action) === "subscribe" ? held.add(symbol) : held.delete(symbol);
      }
      expect([...held]).toEqual(["S1000"]);
    }
  }, 60_000);
});
