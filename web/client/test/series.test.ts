import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BarList, CandlesClient, CandleSeries, feedChart, RestClient, type Bar, type ChartSeries } from "../src/index.ts";
import { asCandle, history, Market, randomOf, type Version } from "./market.ts";
import { Script, scriptedFetch, turn } from "./scripted.ts";

const SHOWN_BY_ROOM = 9; // fewer than may be missed while away; more than late trades and a lag of history reach back

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** The rules of lightweight-charts 5, from its documentation: it throws where the development build does. */
class StrictChart implements ChartSeries<{ time: number; version: number }> {
  data: { time: number; version: number }[] = [];

  setData(data: { time: number; version: number }[]): void {
    data.forEach(({ time }, at) => {
      if (at > 0 && time <= data[at - 1]!.time) throw new Error("data must be asc ordered by time");
    });
    this.data = [...data];
  }

  update(point: { time: number; version: number }, historicalUpdate = false): void {
    const last = this.data.at(-1);
    if (historicalUpdate) {
      const at = this.data.findIndex(({ time }) => time === point.time);
      if (at < 0) throw new Error("Cannot update non-existing data point when historicalUpdate is true");
      this.data[at] = point;
    } else if (last && point.time < last.time) throw new Error("Cannot update oldest data");
    else if (last?.time === point.time) this.data[this.data.length - 1] = point;
    else this.data.push(point);
  }
}

class World {
  readonly random: () => number;
  readonly market: Market;
  readonly script = new Script();
  readonly series: CandleSeries;
  readonly chart = new StrictChart();
  readonly client: CandlesClient;
  readonly requests: string[] = [];
  lagSteps = 0;
  failing = false;
  #told = 0;
  #snapshots: Version[][] = [];
  readonly #highest = new Map<number, number>();

  constructor(seed: number, minutes = 30, bars = 12) {
    this.random = randomOf(seed);
    this.market = new Market(this.random, minutes);
    this.#remember();
    const { fetch } = scriptedFetch(async ({ query }) => {
      this.requests.push(String(query));
      if (this.failing) return new Response("{}", { status: 503 });
      const seen = this.#snapshots[Math.max(this.#snapshots.length - 1 - Math.floor(this.random() * (this.lagSteps + 1)), 0)]!;
      await new Promise((done) => setTimeout(done, this.random() * 400));
      return history(seen, query);
    });
    const url = "http://gateway.test";
    this.client = new CandlesClient({ url, WebSocket: this.script.WebSocket, random: () => 1 });
    this.series = new CandleSeries(this.client, new RestClient({ url, fetch }), { symbol: "A", interval: "1m", bars });
    feedChart(this.series, this.chart, (bar) => ({ time: bar.timeMs / 1000, version: bar.volume }), () => this.check());
  }

