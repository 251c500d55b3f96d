import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { EventClient, type EventOptions, type TapeflowError } from "../src/index.ts";
import { turn } from "./scripted.ts";

interface Stream {
  headers: Headers;
  url: string;
  say(text: string): void;
  bytes(bytes: Uint8Array): void;
  end(): void;
  lose(): void;
}

let streams: Stream[];
let answers: (() => Response | Promise<Response>)[]; // instead of a stream, in order

beforeEach(() => {
  vi.useFakeTimers();
  streams = [];
  answers = [];
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const scripted = (async (url: string, init: RequestInit) => {
  const signal = init.signal!;
  const answer = answers.shift();
  let control!: ReadableStreamDefaultController<Uint8Array>;
  const encoder = new TextEncoder();
  streams.push({
    headers: new Headers(init.headers),
    url,
    say: (text) => control.enqueue(encoder.encode(text)),
    bytes: (bytes) => control.enqueue(bytes),
    end: () => control.close(),
    lose: () => control.error(new TypeError("network error")),
  });
  const aborted = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError"))));
  aborted.catch(() => {});
  if (answer) return Promise.race([answer(), aborted]);
  const body = new ReadableStream<Uint8Array>({ start: (given) => void (control = given) });
  signal.addEventListener("abort", () => control.error(new DOMException("aborted", "AbortError")));
  return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
}) as unknown as typeof fetch;

async function started(options: EventOptions = {}) {
  const client = new EventClient({ url: "http://gateway.test", fetch: scripted, random: () => 1, ...options });
  const got: unknown[] = [];
  const states: string[] = [];
  const errors: TapeflowError[] = [];
  for (const type of ["news", "price_alert", "system_status", "alert", "gap"] as const) client.on(type, (data, id) => got.push([type, data, id]));
  client.onConnectionChange((state) => states.push(state));
  client.onError((error) => errors.push(error));
  client.connect();
  await turn(1);
  return { client, got, states, errors };
}

const refusal = (status: number, headers: Record<string, string> = {}) => () => new Response(JSON.stringify({ error: "CODE", message: "words" }), { status, headers });

describe("the stream", () => {
  test("is read whatever its pieces are", async () => {
    const { got } = await started();
    const text = 'retry: 5000\n\n: comment\n\nid: 1-0\nevent: news\ndata: {"title":\ndata:"Märkte öffnen"}\n\nid: 1-1\r\nevent: alert\r\ndata: {"title":"b"}\r\n\r\nevent: unknown\ndata: {}\n\nid: 2-0\nevent: news\n\n';
    for (const byte of new TextEncoder().encode(text)) streams[0]!.bytes(Uint8Array.of(byte));
    await turn(10);
    expect(got).toEqual([["news", { title: "Märkte öffnen" }, "1-0"], ["alert", { title: "b" }, "1-1"]]);
  });

  test("resumes after the last event, also after one that can't be read", async () => {
    const { client, states, errors } = await started();
    expect(streams[0]!.headers.get("Last-Event-ID")).toBeNull();
    streams[0]!.say("id: 5-0\nevent: news\ndata: {}\n\nid: 6-0\nevent: news\ndata: {\n\n");
    await turn();
    streams[0]!.lose();
    await turn(1_001);
    expect(streams[1]!.headers.get("Last-Event-ID")).toBe("6-0");
    expect(client.lastEventId).toBe("6-0");
    expect(states).toEqual(["CONNECTING", "OPEN", "RECONNECTING", "OPEN"]);
    expect(errors.map(({ code, retry }) => [code, retry])).toEqual([["BAD_MESSAGE", false], ["DISCONNECTED", true]]);
  });

  test("begins after an id that is given, and says of a gap what is missing", async () => {
    const { client, got } = await started({ lastEventId: "3-0" });
    expect(streams[0]!.headers.get("Last-Event-ID")).toBe("3-0");
    streams[0]!.say('event: gap\ndata: {"reason":"trimmed","lastEventId":"3-0","firstAvailableId":"9-0"}\n\n');
    await turn();
    expect(got).toEqual([["gap", { reason: "trimmed", lastEventId: "3-0", firstAvailableId: "9-0" }, ""]]);
    expect(client.lastEventId).toBe("3-0");
  });

  test("that is silent for a minute is opened again; comments are no silence", async () => {
    const { states } = await started();
    for (let at = 0; at < 5; at += 1) {
      await turn(30_000);
      streams[0]!.say(": here\n\n");
    }
    await turn(59_000);
    expect(streams).toHaveLength(1);
    await turn(2_001);
    expect(streams).toHaveLength(2);
    expect(states).toEqual(["CONNECTING", "OPEN", "RECONNECTING", "OPEN"]);
  });

  test("that never answers is given up after a minute", async () => {
    answers.push(() => new Promise(() => {}));
    const { client } = await started();
    await turn(62_000);
    expect(streams).toHaveLength(2);
    expect(client.isConnected()).toBe(true);
  });

  test("is tried after 1, 2, 4, 8, 16, then 30 seconds while it fails", async () => {
    for (let at = 0; at < 8; at += 1) answers.push(refusal(503));
    await started();
    let waited = 0;
    const times: number[] = [];
    while (times.length < 7) {
      const before = streams.length;
      await turn(500);
      waited += 500;
      if (streams.length > before) times.push(waited);
      if (streams.length > before) waited = 0;
    }
    expect(times).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  test("obeys Retry-After, also when the page wakes up meanwhile", async () => {
    const window = new EventTarget();
    vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
    vi.stubGlobal("addEventListener", window.addEventListener.bind(window));
    vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window));
    answers.push(refusal(429, { "Retry-After": "20" }), refusal(503));
    await started();
    window.dispatchEvent(new Event("online"));
    await turn(19_000);
    expect(streams).toHaveLength(1);
    await turn(1_001);
    expect(streams).toHaveLength(2);
    window.dispatchEvent(new Event("online"));
    await turn();
    expect(streams).toHaveLength(3);
  });

  test("goes on after the server ended it", async () => {
    await started();
    streams[0]!.end();
    await turn(1_001);
    expect(streams).toHaveLength(2);
  });
});

describe("a token", () => {
  test("alone is enough, as text", async () => {
    vi.stubGlobal("location", { href: "http://gateway.test/page" });
    vi.stubGlobal("fetch", scripted);
    const client = new EventClient("token123");
    client.connect();
    await turn();
    expect(streams[0]!.url).toBe("http://gateway.test/api/events");
    expect(streams[0]!.headers.get("Authorization")).toBe("Bearer token123");
    client.disconnect();
  });

  test("that is refused is asked for anew once", async () => {
    answers.push(refusal(401));
    const getToken = vi.fn((refused: string | null) => (refused === null ? "old" : "new"));
    const { client } = await started({ getToken });
    expect(getToken.mock.calls).toEqual([[null], ["old"]]);
    expect(streams.map(({ headers }) => headers.get("Authorization"))).toEqual(["Bearer old", "Bearer new"]);
    expect(client.isConnected()).toBe(true);
  });

  test.each([[401, "fixed"], [403, "fixed"]])("a %i of a fixed one ends it, in the server's words", async (status, token) => {
    answers.push(refusal(status));
    const { client, errors, states } = await started({ token });
    await turn(120_000);
    expect(streams).toHaveLength(1);
    expect(states).toEqual(["CONNECTING", "CLOSED"]);
    expect(errors.map(({ message }) => message)).toEqual(["words"]);
    expect(vi.getTimerCount()).toBe(0);
    client.connect();
    await turn();
    expect(streams).toHaveLength(2);
    client.disconnect();
  });

  test("that can't be had now is asked for again", async () => {
    const getToken = vi.fn().mockRejectedValueOnce(new Error("no network")).mockResolvedValue("ok");
    const { client } = await started({ getToken });
    await turn(1_001);
    expect(client.isConnected()).toBe(true);
  });
});

test("disconnect leaves no timer, no stream and tells nothing more", async () => {
  const { client, got, errors } = await started();
  client.connect();
  expect(streams).toHaveLength(1);
  client.disconnect();
  await turn(120_000);
  expect(client.getConnectionState()).toBe("CLOSED");
  expect([got, errors]).toEqual([[], []]);
  expect(vi.getTimerCount()).toBe(0);
});
