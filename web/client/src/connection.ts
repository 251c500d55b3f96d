/**
 * One WebSocket to the gateway that stays open: from a dialect's subscriptions to its messages.
 *
 * A lost connection is opened again after 1, 2, 4, 8, 16, then 30 seconds, and the dialect says what to send first, so that
 * it resumes. A link that went dead without a word is noticed within a minute. After ten failures the dialect is asked to
 * poll meanwhile, and the socket takes over again when it opens. A token is renewed before it ends. Nothing here throws
 * after the constructor: what goes wrong comes to `onError`.
 */
import { socketUrl, withToken } from "./addresses.ts";
import { backoffMs } from "./backoff.ts";
import { CLOSE_LOST, CLOSE_NORMAL, closeWords, planAfter } from "./closes.ts";
import { decodeMessage, subprotocols, type Exact, type MsgpackDecode } from "./codec.ts";
import { ConnectionError, TapeflowError } from "./errors.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Listeners, type Unsubscribe } from "./listeners.ts";
import { watchPage } from "./page.ts";
import { renewBeforeMs, tokenEndMs, type GetToken } from "./token.ts";

export type ConnectionState = "CONNECTING" | "OPEN" | "CLOSING" | "CLOSED" | "RECONNECTING";

/** How a connection behaves; every time is in ms. */
export interface WebSocketConfig {
  /** The gateway's address, or a dialect's; in a page of the gateway it may be left out. */
  url: string;
  /** The first wait before a new attempt, 1,000 by default; it doubles up to 16 times, then is 30,000. */
  reconnectInterval: number;
  /** Failures in a row, 10 by default, after which prices are polled until the socket opens again. */
  maxReconnectAttempts: number;
  /** Between two pings, 25,000 by default; a link that is silent for twice as long is dead. */
  heartbeatInterval: number;
  /** How many messages wait while there is no connection, 100 by default; the oldest go first. */
  messageQueueSize: number;
  /** Browsers negotiate compression by themselves, so this changes nothing; it is here for those who set it. */
  enableCompression: boolean;
  /** Whether a lost connection is opened again, true by default. */
  enableAutoReconnect: boolean;
}

export interface ConnectionMetrics {
  connectionState: ConnectionState;
  connectedAt: Date | null;
  lastMessageAt: Date | null;
  messageCount: number;
  errorCount: number;
  reconnectAttempts: number;
  /** The mean of the last 20 round trips in ms; 0 before the first. */
  averageLatency: number;
  activeSubscriptions: number;
}

export interface ConnectionOptions<E extends Exact = Exact> extends Partial<WebSocketConfig> {
  /** The token, where it never changes. */
  token?: string | null;
  /** Gives a token before each connection, before the old one ends, and when one was refused. */
  getToken?: GetToken;
  /** Decimals as text or as numbers of a library. */
  exact?: E;
  /** `decode` of `@msgpack/msgpack`: the server then sends MessagePack. */
  msgpack?: MsgpackDecode;
  /** Between two polls, 30,000 by default. */
  pollingInterval?: number;
  /** Another implementation of WebSocket, e.g. that of the package `ws`. */
  WebSocket?: WebSocketConstructor;
  /** Gives numbers from 0 up to 1, for the random part of waits. */
  random?: () => number;
}

/** What is used of a WebSocket. */
export interface WebSocketLike {
  binaryType: string;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** What a dialect gives its connection. */
export interface Wire {
  readonly path: string;
  /** The message that asks for a pong. */
  ping(): object;
  /** What to send when a connection opens: everything that is subscribed. */
  opened(): readonly object[];
  /** Takes one message; says whether it was a pong. */
  received(message: unknown): boolean;
  /** Symbols or rooms subscribed now. */
  subscriptions(): number;
  /** Fetches by REST what the socket would have told; absent where there is no such way. */
  poll?(): Promise<void>;
}

const OPEN_TIMEOUT_MS = 15_000;
const TIMER_MAX_MS = 2 ** 31 - 1;

export class Connection {
  readonly #wire: Wire;
  readonly #options: ConnectionOptions;
  readonly #url: URL;
  readonly #random: () => number;
  readonly #states = new Listeners<[ConnectionState]>();
  readonly #errors = new Listeners<[TapeflowError]>();
  readonly #heartbeat: Heartbeat;
  #state: ConnectionState = "CLOSED";
  #socket: WebSocketLike | null = null;
  #wanted = false;
  #round = 0; // what an older round's callbacks bring is ignored
  #attempts = 0;
  #token: string | null = null;
  #refused: string | null = null;
  #queue: object[] = [];
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #openTimer: ReturnType<typeof setTimeout> | undefined;
  #renewTimer: ReturnType<typeof setTimeout> | undefined;
  #pollTimer: ReturnType<typeof setInterval> | undefined;
  #unwatch: Unsubscribe | null = null;
  #connectedAt: Date | null = null;
  #messages = 0;
  #failures = 0;

