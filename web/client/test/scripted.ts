/**
 * A server that does what a test says: sockets are handed in by the option `WebSocket`, answers of REST by `fetch`.
 *
 * It keeps every socket that was ever opened and everything that was sent on each.
 */
import { vi } from "vitest";
import type { WebSocketLike } from "../src/options.ts";

export class ScriptedSocket implements WebSocketLike {
  binaryType = "blob";
  onopen: ((event: unknown) => void) | null = null;
  onmessage: ((event: unknown) => void) | null = null;
  onclose: ((event: unknown) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  readonly sent: any[] = [];
  readonly url: string;
  readonly protocols: string[];
  closedWith: number | undefined | null = null;
  #opened = false;

  constructor(url: string, protocols: string[]) {
    this.url = url;
    this.protocols = protocols;
  }

  /** Whether it was told to have ended. */
  failed = false;

  /** Whether the client still listens. */
  get attended(): boolean {
    return this.onmessage !== null || this.onopen !== null;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(code?: number): void {
    this.closedWith = code;
  }

  /** A socket opens once. */
  open(): this {
    if (!this.#opened) this.onopen?.({});
    this.#opened = true;
    return this;
  }

  say(...messages: unknown[]): this {
    for (const message of messages) this.onmessage?.({ data: JSON.stringify(message) });
    return this;
  }

  sayRaw(data: unknown): this {
    this.onmessage?.({ data });
    return this;
  }

  end(code = 1006, reason = ""): this {
    this.failed = true;
    this.onclose?.({ code, reason });
    return this;
  }

  /** What was sent, pings left out. */
  get asked(): any[] {
    return this.sent.filter((each) => each.type !== "ping" && each.action !== "ping");
  }

  get pings(): number {
    return this.sent.length - this.asked.length;
  }
}

export class Script {
  readonly sockets: ScriptedSocket[] = [];
  readonly WebSocket: new (url: string, protocols: string[]) => ScriptedSocket;

  constructor() {
    const sockets = this.sockets;
    this.WebSocket = class extends ScriptedSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        sockets.push(this);
      }
    };
  }

  get socket(): ScriptedSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }

  /** The sockets that the client neither closed nor was told the end of. */
  get living(): ScriptedSocket[] {
    return this.sockets.filter((each) => each.closedWith === null && each.attended);
  }
}

/** Lets promises that are ready come through. */
export async function turn(ms = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

export interface Asked {
  path: string;
  query: URLSearchParams;
  method: string;
  headers: Headers;
  body: unknown;
}

/** A `fetch` that answers by `answer`: a value as JSON, or a Response. */
export function scriptedFetch(answer: (asked: Asked) => unknown): { fetch: typeof fetch; asked: Asked[] } {
  const all: Asked[] = [];
  const scripted = async (input: unknown, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(String(input));
    const asked: Asked = {
      path: url.pathname,
      query: url.searchParams,
      method: init.method ?? "GET",
      headers: new Headers(init.headers),
      body: typeof init.body === "string" ? JSON.parse(init.body) : undefined,
    };
    all.push(asked);
    const value = await answer(asked);
    return value instanceof Response ? value : new Response(JSON.stringify(value), { status: 200 });
  };
  return { fetch: scripted as typeof fetch, asked: all };
}
