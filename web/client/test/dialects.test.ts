import { decode, encode } from "@msgpack/msgpack";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  AnalyticsClient, AnalyticsWebSocket, CandlesClient, PricesClient, QuotesClient, ServerError, WebSocketService,
  type ConnectionOptions, type Doubles, type Exact, type TapeflowError,
} from "../src/index.ts";
import { Script, scriptedFetch, turn } from "./scripted.ts";

let script: Script;
beforeEach(() => {
  vi.useFakeTimers();
  script = new Script();
});
afterEach(() => {
  vi.useRealTimers();
});

function options<const E extends Exact = Doubles>(more: ConnectionOptions<E> & { fetch?: typeof fetch } = {}) {
  return { url: "http://gateway.test", WebSocket: script.WebSocket, random: () => 1, ...more };
}

async function started<C extends { connect(): void }>(client: C): Promise<C> {
  client.connect();
  await turn();
  script.socket.open();
  return client;
}

const TICKER = {
  type: "snapshot", symbol: "A", price: 1.5, bid: null, ask: 2, volume: 3, open: 1, high: 2, low: 1, previousClose: null,
  change: null, changePercent: null, timestamp: 1, sequence: 10, exchange: "X",
};

describe("prices", () => {
  test("a delta applies to the state it was made for; a state handed out stays as it was", async () => {
    const client = await started(new PricesClient(options()));
    const seen: [unknown, unknown][] = [];
    client.follow("A", (ticker, changed) => seen.push([ticker, changed]));
    await turn();
    script.socket.say(TICKER, { type: "delta", symbol: "A", price: 1.75, sequence: 12, previous: 10, timestamp: 2 });
    const { type: _, ...whole } = TICKER;
    expect(seen).toEqual([
      [whole, whole],
      [{ ...whole, price: 1.75, sequence: 12, timestamp: 2 }, { symbol: "A", price: 1.75, sequence: 12, timestamp: 2 }],
    ]);
    expect(client.get("A")).toBe(seen[1]![0]);
    expect(client.gaps).toBe(0);
  });

  test("a gap asks for the whole state, and shows nothing wrong meanwhile", async () => {
    const client = await started(new PricesClient(options()));
    const prices: unknown[] = [];
    client.follow("A", ({ price }) => prices.push(price));
    await turn();
    script.socket.say(TICKER);
    script.socket.sent.length = 0;
    script.socket.say(
      { type: "delta", symbol: "A", price: 9, sequence: 15, previous: 13, timestamp: 2 },
      { type: "delta", symbol: "A", price: 9.5, sequence: 16, previous: 15, timestamp: 3 },
    );
    expect(script.socket.asked).toEqual([{ type: "unsubscribe", symbols: ["A"] }, { type: "subscribe", symbols: ["A"] }]);
    expect(client.gaps).toBe(1);
    expect(client.get("A")).toBeUndefined();
    script.socket.say({ ...TICKER, price: 10, sequence: 17 }, { type: "delta", symbol: "A", price: 11, sequence: 18, previous: 17, timestamp: 4 });
    expect(prices).toEqual([1.5, 10, 11]);
  });

  test("after a lost connection it resumes by each symbol's sequence", async () => {
    const client = await started(new PricesClient(options()));
    client.follow(["A", "B"], () => {});
    await turn();
    script.socket.say(TICKER).end();
    await turn(1_000);
    expect(script.socket.open().asked).toEqual([{ type: "subscribe", symbols: ["A", "B"], since: { A: 10 } }]);
    script.socket.say({ type: "delta", symbol: "A", price: 7, sequence: 11, previous: 10, timestamp: 2 });
    expect(client.get("A")?.price).toBe(7);
    expect(client.gaps).toBe(0);
  });

  test("who comes later gets what is known; what nobody follows is forgotten", async () => {
    const client = await started(new PricesClient(options()));
    const first = client.follow("A", () => {});
    await turn();
    script.socket.say(TICKER);
    const got: unknown[] = [];
    const second = client.follow("A", ({ sequence }) => got.push(sequence));
    expect(got).toEqual([10]);
    await turn();
    expect(script.socket.asked).toHaveLength(1);
    first();
    first();
    await turn();
    script.socket.say({ type: "delta", symbol: "A", price: 2, sequence: 11, previous: 10, timestamp: 2 });
    expect(got).toEqual([10, 11]);
    second();
    await turn();
    expect(script.socket.asked.at(-1)).toEqual({ type: "unsubscribe", symbols: ["A"] });
    script.socket.say({ type: "delta", symbol: "A", price: 2, sequence: 12, previous: 11, timestamp: 2 });
    expect(client.get("A")).toBeUndefined();
    expect(client.gaps).toBe(0);
  });

  test("a watchlist brings its symbols, and its edits change what is followed", async () => {
    const client = await started(new PricesClient(options()));
    const seen: string[] = [];
    const lists: [readonly string[], boolean][] = [];
    const end = client.followWatchlist("l1", ({ symbol }) => seen.push(symbol), ({ symbols, deleted }) => lists.push([symbols, deleted]));
    const named = client.follow("A", () => {});
    await turn();
    expect(script.socket.asked).toEqual([{ type: "subscribe", watchlists: ["l1"] }, { type: "subscribe", symbols: ["A"] }]);
    const list = { type: "watchlist", id: "l1", name: "Mine", timestamp: 1 };
    script.socket.say({ ...list, symbols: ["A", "B"] }, TICKER, { ...TICKER, symbol: "B" });
    await turn();
    expect(seen).toEqual(["A", "B"]);
    script.socket.sent.length = 0;
    script.socket.say({ ...list, symbols: ["C"] }, { ...TICKER, symbol: "C" });
    await turn();
    expect(script.socket.asked).toEqual([{ type: "subscribe", symbols: ["A"], since: { A: 10 } }, { type: "unsubscribe", symbols: ["B"] }]);
    const more: string[] = [];
    client.followWatchlist("l1", ({ symbol }) => more.push(symbol));
    expect([seen, more]).toEqual([["A", "B", "C"], ["C"]]);
    script.socket.end();
    await turn(1_000);
    expect(script.socket.open().asked).toEqual([
      { type: "subscribe", symbols: ["A", "C"], since: { A: 10, C: 10 } }, { type: "subscribe", watchlists: ["l1"] },
    ]);
    script.socket.say({ ...list, symbols: [], deleted: true });
    expect(lists).toEqual([[["A", "B"], false], [["C"], false], [[], true]]);
    end();
    named();
    end();
    script.socket.say({ ...list, id: "l2", symbols: ["Z"] });
    expect(client.get("Z")).toBeUndefined();
  });

  test("the last follower of a watchlist lets go of it", async () => {
    const client = await started(new PricesClient(options()));
    const end = client.followWatchlist("l1", () => {});
    script.socket.say({ type: "watchlist", id: "l1", name: "Mine", symbols: ["B"], timestamp: 1 });
    await turn();
    script.socket.sent.length = 0;
    end();
    await turn();
    expect(script.socket.asked).toEqual([{ type: "unsubscribe", watchlists: ["l1"] }, { type: "unsubscribe", symbols: ["B"] }]);
  });

  test("errors of the server and what can't be read are told, and the connection stays", async () => {
    const client = await started(new PricesClient(options()));
    const errors: TapeflowError[] = [];
    client.onError((error) => errors.push(error));
    script.socket.say({ type: "error", code: "INVALID_SYMBOL", message: "NEW has not traded yet", timestamp: 1 });
    script.socket.sayRaw("{").sayRaw(new ArrayBuffer(3)).say(null, { type: "of a newer server" });
    expect(errors.map(({ code }) => code)).toEqual(["INVALID_SYMBOL", "BAD_MESSAGE", "BAD_MESSAGE", "BAD_MESSAGE"]);
    expect(errors[0]).toBeInstanceOf(ServerError);
    expect(client.isConnected()).toBe(true);
  });

  test("20,000 symbols are asked for in messages below the server's bound", async () => {
    const client = new PricesClient(options());
    const symbols = Array.from({ length: 20_000 }, (_, n) => `币安人生${n}/USDT`);
    client.follow(symbols, () => {});
    await started(client);
    const bytes = script.socket.asked.map((each) => new TextEncoder().encode(JSON.stringify(each)).length);
    expect(Math.max(...bytes)).toBeLessThan(64 * 1024);
    expect(script.socket.asked.flatMap((each) => each.symbols)).toEqual(symbols);
    expect(script.socket.asked.length).toBeLessThan(20);
    for (const symbol of symbols) script.socket.say({ ...TICKER, symbol, sequence: 2 ** 52 });
    script.socket.end();
    await turn(1_000);
    const again = script.socket.open().asked;
    expect(again.flatMap((each) => Object.keys(each.since))).toEqual(symbols);
    expect(Math.max(...again.map((each) => new TextEncoder().encode(JSON.stringify(each)).length))).toBeLessThan(64 * 1024);
  });
});