  #remember(): void {
    this.#snapshots.push(this.market.sorted());
  }

  async open(): Promise<void> {
    this.client.connect();
    this.series.open();
    await turn();
  }

  /** The room begins: its newest bars, as far as it holds them. */
  begin(): void {
    const socket = this.script.socket.open();
    this.#told = this.market.said.length;
    socket.say({ type: "initial", symbol: "A", interval: "1m", bars: this.market.sorted().slice(-SHOWN_BY_ROOM).map(asCandle) });
  }

  step(): void {
    this.market.step();
    this.#remember();
  }

  tell(): void {
    for (const bar of this.market.said.slice(this.#told)) this.script.socket.say({ type: "update", symbol: "A", interval: "1m", bar: asCandle(bar) });
    this.#told = this.market.said.length;
  }

  /** After every change: in order, each time once, no bar taken back, and the chart shows the same. */
  check(): void {
    const { bars } = this.series;
    const { data } = this.chart;
    if (data.length !== bars.length) throw new Error(`the chart has ${data.length} points of ${bars.length} bars`);
    for (const [at, { timeMs, volume: version }] of bars.entries()) {
      if (at > 0 && timeMs <= bars[at - 1]!.timeMs) throw new Error(`${timeMs} comes after ${bars[at - 1]!.timeMs}`);
      if (version < (this.#highest.get(timeMs) ?? 0)) throw new Error(`${timeMs} went back to version ${version}`);
      if (data[at]!.time !== timeMs / 1000 || data[at]!.version !== version) throw new Error(`the chart shows another bar at ${timeMs}`);
      this.#highest.set(timeMs, version);
    }
  }

  /** From the oldest bar on, the series is the market's. */
  whole(least: number): void {
    const held = this.series.bars.map((bar) => [bar.timeMs / 60_000, bar.volume]);
    const real = this.market.sorted().map((bar) => [bar.minute, bar.version]);
    expect(held.length).toBeGreaterThanOrEqual(Math.min(least, real.length));
    expect(held).toEqual(real.slice(-held.length));
  }
}

describe("a series is the market's bars, whatever came in which order", () => {
  test.each(Array.from({ length: 150 }, (_, at) => at + 1))("seed %i", async (seed) => {
    const world = new World(seed);
    const { random } = world;
    world.lagSteps = Math.floor(random() * 4);
    await world.open();
    world.begin();
    let connected = true;
    for (let round = 0; round < 60; round += 1) {
      const dice = random();
      if (connected && dice < 0.1) {
        world.script.socket.end();
        connected = false;
        for (let at = random() * 120; at > 0; at -= 1) world.step();
      } else if (!connected && dice < 0.5) {
        while (world.script.living.length === 0) await turn(1_000);
        world.begin();
        connected = true;
      } else if (connected && dice < 0.2) world.begin(); // a gap of the gateway's own
      else if (connected && dice < 0.25) world.series.loadOlder().catch(() => {}); // while history is failing
      world.failing = random() < 0.15;
      for (let at = random() * 8; at > 0; at -= 1) world.step();
      if (connected) world.tell();
      await turn(random() * 500);
    }
    world.failing = false;
    world.lagSteps = 0;
    if (!connected) {
      while (world.script.living.length === 0) await turn(1_000);
      world.begin();
    }
    world.tell();
    await turn(60_000);
    await world.series.settled;
    world.check();
    world.whole(12);
    world.series.close();
    world.client.disconnect();
  });
});

test("a hole of thousands of bars is filled page by page, in one change", async () => {
  const world = new World(7, 40, 20);
  await world.open();
  world.begin();
  await turn(1_000);
  world.script.socket.end();
  for (let at = 0; at < 12_000; at += 1) world.market.step();
  world.step();
  await turn(1_000);
  world.begin();
  const resets: string[] = [];
  world.series.onChange(({ kind }) => resets.push(kind));
  world.requests.length = 0;
  await turn(10_000);
  expect(world.requests.length).toBeGreaterThan(3);
  expect(resets).toEqual(["reset"]);
  world.whole(3_000);
});

test("older history comes on demand, in pages, until there is no more", async () => {
  const world = new World(3, 2_500, 10);
  await world.open();
  world.begin();
  await turn(1_000);
  expect(world.series.bars).toHaveLength(10);
  const both = Promise.all([world.series.loadOlder(), world.series.loadOlder()]);
  await turn(1_000);
  expect(await both).toEqual([1_000, 1_000]);
  expect(world.series.complete).toBe(false);
  for (const count of [1_000, 490, 0]) {
    const loaded = world.series.loadOlder();
    await turn(1_000);
    expect(await loaded).toBe(count);
  }
  expect(world.series.complete).toBe(true);
  world.whole(2_500);
});

test("history that can't be had is told, tried again, and does not keep live bars back", async () => {
  const world = new World(5);
  world.failing = true;
  const errors: string[] = [];
  world.series.onError(({ code }) => errors.push(code));
  await world.open();
  world.begin();
  expect(world.series.bars).toHaveLength(SHOWN_BY_ROOM);
  await turn(5_000);
  expect(errors.length).toBeGreaterThan(0);
  world.step();
  world.tell();
  world.failing = false;
  await turn(60_000);
  world.whole(12);
});

test("closed, it takes nothing more; opened again, it goes on", async () => {
  const world = new World(9);
  await world.open();
  world.begin();
  world.series.close();
  await turn(5_000);
  expect(world.series.bars).toHaveLength(SHOWN_BY_ROOM);
  expect(vi.getTimerCount()).toBeLessThanOrEqual(3); // those of the connection
  for (let at = 0; at < 200; at += 1) world.step();
  world.series.open();
  await turn();
  world.begin();
  await turn(5_000);
  world.whole(12);
  world.client.disconnect();
});

test("loading older bars while the series begins anew leaves no hole", async () => {
  const world = new World(11, 3_000, 10);
  await world.open();
  world.begin();
  const loading = world.series.loadOlder();
  for (let at = 0; at < 300; at += 1) world.step();
  world.begin();
  await turn(10_000);
  await loading;
  world.whole(10);
});

test("of two versions of a bar the newer one is held, in whichever order they come", () => {
  const at = (part: Partial<Bar>): Bar => ({
    timeMs: 60_000, open: 1, high: 1, low: 1, close: 1, volume: 1, quoteVolume: 1, vwap: 1, tradeCount: 5, final: false, revision: 0, ...part,
  });
  const versions = [at({ tradeCount: 4 }), at({}), at({ final: true }), at({ final: true, revision: 1, tradeCount: 6 }), at({ final: true, revision: 2, tradeCount: 7 })];
  for (const older of versions) {
    for (const newer of versions.slice(versions.indexOf(older) + 1)) {
      for (const order of [[older, newer], [newer, older]]) {
        const list = new BarList();
        for (const bar of order) list.take(bar);
        expect(list.bars).toEqual([newer]);
        const merged = new BarList();
        for (const bar of order) merged.merge([bar]);
        expect(merged.bars).toEqual([newer]);
      }
    }
  }
  const list = new BarList();
  expect(list.take(at({}))).toEqual({ kind: "update", index: 0 });
  expect(list.take(at({}))).toBeNull();
  expect(list.take(at({ timeMs: 180_000 }))).toEqual({ kind: "update", index: 1 });
  expect(list.take(at({ timeMs: 120_000 }))).toEqual({ kind: "insert", index: 1 });
  expect(list.take(at({ final: true }))).toEqual({ kind: "revision", index: 0 });
  expect(list.merge([at({})])).toBe(false);
  expect(asCandle({ minute: 1, version: 1, tradeCount: 1, final: false, revision: 0 }).time).toBe("1970-01-01T00:01:00.000Z");
});
