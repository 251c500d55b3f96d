import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { REST_OPERATIONS } from "../src/generated/rest.ts";
import { ApiError, RestClient, withRetry } from "../src/index.ts";
import { scriptedFetch, turn, type Asked } from "./scripted.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const refusal = (status: number, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify({ error: "CODE", message: "words", details: { a: 1 }, timestamp: 1, requestId: "r" }), { status, headers });

function client(answer: (asked: Asked) => unknown) {
  const { fetch, asked } = scriptedFetch(answer);
  return { rest: new RestClient({ url: "http://gateway.test", fetch }), asked };
}

/** What `promise` came to, while the clock runs. */
async function after<T>(promise: Promise<T>, ms = 120_000): Promise<T | Error> {
  const settled = promise.catch((error: Error) => error);
  await turn(ms);
  return settled;
}

describe("withRetry", () => {
  const fails = (...errors: unknown[]) => {
    const fn = vi.fn();
    for (const error of errors) fn.mockRejectedValueOnce(error);
    return fn.mockResolvedValue("done");
  };

  test("tries three times, after 100 and 200 ms", async () => {
    const fn = fails(new Error("1"), new Error("2"));
    const result = withRetry(fn);
    await turn(99);
    expect(fn).toHaveBeenCalledTimes(1);
    await turn(1);
    expect(fn).toHaveBeenCalledTimes(2);
    await turn(199);
    expect(fn).toHaveBeenCalledTimes(2);
    await turn(1);
    await expect(result).resolves.toBe("done");
    const last = fails(new Error("1"), new Error("2"), new Error("3"));
    expect(await after(withRetry(last))).toEqual(new Error("3"));
    expect(last).toHaveBeenCalledTimes(3);
  });

  test("obeys the count and the first wait of the caller", async () => {
    const fn = fails(new Error("1"), new Error("2"));
    const result = withRetry(fn, 2, 1_000);
    expect(await after(result)).toEqual(new Error("2"));
    expect(fn).toHaveBeenCalledTimes(2);
  });

  test.each([400, 401, 403, 404, 405, 422, 499])("a %i is the request's own", async (status) => {
    const fn = fails(Object.assign(new Error("refused"), { status }));
    expect(await after(withRetry(fn))).toMatchObject({ status });
    expect(fn).toHaveBeenCalledTimes(1);
  });

  test.each([500, 502, 503, 0])("a %i is tried again", async (status) => {
    const fn = fails(Object.assign(new Error("failed"), { status }));
    expect(await after(withRetry(fn))).toBe("done");
  });

  test.each([429, 503])("a %i with Retry-After is tried when the server said", async (status) => {
    const fn = fails(new ApiError(status, "C", "m", { retryAfterMs: 7_000 }));
    const result = withRetry(fn);
    await turn(6_999);
    expect(fn).toHaveBeenCalledTimes(1);
    await turn(1);
    await expect(result).resolves.toBe("done");
  });

  test("a Retry-After of an hour rejects at once", async () => {
    const fn = fails(new ApiError(429, "C", "m", { retryAfterMs: 3_600_000 }));
    expect(await after(withRetry(fn))).toMatchObject({ status: 429 });
    expect(fn).toHaveBeenCalledTimes(1);
  });

  test("also what is no error at all may be thrown", async () => {
    expect(await after(withRetry(fails("text", undefined)))).toBe("done");
  });
});