  /** Throws TapeflowError where no address can be told. */
  constructor(wire: Wire, options: ConnectionOptions) {
    this.#wire = wire;
    this.#options = options;
    this.#url = socketUrl(options.url, wire.path);
    this.#random = options.random ?? Math.random;
    this.#heartbeat = new Heartbeat(options.heartbeatInterval ?? 25_000, {
      ping: () => this.#write(wire.ping()),
      dead: () => this.#lost(CLOSE_LOST, "The server has been silent for too long"),
    });
  }

  // Life.

  connect(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#attempts = 0;
    this.#unwatch = watchPage({ awake: () => this.#check(), online: () => this.#check(), offline: () => this.#check() });
    void this.#open("CONNECTING");
  }

  disconnect(): void {
    this.#wanted = false;
    this.#unwatch?.();
    this.#unwatch = null;
    this.#clearTimers();
    this.#stopPolling();
    this.#queue = [];
    const socket = this.#release();
    if (socket) {
      this.#setState("CLOSING");
      const round = this.#round;
      socket.onclose = () => this.#closed(round);
      close(socket);
      this.#openTimer = setTimeout(() => this.#closed(round), 5_000); // a dead link answers no close
    } else {
      this.#setState("CLOSED");
    }
  }

  /** Ends the connection, if there is one, and opens another at once. */
  reconnect(): void {
    if (!this.#wanted) return this.connect();
    this.#attempts = 0;
    this.#replace();
  }

  isConnected(): boolean {
    return this.#state === "OPEN";
  }

  getConnectionState(): ConnectionState {
    return this.#state;
  }

  /** Whether prices come by REST, as the socket could not be opened for long. */
  isPolling(): boolean {
    return this.#pollTimer !== undefined;
  }

  onConnectionChange(handler: (state: ConnectionState) => void): Unsubscribe {
    return this.#states.add(handler);
  }

  onError(handler: (error: TapeflowError) => void): Unsubscribe {
    return this.#errors.add(handler);
  }

  /** The last round trip in ms; 0 before the first. */
  getLatency(): number {
    return this.#heartbeat.latencyMs;
  }

  /** When the last message came; the epoch before the first. */
  getLastMessageTime(): Date {
    return this.#heartbeat.lastMessageAt ?? new Date(0);
  }

  getMetrics(): ConnectionMetrics {
    return {
      connectionState: this.#state,
      connectedAt: this.#connectedAt,
      lastMessageAt: this.#heartbeat.lastMessageAt,
      messageCount: this.#messages,
      errorCount: this.#failures,
      reconnectAttempts: this.#attempts,
      averageLatency: this.#heartbeat.averageLatencyMs,
      activeSubscriptions: this.#wire.subscriptions(),
    };
  }

  // Messages.

  /** Sends now or, while there is no connection, when there is one again. */
  send(message: object): void {
    if (this.#state === "OPEN") return this.#write(message);
    this.#queue.push(message);
    if (this.#queue.length > (this.#options.messageQueueSize ?? 100)) {
      this.#queue.shift();
      this.report(new TapeflowError("QUEUE_FULL", "A message was dropped: too many wait for a connection", true));
    }
  }

  /** Sends now; while there is no connection it need not, as the next one begins with what `opened` says. */
  sendIfOpen(message: object): void {
    if (this.#state === "OPEN") this.#write(message);
  }

  report(error: TapeflowError): void {
    this.#failures += 1;
    this.#errors.emit(error);
  }

  #write(message: object): void {
    try {
      this.#socket?.send(JSON.stringify(message));
    } catch (error) {
      this.report(new TapeflowError("NOT_SENT", "A message could not be sent", true, error));
    }
  }

  // Opening.

  async #open(state: ConnectionState): Promise<void> {
    this.#clearTimers();
    this.#setState(state);
    const round = ++this.#round;
    try {
      this.#token = await this.#nextToken();
    } catch (error) {
      if (round === this.#round) this.#stop(new TapeflowError("NO_TOKEN", "No token could be had", false, error));
      return;
    }
    if (round !== this.#round || !this.#wanted) return;
    const Socket = this.#options.WebSocket ?? (globalThis.WebSocket as unknown as WebSocketConstructor | undefined);
    if (!Socket) return this.#stop(new TapeflowError("NO_WEBSOCKET", "This runtime has no WebSocket: hand one in, e.g. that of the package ws", false));
    try {
      const protocols = subprotocols(this.#options.exact ?? false, this.#options.msgpack);
      this.#use(new Socket(withToken(this.#url, this.#token).href, protocols), round);
    } catch (error) {
      this.#stop(new TapeflowError("NO_ADDRESS", `No socket can be opened to ${this.#url.href}`, false, error));
    }
  }

  #nextToken(): string | null | Promise<string | null> {
    return this.#options.getToken ? this.#options.getToken(this.#refused) : (this.#options.token ?? null);
  }

  #use(socket: WebSocketLike, round: number): void {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => round === this.#round && this.#opened();
    socket.onmessage = ({ data }: { data: unknown }) => round === this.#round && this.#received(data);
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => round === this.#round && this.#lost(code, reason);
    socket.onerror = null; // a close follows, which says more
    this.#openTimer = setTimeout(() => this.#lost(CLOSE_LOST, "The server did not answer in time"), OPEN_TIMEOUT_MS);
  }

  #opened(): void {
    clearTimeout(this.#openTimer);
    this.#connectedAt = new Date();
    this.#setState("OPEN");
    for (const message of this.#wire.opened()) this.#write(message);
    for (const message of this.#queue.splice(0)) this.#write(message);
    this.#heartbeat.start();
    this.#renewLater();
  }

  #received(data: unknown): void {
    this.#messages += 1;
    this.#attempts = 0; // a server that lets in and closes at once has not answered
    this.#refused = null;
    this.#stopPolling();
    this.#heartbeat.heard();
    try {
      if (this.#wire.received(decodeMessage(data, this.#options.msgpack))) this.#heartbeat.pong();
    } catch (error) {
      this.report(error instanceof TapeflowError ? error : new TapeflowError("BAD_MESSAGE", "A message was not understood", false, error));
    }
  }

  // Ends.

  #lost(closeCode: number, reason: string): void {
    const socket = this.#release();
    if (socket) close(socket);
    const plan = planAfter(closeCode, reason, this.#random);
    const error = new ConnectionError("DISCONNECTED", closeWords(closeCode, reason), closeCode, plan.kind === "retry");
    if (plan.kind === "stop") return this.#stop(error);
    if (plan.kind === "token") {
      const again = this.#options.getToken !== undefined && this.#refused === null;
      this.#refused = this.#token ?? "";
      if (!again) return this.#stop(error);
      this.report(error);
      void this.#open("RECONNECTING");
      return;
    }
    this.report(error);
    if (!(this.#options.enableAutoReconnect ?? true)) return this.#stop(null);
    this.#attempts += 1;
    if (this.#attempts >= (this.#options.maxReconnectAttempts ?? 10)) this.#startPolling();
    const waitMs = plan.waitMs ?? backoffMs(this.#attempts, this.#options.reconnectInterval ?? 1_000, this.#random);
    this.#setState("RECONNECTING");
    this.#retryTimer = setTimeout(() => void this.#open("RECONNECTING"), waitMs);
  }

  #stop(error: TapeflowError | null): void {
    this.#wanted = false;
    this.#unwatch?.();
    this.#unwatch = null;
    const socket = this.#release();
    if (socket) close(socket);
    this.#clearTimers();
    this.#stopPolling();
    this.#setState("CLOSED");
    if (error) this.report(error);
  }

  #closed(round: number): void {
    if (round !== this.#round || this.#state !== "CLOSING") return;
    clearTimeout(this.#openTimer);
    this.#setState("CLOSED");
  }

  #replace(): void {
    const socket = this.#release();
    if (socket) close(socket);
    void this.#open("RECONNECTING");
  }

  /** Lets go of the socket: what it still brings is ignored. */
  #release(): WebSocketLike | null {
    const socket = this.#socket;
    this.#socket = null;
    this.#round += 1;
    this.#connectedAt = null;
    this.#heartbeat.stop();
    this.#clearTimers();
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    return socket;
  }

  #clearTimers(): void {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#openTimer);
    clearTimeout(this.#renewTimer);
  }

  #setState(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#states.emit(state);
  }

  // Tokens, the page, polling.

  #renewLater(): void {
    const endMs = this.#token === null || !this.#options.getToken ? null : tokenEndMs(this.#token);
    if (endMs === null) return;
    const leftMs = Math.max(endMs - Date.now(), 0);
    const waitMs = leftMs - renewBeforeMs(leftMs);
    this.#renewTimer = setTimeout(() => (waitMs > TIMER_MAX_MS ? this.#renewLater() : this.#replace()), Math.min(waitMs, TIMER_MAX_MS));
  }

  /** The page woke up, or the network came or went: asks at once whether the link lives, or tries at once to get one. */
  #check(): void {
    if (this.#state === "OPEN") this.#heartbeat.probe();
    else if (this.#state === "RECONNECTING" && this.#socket === null && globalThis.navigator?.onLine !== false) {
      void this.#open("RECONNECTING");
    }
  }

  #startPolling(): void {
    if (this.#pollTimer !== undefined || !this.#wire.poll) return;
    const poll = () =>
      void this.#wire.poll?.().catch((error: unknown) => {
        this.report(error instanceof TapeflowError ? error : new TapeflowError("NOT_POLLED", "Prices could not be fetched", true, error));
      });
    this.#pollTimer = setInterval(poll, this.#options.pollingInterval ?? 30_000);
    poll();
  }

  #stopPolling(): void {
    clearInterval(this.#pollTimer);
    this.#pollTimer = undefined;
  }
}

function close(socket: WebSocketLike): void {
  try {
    socket.close(CLOSE_NORMAL);
  } catch {
    // a socket that never opened may refuse a close: it is gone either way
  }
}

