/**
 * `/api/events`: news, price alerts, states of the system and alerts, by Server-Sent Events.
 *
 * The stream resumes after the last event that was received, so none is lost while the server holds it; where it doesn't,
 * an event `gap` says so first. A stream that is silent for a minute, though the server comments every half, is opened again.
 */
import { restUrl } from "./addresses.ts";
import { refusal } from "./answers.ts";
import { backoffMs } from "./backoff.ts";
import { ApiError, TapeflowError } from "./errors.ts";
import { readEvents, type SentEvent } from "./event_stream.ts";
import type { EventsByName } from "./generated/messages.ts";
import { Listeners, type Unsubscribe } from "./listeners.ts";
import type { ConnectionState } from "./options.ts";
import { watchPage } from "./page.ts";
import type { GetToken } from "./token.ts";

/** What each kind of event holds. */
export type EventData = EventsByName;

export interface EventOptions {
  /** The gateway's address; in a page of the gateway it may be left out. */
  url?: string;
  token?: string | null;
  getToken?: GetToken;
  /** The id of the last event that is known; `0-0` asks for all there is. */
  lastEventId?: string;
  fetch?: typeof fetch;
  random?: () => number;
}

const SILENCE_MS = 60_000;
const FIRST_WAIT_MS = 1_000;

export class EventClient {
  readonly #url: URL;
  readonly #options: EventOptions;
  readonly #listeners = new Map<string, Listeners<[any, string]>>();
  readonly #states = new Listeners<[ConnectionState]>();
  readonly #errors = new Listeners<[TapeflowError]>();
  #state: ConnectionState = "CLOSED";
  #abort: AbortController | null = null;
  #attempts = 0;
  #refused: string | null = null;
  #patient = false; // the server named the time to come back at
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #silenceTimer: ReturnType<typeof setTimeout> | undefined;
  #unwatch: Unsubscribe | null = null;
  /** The id of the last event that was received. */
  lastEventId: string | null;

  /** A token, or more than that. Throws TapeflowError where no address can be told. */
  constructor(options: EventOptions | string = {}) {
    this.#options = typeof options === "string" ? { token: options } : options;
    this.#url = new URL("/api/events", restUrl(this.#options.url));
    this.lastEventId = this.#options.lastEventId ?? null;
  }

  connect(): void {
    if (this.#abort || this.#state === "RECONNECTING") return;
    this.#attempts = 0;
    this.#refused = null;
    this.#unwatch ??= watchPage({ awake: () => this.#check(), online: () => this.#check(), offline: () => {} });
    void this.#run("CONNECTING");
  }

  disconnect(): void {
    this.#abort?.abort();
    this.#stop();
  }

  isConnected(): boolean {
    return this.#state === "OPEN";
  }

  getConnectionState(): ConnectionState {
    return this.#state;
  }

  /** Calls `listener` with the data and the id of each event of `type`, until the returned function is called. */
  on<T extends keyof EventData>(type: T, listener: (data: EventData[T], id: string) => void): Unsubscribe {
    const all = this.#listeners.get(type) ?? new Listeners<[any, string]>();
    this.#listeners.set(type, all);
    return all.add(listener);
  }

  onConnectionChange(handler: (state: ConnectionState) => void): Unsubscribe {
    return this.#states.add(handler);
  }

  onError(handler: (error: TapeflowError) => void): Unsubscribe {
    return this.#errors.add(handler);
  }

  async #run(state: ConnectionState): Promise<void> {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    const abort = new AbortController();
    this.#abort = abort;
    this.#setState(state);
    let error: TapeflowError;
    let token: string | null = null;
    try {
      token = this.#options.getToken ? await this.#options.getToken(this.#refused) : (this.#options.token ?? null);
      if (abort.signal.aborted) return;
      await this.#read(abort, token);
      error = new TapeflowError("DISCONNECTED", "The stream of events ended", true);
    } catch (cause) {
      if (this.#abort !== abort) return;
      error = cause instanceof TapeflowError ? cause : new TapeflowError("DISCONNECTED", "The stream of events was lost", true, cause);
    }
    if (this.#abort !== abort) return;
    this.#ended(error, token);
  }

  async #read(abort: AbortController, token: string | null): Promise<void> {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (token !== null) headers["Authorization"] = `Bearer ${token}`;
    if (this.lastEventId !== null) headers["Last-Event-ID"] = this.lastEventId;
    const heard = () => {
      clearTimeout(this.#silenceTimer);
      this.#silenceTimer = setTimeout(() => abort.abort(), SILENCE_MS);
    };
    heard();
    const answer = await (this.#options.fetch ?? fetch)(this.#url.href, { headers, signal: abort.signal, cache: "no-store" });
    if (!answer.ok || !answer.body) throw await refusal(answer);
    if (this.#abort !== abort) return;
    this.#setState("OPEN");
    await readEvents(answer.body, (event) => this.#abort === abort && this.#deliver(event), () => {
      this.#attempts = 0;
      this.#refused = null;
      heard();
    });
  }

  #deliver(event: SentEvent): void {
    if (event.id) this.lastEventId = event.id;
    let data: unknown;
    try {
      data = JSON.parse(event.data);
    } catch (error) {
      this.#errors.emit(new TapeflowError("BAD_MESSAGE", "An event can't be read", false, error));
      return;
    }
    this.#listeners.get(event.type)?.emit(data, event.id);
  }

  #ended(error: TapeflowError, token: string | null): void {
    clearTimeout(this.#silenceTimer);
    this.#abort = null;
    const unauthorized = error instanceof ApiError && error.status === 401;
    if (unauthorized && this.#options.getToken && this.#refused === null) {
      this.#refused = token ?? "";
      void this.#run("RECONNECTING");
      this.#errors.emit(error);
      return;
    }
    if (!error.retry) {
      this.#stop();
      this.#errors.emit(error);
      return;
    }
    this.#attempts += 1;
    const stepMs = backoffMs(this.#attempts, FIRST_WAIT_MS, this.#options.random ?? Math.random);
    const advisedMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    this.#patient = advisedMs > 0;
    this.#retryTimer = setTimeout(() => void this.#run("RECONNECTING"), Math.max(stepMs, advisedMs));
    this.#setState("RECONNECTING");
    this.#errors.emit(error);
  }

  #stop(): void {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#silenceTimer);
    this.#retryTimer = undefined;
    this.#unwatch?.();
    this.#unwatch = null;
    this.#abort = null;
    this.#setState("CLOSED");
  }

  /** The page woke up, or the network came: tries at once what waits for its time, unless the server named the time. */
  #check(): void {
    if (this.#retryTimer === undefined || this.#patient) return;
    void this.#run("RECONNECTING");
  }

  #setState(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#states.emit(state);
  }
}