describe("requests", () => {
  test.each(["BTC/USDT", "ES=F", "^SPX", "M&M", "币安人生USDT", "A B?#%"])("%s is encoded", async (symbol) => {
    const { rest, asked } = client(() => ({}));
    await rest.price(symbol);
    await rest.bars(symbol, { timeframe: "5m", limit: 3 });
    expect(asked.map(({ path }) => path)).toEqual([`/api/prices/${encodeURIComponent(symbol)}`, `/api/ohlc/${encodeURIComponent(symbol)}`]);
    expect(String(asked[1]!.query)).toBe("timeframe=5m&limit=3");
  });

  test("many symbols are asked for in parts of 500, and in parts that fit into an address", async () => {
    const { rest, asked } = client(({ query }) => query.get("symbols")!.split(",").map((symbol) => ({ symbol })));
    const symbols = Array.from({ length: 1_200 }, (_, n) => `S${n}`);
    expect((await rest.prices(symbols)).map(({ symbol }) => symbol)).toEqual(symbols);
    expect(asked.map(({ query }) => query.get("symbols")!.split(",").length)).toEqual([500, 500, 200]);
    asked.length = 0;
    await rest.prices(Array.from({ length: 300 }, (_, n) => `币安人生${n}USDT`));
    expect(Math.max(...asked.map(({ query }) => `/api/prices?${query}`.length))).toBeLessThan(8_300);
    asked.length = 0;
    expect(await rest.prices([])).toEqual([]);
    expect(asked).toEqual([]);
  });

  test("a refusal is an ApiError with the server's words", async () => {
    const { rest } = client(() => refusal(404));
    const error = await after(rest.price("NOPE"));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 404, code: "CODE", message: "words", details: { a: 1 }, requestId: "r", retry: false, retryAfterMs: null });
  });

  test("a proxy's page, a lost network and half an answer are errors in words, too", async () => {
    let answer: () => unknown = () => new Response("<html>Bad Gateway</html>", { status: 502 });
    const { rest, asked } = client(() => answer());
    expect(await after(rest.price("A"))).toMatchObject({ status: 502, message: "The server answered 502", retry: true });
    expect(asked).toHaveLength(3);
    answer = () => {
      throw new TypeError("Failed to fetch");
    };
    expect(await after(rest.price("A"))).toMatchObject({ status: 0, code: "UNREACHABLE", message: "http://gateway.test could not be reached" });
    answer = () => new Response(new ReadableStream({ pull: (stream) => stream.error(new Error("reset")) }));
    expect(await after(rest.price("A"))).toMatchObject({ status: 0, code: "UNREACHABLE" });
  });

  test.each(["2", "Sun, 29 Nov 2026 00:00:02 GMT"])("Retry-After: %s", async (text) => {
    vi.setSystemTime(new Date("2026-11-29T00:00:00Z"));
    let count = 0;
    const { rest } = client(() => ((count += 1) === 1 ? refusal(429, { "Retry-After": text }) : { symbol: "A" }));
    const result = rest.price("A");
    await turn(1_999);
    expect(count).toBe(1);
    await turn(1);
    await expect(result).resolves.toEqual({ symbol: "A" });
  });

  test("writing is not tried again", async () => {
    const { rest, asked } = client(() => refusal(503));
    expect(await after(rest.createWatchlist({ name: "n", symbols: ["A"] }))).toMatchObject({ status: 503 });
    expect(asked.map(({ method, body }) => [method, body])).toEqual([["POST", { name: "n", symbols: ["A"] }]]);
  });

  test("a token that is refused is replaced once", async () => {
    const { fetch, asked } = scriptedFetch(({ headers }) => (headers.get("Authorization") === "Bearer new" ? { symbol: "A" } : refusal(401)));
    const getToken = vi.fn((refused: string | null) => (refused === null ? "old" : "new"));
    expect(await new RestClient({ url: "http://gateway.test", fetch, getToken }).price("A")).toEqual({ symbol: "A" });
    expect(getToken.mock.calls).toEqual([[null], ["old"]]);
    const fixed = new RestClient({ url: "http://gateway.test", fetch, token: "old" });
    asked.length = 0;
    expect(await after(fixed.price("A"))).toMatchObject({ status: 401 });
    expect(asked).toHaveLength(1);
  });

  test("trades come page by page", async () => {
    const pages: Record<string, [number[], string?]> = { "": [[1, 2], "c1"], c1: [[3], "c2"], c2: [[]] };
    const { fetch, asked } = scriptedFetch(({ query }) => {
      const [rows, next] = pages[query.get("cursor") ?? ""]!;
      return new Response(JSON.stringify(rows.map((sequence) => ({ sequence }))), { headers: next ? { "X-Next-Cursor": next } : {} });
    });
    const found: number[][] = [];
    for await (const rows of new RestClient({ url: "http://gateway.test", fetch }).tradePages("A/B", { limit: 2 })) found.push(rows.map(({ sequence }) => sequence));
    expect(found).toEqual([[1, 2], [3]]);
    expect(asked.map(({ path, query }) => `${path}?${query}`)).toEqual(["/api/trades/A%2FB?limit=2", "/api/trades/A%2FB?limit=2&cursor=c1", "/api/trades/A%2FB?limit=2&cursor=c2"]);
  });

  test("every operation of the document has a method", async () => {
    const { rest, asked } = client(() => []);
    await rest.price("A");
    await rest.prices(["A"]);
    await rest.market();
    await rest.bars("A");
    await rest.quoteBars("A");
    await rest.trades("A");
    await rest.stats("A");
    await rest.symbols();
    await rest.watchlists();
    await rest.watchlist("w");
    await rest.createWatchlist({ name: "n" });
    await rest.replaceWatchlist("w", { name: "n" });
    await rest.deleteWatchlist("w");
    await rest.reports();
    await rest.createReport({} as never);
    await rest.report("w");
    await rest.deleteReport("w");
    expect(await (await rest.reportResult("w", "csv")).text()).toBe("[]");
    await rest.alertRules();
    await rest.alertRule("w");
    await rest.createAlertRule({} as never);
    await rest.replaceAlertRule("w", {} as never);
    await rest.deleteAlertRule("w");
    await rest.previewAlertRule({} as never);
    await rest.priceAlerts({ limit: 5 });
    await rest.routingWindows({ window: "1h", by: "lp" });
    await rest.lpWindows();
    await rest.exposureWindows({ by: "book" });
    await rest.alerts({ state: "open" });
    await rest.alert("x");
    await rest.acknowledgeAlert("x");
    await rest.about();
    await rest.health();
    await rest.readiness();
    await rest.wsStats();
    await rest.flows();
    await rest.market();
    await rest.metrics();
    const elsewhere = ["getHistorical", "streamEvents"]; // another name for two of these; EventClient
    const wanted = Object.entries(REST_OPERATIONS).filter(([name]) => !elsewhere.includes(name) && !/login/i.test(name));
    const paths = asked.map(({ method, path }) => `${method} ${path.replace(/\/A$/, "/{symbol}").replace(/\/w(?=\/|$)/, "/{id}").replace(/\/x(?=\/|$)/, "/{alert}")}`);
    expect(wanted.map(([, { method, path }]) => `${method} ${path}`).filter((each) => !paths.includes(each))).toEqual([]);
  });
});

