import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BACKOFF_MAX_MS } from "../src/backoff.ts";
import { ConnectionError, PricesClient, TapeflowError, type ConnectionOptions } from "../src/index.ts";
import { Script, scriptedFetch, turn } from "./scripted.ts";

let script: Script;
const opened: PricesClient[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  script = new Script();
});
afterEach(() => {
  for (const client of opened.splice(0)) client.disconnect();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function connect(options: ConnectionOptions<false> & { fetch?: typeof fetch } = {}): PricesClient {
  const client = new PricesClient({ url: "http://gateway.test", WebSocket: script.WebSocket, random: () => 1, ...options });
  opened.push(client);
  client.connect();
  return client;
}

/** When each further socket was asked for, in ms since the last one ended; every one of them fails at once. */
async function waits(count: number): Promise<number[]> {
  const found: number[] = [];
  for (let at = 0; at < count; at += 1) {
    const sockets = script.sockets.length;
    const began = Date.now();
    script.socket.end();
    while (script.sockets.length === sockets) await turn(Date.now() === began ? 499 : 1);
    found.push(Date.now() - began);
  }
  return found;
}

describe("a lost connection", () => {
  test("is opened again after 1, 2, 4, 8, 16, then 30 seconds", async () => {
    connect();
    await turn();
    expect(await waits(8)).toEqual([1, 2, 4, 8, 16, 30, 30, 30].map((seconds) => seconds * 1_000));
  });

  test("waits at least a half of the step, at most all of it", async () => {
    connect({ random: () => 0 });
    await turn();
    expect(await waits(7)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  });

  test("begins with the first step again once a message came", async () => {
    connect();
    await turn();
    await waits(4);
    script.socket.open().say({ type: "pong", timestamp: 1 });
    expect(await waits(2)).toEqual([1_000, 2_000]);
  });

  test("goes on with the steps where the server lets in and ends at once", async () => {
    connect();
    await turn();
    await waits(2);
    script.socket.open();
    expect(await waits(1)).toEqual([4_000]);
  });

  test("is told to listeners, in order, with the reason", async () => {
    const client = connect();
    const states: string[] = [];
    const errors: TapeflowError[] = [];
    client.onConnectionChange((state) => states.push(state));
    client.onError((error) => errors.push(error));
    await turn();
    script.socket.open();
    script.socket.end(1011, "no pong");
    await turn(1_000);
    script.socket.open();
    client.disconnect();
    script.socket.end(1000);
    await turn(5_000);
    expect(states).toEqual(["OPEN", "RECONNECTING", "OPEN", "CLOSING", "CLOSED"]);
    expect(errors.map((error) => [error.code, error.message, error.retry])).toEqual([["DISCONNECTED", "no pong (close code 1011)", true]]);
    expect(errors[0]).toBeInstanceOf(ConnectionError);
  });

  test("stays closed with enableAutoReconnect: false", async () => {
    const client = connect({ enableAutoReconnect: false });
    await turn();
    script.socket.open().end();
    await turn(120_000);
    expect(client.getConnectionState()).toBe("CLOSED");
    expect(script.sockets).toHaveLength(1);
  });

  test("counts in what getMetrics says", async () => {
    const client = connect();
    await turn();
    await waits(2);
    script.socket.open();
    const { connectedAt, ...rest } = client.getMetrics();
    expect(connectedAt).toBeInstanceOf(Date);
    expect(rest).toEqual({
      connectionState: "OPEN", lastMessageAt: null, messageCount: 0, errorCount: 2, reconnectAttempts: 2, averageLatency: 0,
      activeSubscriptions: 0,
    });
  });
});

describe("a close code", () => {
  test("1001 is obeyed to the millisecond", async () => {
    connect();
    await turn();
    script.socket.open().end(1001, "reconnect in 2750 ms");
    await turn(2_749);
    expect(script.sockets).toHaveLength(1);
    await turn(1);
    expect(script.sockets).toHaveLength(2);
  });

  test("1001 without advice goes by the steps, and no advice is longer than the longest step", async () => {
    connect();
    await turn();
    script.socket.open().end(1001);
    await turn(1_000);
    expect(script.sockets).toHaveLength(2);
    script.socket.end(1001, "reconnect in 99999999 ms");
    await turn(BACKOFF_MAX_MS);
    expect(script.sockets).toHaveLength(3);
  });

  test("4003 is final", async () => {
    const client = connect();
    const errors: TapeflowError[] = [];
    client.onError((error) => errors.push(error));
    await turn();
    script.socket.open().end(4003, "origin not allowed");
    await turn(3_600_000);
    expect(script.sockets).toHaveLength(1);
    expect(client.getConnectionState()).toBe("CLOSED");
    expect(errors.map(({ message, retry }) => [message, retry])).toEqual([["origin not allowed (close code 4003)", false]]);
  });

  test.each([4008, 1013])("%i asks for patience", async (code) => {
    connect({ random: () => 0 });
    await turn();
    script.socket.open().end(code);
    await turn(14_999);
    expect(script.sockets).toHaveLength(1);
    await turn(1);
    expect(script.sockets).toHaveLength(2);
  });

  test("4009 resumes where the client was", async () => {
    const client = connect();
    client.follow(["A", "B"], () => {});
    await turn();
    script.socket.open().say({ type: "snapshot", symbol: "A", sequence: 7, price: 1 }).end(4009, "too slow");
    await turn(1_000);
    script.socket.open();
    expect(script.socket.asked).toEqual([{ type: "subscribe", symbols: ["A", "B"], since: { A: 7 } }]);
  });
});

describe("a token", () => {
  const jwt = (name: string, endMs: number) => `${btoa("{}")}.${btoa(JSON.stringify({ name, exp: endMs / 1000 }))}.x`;
  const tokenOf = (url: string) => new URL(url).searchParams.get("token");

  test("that is fixed is not asked for again after 4001", async () => {
    const client = connect({ token: "abc" });
    await turn();
    expect(tokenOf(script.socket.url)).toBe("abc");
    script.socket.open().end(4001, "token expired");
    await turn(60_000);
    expect(script.sockets).toHaveLength(1);
    expect(client.getConnectionState()).toBe("CLOSED");
  });

  test("is asked for anew after 4001, with the refused one", async () => {
    const getToken = vi.fn((refused: string | null) => (refused === null ? "old" : "new"));
    connect({ getToken });
    await turn();
    script.socket.open().end(4001, "token expired");
    await turn();
    expect(script.sockets.map(({ url }) => tokenOf(url))).toEqual(["old", "new"]);
    expect(getToken.mock.calls).toEqual([[null], ["old"]]);
  });

  test("that is refused twice in a row ends it; connect begins anew", async () => {
    const client = connect({ getToken: () => "same" });
    await turn();
    script.socket.open().end(4001);
    await turn();
    script.socket.open().end(4001);
    await turn(60_000);
    expect(script.sockets).toHaveLength(2);
    expect(client.getConnectionState()).toBe("CLOSED");
    client.connect();
    await turn();
    expect(script.sockets).toHaveLength(3);
  });

  test("is renewed before its end, and the connection resumes", async () => {
    let count = 0;
    const client = connect({ getToken: () => jwt(`t${(count += 1)}`, Date.now() + 600_000) });
    client.follow("A", () => {});
    await turn();
    const pongs = setInterval(() => script.socket.say({ type: "pong", timestamp: 1 }), 20_000);
    const first = script.socket.open().say({ type: "snapshot", symbol: "A", sequence: 3 });
    await turn(569_999);
    expect(script.sockets).toHaveLength(1);
    await turn(1);
    expect(script.sockets).toHaveLength(2);
    expect(first.closedWith).toBe(1000);
    expect(script.socket.open().asked).toEqual([{ type: "subscribe", symbols: ["A"], since: { A: 3 } }]);
    clearInterval(pongs);
  });

  test("that ended by a clock that is wrong, or that is handed out again, makes no loop", async () => {
    const past = jwt("p", Date.now() - 3_600_000);
    connect({ getToken: () => past });
    await turn();
    script.socket.open();
    await turn(30_000);
    expect(script.sockets).toHaveLength(1);
    const same = jwt("s", Date.now() + 60_000);
    const other = new Script();
    connect({ getToken: () => same, WebSocket: other.WebSocket });
    await turn();
    other.socket.open();
    const pongs = setInterval(() => other.socket.open().say({ type: "pong", timestamp: 1 }), 10_000);
    await turn(120_000);
    expect(other.sockets).toHaveLength(2);
    clearInterval(pongs);
  });

  test("whose end is months away needs no timer that overflows", async () => {
    connect({ getToken: () => jwt("long", Date.now() + 90 * 86_400_000) });
    await turn();
    script.socket.open();
    await turn(1_000);
    expect(script.sockets).toHaveLength(1);
  });

  test("that can't be had now is asked for again later", async () => {
    const getToken = vi.fn().mockRejectedValueOnce(new Error("no network")).mockResolvedValue("ok");
    const client = connect({ getToken });
    const errors: TapeflowError[] = [];
    client.onError((error) => errors.push(error));
    await turn();
    expect(client.getConnectionState()).toBe("RECONNECTING");
    await turn(1_000);
    expect(tokenOf(script.socket.url)).toBe("ok");
    expect(errors.map(({ code, retry }) => [code, retry])).toEqual([["NO_TOKEN", true]]);
  });
});

describe("after ten failures", () => {
  test("prices are polled every half minute until the socket is back", async () => {
    const row = { symbol: "A", price: 5, sequence: 9, timestamp: 1, exchange: "X", stale: false };
    const { fetch, asked } = scriptedFetch(() => [row]);
    const client = connect({ fetch } as ConnectionOptions<false>);
    const prices: number[] = [];
    const polling: boolean[] = [];
    client.onConnectionChange(() => polling.push(client.isPolling()));
    client.follow("A", ({ price }) => prices.push(price));
    await turn();
    await waits(9);
    expect(asked).toHaveLength(0);
    script.socket.end();
    await turn();
    expect(asked.map(({ path, query }) => path + "?" + query)).toEqual(["/api/prices?symbols=A"]);
    expect(client.isPolling()).toBe(true);
    expect(prices).toEqual([5]);
    for (let at = 0; at < 4; at += 1) {
      await turn(30_000);
      script.socket.end();
    }
    await turn();
    expect(asked).toHaveLength(5);
    await turn(30_000);
    script.socket.open().say({ type: "snapshot", ...row, price: 6, sequence: 10 });
    expect(client.isPolling()).toBe(false);
    expect(script.socket.asked).toEqual([{ type: "subscribe", symbols: ["A"], since: { A: 9 } }]);
    expect(prices.at(-1)).toBe(6);
    const polls = asked.length;
    await turn(120_000);
    expect(asked).toHaveLength(polls);
    expect(polling.filter((value, at) => value !== polling[at - 1])).toEqual([false, true, false]);
  });

  test("a poll that fails is no longer polling, and an older answer takes nothing back", async () => {
    let answer: unknown = [];
    const { fetch } = scriptedFetch(() => answer);
    const client = connect({ fetch, maxReconnectAttempts: 1 } as ConnectionOptions<false>);
    const sequences: number[] = [];
    client.follow("A", ({ sequence }) => sequences.push(sequence));
    await turn();
    script.socket.open().say({ type: "snapshot", symbol: "A", sequence: 20 });
    answer = [{ symbol: "A", sequence: 19, stale: false }];
    script.socket.end();
    await turn();
    expect(client.isPolling()).toBe(true);
    expect(sequences).toEqual([20]);
    answer = new Response("{}", { status: 404 });
    await turn(30_000);
    expect(client.isPolling()).toBe(false);
  });
});

describe("a link that is silent", () => {
  test("is dead within a minute, and another is opened", async () => {
    const client = connect();
    await turn();
    const first = script.socket.open().say({ type: "pong", timestamp: 1 });
    await turn(49_999);
    expect(client.isConnected()).toBe(true);
    await turn(1);
    expect(client.getConnectionState()).toBe("RECONNECTING");
    expect(first.closedWith).toBe(1000);
    await turn(1_000);
    expect(script.sockets).toHaveLength(2);
  });

  test("lives as long as anything comes", async () => {
    const client = connect();
    await turn();
    script.socket.open();
    for (let at = 0; at < 20; at += 1) {
      await turn(24_000);
      script.socket.say({ type: "pong", timestamp: 1 });
    }
    expect(client.isConnected()).toBe(true);
    expect(script.socket.pings).toBeGreaterThan(15);
  });

  test("that never opens is given up", async () => {
    connect();
    await turn(15_999);
    expect(script.sockets).toHaveLength(1);
    await turn(1);
    expect(script.sockets).toHaveLength(2);
    expect(script.sockets[0]!.closedWith).toBe(1000);
  });

  test("latency is that of ping and pong, whatever the times in messages say", async () => {
    const client = connect();
    await turn();
    script.socket.open();
    await turn(40);
    script.socket.say({ type: "pong", timestamp: 1 });
    expect(client.getLatency()).toBeCloseTo(40, 0);
    expect(client.getMetrics().averageLatency).toBeCloseTo(40, 0);
    expect(Date.now() - client.getLastMessageTime().getTime()).toBe(0);
  });
});

describe("a page", () => {
  function page(): { document: EventTarget & { visibilityState: string }; window: EventTarget } {
    const window = new EventTarget();
    const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
    vi.stubGlobal("document", document);
    vi.stubGlobal("addEventListener", window.addEventListener.bind(window));
    vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window));
    return { document, window };
  }

  test("that is shown again asks whether the link lives", async () => {
    const { document } = page();
    const client = connect();
    await turn();
    script.socket.open().say({ type: "pong", timestamp: 1 });
    await turn(1_000);
    const pings = script.socket.pings;
    document.dispatchEvent(new Event("visibilitychange"));
    expect(script.socket.pings).toBe(pings + 1);
    await turn(12_500);
    expect(client.getConnectionState()).toBe("RECONNECTING");
  });

  test("whose network comes back tries at once", async () => {
    const { window } = page();
    connect();
    await turn();
    await waits(5);
    script.socket.end();
    await turn(100);
    expect(script.sockets).toHaveLength(6);
    window.dispatchEvent(new Event("online"));
    await turn();
    expect(script.sockets).toHaveLength(7);
  });

  test("does not try before the time that the server named", async () => {
    const { window } = page();
    connect();
    await turn();
    script.socket.open().end(4008);
    window.dispatchEvent(new Event("online"));
    await turn();
    expect(script.sockets).toHaveLength(1);
  });

  test("whose network goes notices a dead link soon", async () => {
    const { window } = page();
    const client = connect();
    await turn();
    script.socket.open().say({ type: "pong", timestamp: 1 });
    window.dispatchEvent(new Event("offline"));
    await turn(12_500);
    expect(client.isConnected()).toBe(false);
  });

  test("is left without listeners and timers", async () => {
    const { document, window } = page();
    const removed = vi.spyOn(document, "removeEventListener");
    const client = connect();
    await turn();
    script.socket.open();
    client.disconnect();
    script.socket.end();
    expect(removed).toHaveBeenCalledTimes(1);
    window.dispatchEvent(new Event("online"));
    await turn(60_000);
    expect(vi.getTimerCount()).toBe(0);
    expect(script.sockets).toHaveLength(1);
  });
});

describe("life", () => {
  test("connect twice is once; disconnect twice is once", async () => {
    const client = connect();
    client.connect();
    await turn();
    client.connect();
    expect(script.sockets).toHaveLength(1);
    script.socket.open();
    client.disconnect();
    client.disconnect();
    await turn(6_000);
    expect(client.getConnectionState()).toBe("CLOSED");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("disconnect while it opens leaves nothing", async () => {
    const client = connect();
    client.disconnect();
    await turn(60_000);
    expect(script.sockets).toHaveLength(0);
    client.connect();
    await turn();
    client.disconnect();
    script.socket.open();
    await turn(60_000);
    expect(script.living).toHaveLength(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a handler may end it at any moment", async () => {
    const client = connect();
    client.onConnectionChange((state) => state === "OPEN" && client.disconnect());
    await turn();
    script.socket.open();
    await turn(60_000);
    expect(client.getConnectionState()).toBe("CLOSED");
    expect(vi.getTimerCount()).toBe(0);
    const other = connect();
    other.onError(() => other.disconnect());
    await turn();
    script.socket.open().end();
    await turn(60_000);
    expect(other.getConnectionState()).toBe("CLOSED");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("reconnect replaces the socket at once", async () => {
    const client = connect();
    await turn();
    const first = script.socket.open();
    client.reconnect();
    await turn();
    expect(script.sockets).toHaveLength(2);
    expect(first.closedWith).toBe(1000);
    first.end(1000);
    await turn(10_000);
    expect(script.sockets).toHaveLength(2);
  });

  test("messages of one's own wait, the oldest go first", async () => {
    const client = connect({ messageQueueSize: 2 });
    const errors: string[] = [];
    client.onError(({ code }) => errors.push(code));
    for (const n of [1, 2, 3]) client.send({ n });
    await turn();
    script.socket.open();
    expect(script.socket.asked).toEqual([{ n: 2 }, { n: 3 }]);
    expect(errors).toEqual(["QUEUE_FULL"]);
    client.send({ n: 4 });
    expect(script.socket.asked).toEqual([{ n: 2 }, { n: 3 }, { n: 4 }]);
  });

  test("without any WebSocket it says what to do", async () => {
    vi.stubGlobal("WebSocket", undefined);
    const client = new PricesClient({ url: "ws://gateway.test" });
    const errors: TapeflowError[] = [];
    client.onError((error) => errors.push(error));
    client.connect();
    await turn();
    expect(errors.map(({ code, message }) => [code, message])).toEqual([
      ["NO_WEBSOCKET", "This runtime has no WebSocket: hand one in, e.g. that of the package ws"],
    ]);
  });
});

describe("an address", () => {
  test.each([
    ["http://h:8080", "ws://h:8080/ws/prices"],
    ["https://h", "wss://h/ws/prices"],
    ["ws://h:8080/", "ws://h:8080/ws/prices"],
    ["wss://h/ws/prices", "wss://h/ws/prices"],
    ["https://h/some/page?x=1#y", "wss://h/ws/prices"],
  ])("%s", async (url, socket) => {
    connect({ url });
    await turn();
    expect(script.socket.url).toBe(socket);
  });

  test.each([undefined, "localhost:8080", "127.0.0.1:8080", "gateway", "ftp://h", "http://", ""])("%s is refused in words", (url) => {
    const options = url === undefined ? {} : { url };
    expect(() => new PricesClient(options)).toThrow(/say e\.g\. url: "http:\/\/127\.0\.0\.1:8080"/);
  });
});