describe("subscriptions that change within one turn", () => {
  test("are told once, those that cancel each other never", async () => {
    const client = await started(new PricesClient(options()));
    const kept = client.follow("K", () => {});
    await turn();
    script.socket.sent.length = 0;
    client.follow(["A", "B"], () => {});
    client.follow("B", () => {});
    client.follow("C", () => {})();
    kept();
    client.follow("K", () => {});
    await turn();
    expect(script.socket.asked).toEqual([{ type: "subscribe", symbols: ["A", "B"] }]);
  });

  test("are never more messages than a server takes, and end where the caller ended", async () => {
    const client = await started(new PricesClient(options()));
    let leave = client.follow("S0", () => {});
    for (let frame = 1; frame <= 300; frame += 1) {
      leave();
      leave = client.follow(`S${frame}`, () => {});
      await turn(16);
    }
    await turn(100);
    const held = new Set<string>();
    for (const { type, symbols } of script.socket.asked) for (const each of symbols) type === "subscribe" ? held.add(each) : held.delete(each);
    expect([...held]).toEqual(["S300"]);
    expect(script.socket.asked.length).toBeLessThan(2 * (10 + 4.9 * 10)); // in 4.8 s
    client.disconnect();
    await turn(10_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("are told by the opening alone when it comes in between", async () => {
    const client = new PricesClient(options());
    client.connect();
    await turn();
    client.onConnectionChange(() => client.follow("B", () => {}));
    client.follow("A", () => {});
    script.socket.open();
    await turn();
    expect(script.socket.asked.flatMap((each) => each.symbols)).toEqual(["A", "B"]);
  });
});

describe("all four formats", () => {
  const decimal = (text: string) => ({ decimal: text });
  const sent = { ...TICKER, price: "64200.1234567891", volume: "1.5" };
  test.each([
    ["json", {}, [], TICKER, 1.5],
    ["json-exact", { exact: true as const }, ["json-exact"], sent, "64200.1234567891"],
    ["msgpack", { msgpack: decode }, ["msgpack"], TICKER, 1.5],
    ["msgpack-exact", { msgpack: decode, exact: true as const }, ["msgpack-exact"], sent, "64200.1234567891"],
    ["numbers of a library", { exact: decimal }, ["json-exact"], sent, { decimal: "64200.1234567891" }],
  ] as const)("%s", async (_, given, protocols, message, price) => {
    const client = await started(new PricesClient({ ...options(), ...given } as ConnectionOptions<Exact>));
    client.follow("A", () => {});
    expect(script.socket.protocols).toEqual(protocols);
    expect(script.socket.binaryType).toBe("arraybuffer");
    const binary = "msgpack" in given;
    await turn();
    const bytes = encode(message);
    if (binary) script.socket.sayRaw(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    else script.socket.say(message);
    expect(client.get("A")?.price).toEqual(price);
    expect(client.get("A")?.previousClose).toBeNull();
    expect(client.get("A")?.sequence).toBe(10);
    if (binary) script.socket.sayRaw(encode({ type: "delta", symbol: "A", exchange: "Y", sequence: 11, previous: 10, timestamp: 2 }));
    if (binary) expect(client.get("A")?.exchange).toBe("Y");
  });

  test("bars, quotes and figures too", async () => {
    const bar = { time: "2026-01-01T00:00:00.000Z", open: "1.10", high: "1", low: "1", close: "1", volume: "0", quoteVolume: "0", final: false, revision: 0, tradeCount: 1, vwap: null };
    const candles = await started(new CandlesClient(options({ exact: decimal })));
    const bars: unknown[] = [];
    candles.follow({ symbol: "A", interval: "1m" }, (message) => bars.push(message.type === "update" ? message.bar.open : message.bars[0]!.open));
    await turn();
    script.socket.say({ type: "initial", symbol: "A", interval: "1m", bars: [bar] }, { type: "update", symbol: "A", interval: "1m", bar });
    expect(bars).toEqual([{ decimal: "1.10" }, { decimal: "1.10" }]);

    const exposures: unknown[] = [];
    await started(new AnalyticsClient({ ...options({ exact: decimal }), channels: ["exposure-updates"] }, { onExposureUpdate: (each) => exposures.push(each) }));
    script.socket.say([{ type: "exposure-change", timestamp: "", data: { totalExposure: "9.0", bySymbol: { "A/B": "1.0" }, riskLevel: "low" } }]);
    expect(exposures).toEqual([{ totalExposure: { decimal: "9.0" }, bySymbol: { "A/B": { decimal: "1.0" } }, riskLevel: "low" }]);
  });
});

describe("candles", () => {
  const bar = (minute: number, tradeCount = 1) => ({
    time: new Date(minute * 60_000).toISOString(), open: 1, high: 1, low: 1, close: 1, volume: 1, quoteVolume: 1, final: false,
    revision: 0, tradeCount, vwap: 1,
  });

  test("a room is asked for once, by the most that any follower wants", async () => {
    const client = await started(new CandlesClient(options()));
    client.follow({ symbol: "A", interval: "1m", initialBars: 5 }, () => {});
    const end = client.follow({ symbol: "A", interval: "1m", initialBars: 300, finals: true }, () => {});
    await turn();
    expect(script.socket.asked).toEqual([{ type: "subscribe", symbol: "A", interval: "1m", initialBars: 300, finals: true, revisions: false }]);
    end();
    script.socket.end();
    await turn(1_000);
    expect(script.socket.open().asked).toEqual([{ type: "subscribe", symbol: "A", interval: "1m", initialBars: 5 }]);
  });

  test("who comes later gets the newest bars, too, and so does who leaves and comes in one turn", async () => {
    const client = await started(new CandlesClient(options()));
    const room = { symbol: "A", interval: "1m", initialBars: 5 } as const;
    const end = client.follow(room, () => {});
    await turn();
    script.socket.sent.length = 0;
    end();
    const got: string[] = [];
    client.follow(room, ({ type }) => got.push(type));
    await turn();
    expect(script.socket.asked).toEqual([{ type: "subscribe", ...room }]);
    script.socket.say({ type: "initial", symbol: "A", interval: "1m", bars: [bar(1)] });
    expect(got).toEqual(["initial"]);
  });

  test("one room object may be followed twice", async () => {
    const client = await started(new CandlesClient(options()));
    const room = { symbol: "A", interval: "1m" } as const;
    const first = client.follow(room, () => {});
    client.follow(room, () => {});
    first();
    await turn();
    script.socket.end();
    await turn(1_000);
    expect(script.socket.open().asked).toHaveLength(1);
  });

  test("rooms are told apart by symbol and interval, and let go one by one", async () => {
    const client = await started(new CandlesClient(options()));
    const got: string[] = [];
    const end = client.follow({ symbol: "A", interval: "1m" }, () => got.push("A 1m"));
    client.follow({ symbol: "A", interval: "5m" }, () => got.push("A 5m"));
    await turn();
    script.socket.say({ type: "update", symbol: "A", interval: "5m", bar: bar(1) }, { type: "update", symbol: "B", interval: "1m", bar: bar(1) });
    expect(got).toEqual(["A 5m"]);
    end();
    await turn();
    expect(script.socket.asked.at(-1)).toEqual({ type: "unsubscribe", symbol: "A", interval: "1m" });
    expect(client.getMetrics().activeSubscriptions).toBe(1);
  });
});

describe("quotes", () => {
  const quote = (symbol: string, price: number) => ({
    symbol, price, change: null, changePercent: null, volume: 1, high: 1, low: 1, open: 1, previousClose: null,
    timestamp: "2026-01-01T00:00:00.000Z", source: "X",
  });

  test("the service has its whole surface, and one symbol has many followers", async () => {
    const service = new WebSocketService(options());
    for (const name of [
      "connect", "disconnect", "reconnect", "isConnected", "getConnectionState", "subscribe", "unsubscribe", "getActiveSubscriptions",
      "onMessage", "onError", "onConnectionChange", "getLatency", "getLastMessageTime", "getMetrics",
    ] as const) {
      expect(service[name], name).toBeTypeOf("function");
    }
    expect(service.getLastMessageTime().getTime()).toBe(0);
    service.subscribe(["A", "B", "A"]);
    const prices: number[] = [];
    const bids: (number | undefined)[] = [];
    const end = service.follow("A", ({ price, bid }) => {
      prices.push(price);
      bids.push(bid);
    });
    await started(service);
    expect(script.socket.asked).toEqual([{ action: "subscribe", symbols: ["A", "B"] }]);
    const messages: string[] = [];
    const off = service.onMessage(({ type }) => messages.push(type));
    script.socket.say(
      { type: "connected", message: "", clientId: "c", timestamp: "" },
      { type: "price_update", symbol: "A", data: { ...quote("A", 1), bid: 0.5, ask: 1.5 }, timestamp: "" },
      { type: "batch_update", updates: [{ symbol: "B", data: quote("B", 2) }, { symbol: "A", data: quote("A", 3) }], timestamp: "" },
    );
    off();
    script.socket.say({ type: "pong", timestamp: "" });
    expect(messages).toEqual(["connected", "price_update", "batch_update"]);
    expect(prices).toEqual([1, 3]);
    expect(bids).toEqual([0.5, undefined]);
    service.unsubscribe(["A", "B", "C"]);
    await turn();
    expect(script.socket.asked.at(-1)).toEqual({ action: "unsubscribe", symbols: ["B"] });
    expect([...service.getActiveSubscriptions()]).toEqual(["A"]);
    end();
    await turn();
    expect([...service.getActiveSubscriptions()]).toEqual([]);
  });

  test("a watchlist brings its symbols, and its edits change what is followed", async () => {
    const client = await started(new QuotesClient(options()));
    const seen: string[] = [];
    const lists: [readonly string[], boolean][] = [];
    const end = client.followWatchlist("l1", ({ symbol }) => seen.push(symbol), ({ symbols, deleted }) => lists.push([symbols, deleted]));
    const named = client.follow("A", () => {});
    await turn();
    expect(script.socket.asked).toEqual([{ action: "subscribe", watchlists: ["l1"] }, { action: "subscribe", symbols: ["A"] }]);
    const list = { type: "watchlist", id: "l1", name: "Mine", timestamp: "2026-01-01T00:00:00.000Z" };
    const update = (symbol: string) => ({ type: "price_update", symbol, data: quote(symbol, 1), timestamp: "" });
    script.socket.say({ ...list, symbols: ["A", "B"] }, update("A"), update("B"));
    await turn();
    expect(seen).toEqual(["A", "B"]);
    script.socket.sent.length = 0;
    script.socket.say({ ...list, symbols: ["C"] }, update("C"));
    await turn();
    expect(script.socket.asked).toEqual([{ action: "subscribe", symbols: ["A"] }, { action: "unsubscribe", symbols: ["B"] }]);
    script.socket.end();
    await turn(1_000);
    expect(script.socket.open().asked).toEqual([{ action: "subscribe", symbols: ["A", "C"] }, { action: "subscribe", watchlists: ["l1"] }]);
    script.socket.say({ ...list, symbols: [], deleted: true });
    expect(lists).toEqual([[["A", "B"], false], [["C"], false], [[], true]]);
    named();
    await turn();
    script.socket.sent.length = 0;
    end();
    await turn();
    expect(script.socket.asked).toEqual([{ action: "unsubscribe", watchlists: ["l1"] }]);
  });

  test("the last follower of a watchlist of quotes lets go of its symbols", async () => {
    const client = await started(new QuotesClient(options()));
    const end = client.followWatchlist("l1", () => {});
    await turn();
    script.socket.say({ type: "watchlist", id: "l1", name: "Mine", symbols: ["B"], timestamp: "" });
    await turn();
    script.socket.sent.length = 0;
    end();
    await turn();
    expect(script.socket.asked).toEqual([{ action: "unsubscribe", watchlists: ["l1"] }, { action: "unsubscribe", symbols: ["B"] }]);
  });

  test("polled, the same messages come", async () => {
    const { fetch } = scriptedFetch(() => [{ ...TICKER, type: undefined, stale: false, timestamp: 1767225600100 }]);
    const client = await started(new QuotesClient(options({ fetch, maxReconnectAttempts: 1 } as ConnectionOptions<false>)));
    client.subscribe(["A"]);
    const messages: unknown[] = [];
    client.onMessage((message) => messages.push(message));
    script.socket.end();
    await turn();
    expect(messages).toEqual([
      {
        type: "batch_update",
        updates: [{ symbol: "A", data: { ...quote("A", 1.5), volume: 3, high: 2, ask: 2, timestamp: "2026-01-01T00:00:00.100Z" } }],
        timestamp: expect.stringMatching(/Z$/),
      },
    ]);
  });
});

describe("analytics", () => {
  test("each message goes to its callback, for those who follow its channel", async () => {
    const got: unknown[] = [];
    const client = new AnalyticsWebSocket(
      { ...options(), token: "t", channels: ["routing-metrics", "alerts"], autoReconnect: true, debug: false },
      { onRoutingMetrics: (data) => got.push(data), onAlert: ({ title }) => got.push(title), onMessage: ({ type }) => got.push(type) },
    );
    await started(client);
    expect(script.socket.asked).toEqual([{ action: "subscribe", channels: ["routing-metrics", "alerts"] }]);
    const errors: string[] = [];
    client.onError(({ code }) => errors.push(code));
    script.socket.say([
      { type: "routing-decision", timestamp: "", data: { symbol: "EURUSD" } },
      { type: "lp-metrics", timestamp: "", data: { lpName: "L" } },
      { type: "alert", timestamp: "", data: { title: "halt" } },
      { type: "error", timestamp: "", data: { code: "FORBIDDEN_CHANNEL", message: "no" } },
      { type: "of a newer server", timestamp: "", data: {} },
      { type: "pong", timestamp: "", data: {} },
    ]);
    expect(got).toEqual([{ symbol: "EURUSD" }, "routing-decision", "halt", "alert"]);
    expect(errors).toEqual(["FORBIDDEN_CHANNEL"]);
    client.unsubscribe(["alerts", "exposure-updates"]);
    client.subscribe(["lp-performance"]);
    await turn();
    expect(script.socket.asked.slice(1)).toEqual([
      { action: "unsubscribe", channels: ["alerts"] },
      { action: "subscribe", channels: ["lp-performance"] },
    ]);
  });

  test("autoReconnect: false stays closed; debug writes to the console", async () => {
    const debug = vi.spyOn(console, "debug").mockImplementation(() => {});
    const client = await started(new AnalyticsWebSocket({ ...options(), autoReconnect: false, debug: true }));
    script.socket.end();
    await turn(60_000);
    expect(client.getConnectionState()).toBe("CLOSED");
    expect(debug.mock.calls.map((words) => words[1])).toEqual(["CONNECTING", "OPEN", "CLOSED", "DISCONNECTED"]);
    debug.mockRestore();
  });
});

test("a callback that throws keeps no other from being called", async () => {
  const client = await started(new PricesClient(options()));
  const thrown: unknown[] = [];
  const queue = vi.spyOn(globalThis, "queueMicrotask").mockImplementation((run) => {
    try {
      run();
    } catch (error) {
      thrown.push(error);
    }
  });
  const got: number[] = [];
  client.follow("A", () => {
    throw new Error("of the caller");
  });
  client.follow("A", ({ sequence }) => got.push(sequence));
  script.socket.say(TICKER);
  queue.mockRestore();
  expect(got).toEqual([10]);
  expect(thrown).toEqual([new Error("of the caller")]);
});