describe("exact", () => {
  const text = '[{"symbol":"a\\"price\\":1","time":1767225600000,"open":64200.12345678901234,"high":-1e-7,"low":0,"close":1,"volume":10,"quoteVolume":1,"vwap":null,"tradeCount":3,"final":true,"revision":0,"sequence":9}]';

  test("decimals keep every digit, and nothing else becomes text", async () => {
    const { fetch } = scriptedFetch(() => new Response(text));
    const [bar] = await new RestClient({ url: "http://gateway.test", fetch, exact: true }).bars("A");
    expect(bar).toEqual({
      symbol: 'a"price":1', time: 1767225600000, open: "64200.12345678901234", high: "-1e-7", low: "0", close: "1", volume: "10",
      quoteVolume: "1", vwap: null, tradeCount: 3, final: true, revision: 0, sequence: 9,
    });
  });

  test("also inside of figures", async () => {
    const answer = '[{"window":"1h","startTime":5,"count":2,"volume":1.50,"executionTimeMs":{"p50":0.1,"max":12},"slippage":{"mean":-1e-10,"adverse":1}}]';
    const { fetch } = scriptedFetch(() => new Response(answer));
    const [row] = await new RestClient({ url: "http://gateway.test", fetch, exact: (digits) => ({ digits }) }).routingWindows();
    expect(row).toEqual({
      window: "1h", startTime: 5, count: 2, volume: { digits: "1.50" }, executionTimeMs: { p50: { digits: "0.1" }, max: { digits: "12" } },
      slippage: { mean: { digits: "-1e-10" }, adverse: 1 },
    });
  });

  test("or are numbers of the caller's choice", async () => {
    const { fetch } = scriptedFetch(() => new Response(text));
    const [bar] = await new RestClient({ url: "http://gateway.test", fetch, exact: (digits) => BigInt(digits.replace(".", "").replace(/e.*/, "")) }).bars("A");
    expect(bar!.open).toBe(6420012345678901234n);
  });
});
