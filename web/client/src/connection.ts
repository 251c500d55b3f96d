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
import { decodeMessage, subprotocols } from "./codec.ts";
import { ConnectionError, TapeflowError } from "./errors.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Listeners, type Unsubscribe } from "./listeners.ts";
import type { ConnectionMetrics, ConnectionOptions, ConnectionState, WebSocketConstructor, WebSocketLike } from "./options.ts";
import { watchPage } from "./page.ts";
import { Polling } from "./polling.ts";
import { renewInMs } from "./token.ts";

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
  readonly #polling: Polling;
  #state: ConnectionState = "CLOSED";
  #socket: WebSocketLike | null = null;
  #wanted = false;
  #round = 0; // what an older round's callbacks bring is ignored
  #attempts = 0;
  #token: string | null = null;
  #refused: string | null = null;
  #ending: string | null = null; // the token that was about to end when another was asked for
  #patient = false; // the server named the time to come back at
  #queue: object[] = [];
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #openTimer: ReturnType<typeof setTimeout> | undefined;
  #renewTimer: ReturnType<typeof setTimeout> | undefined;
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
    this.#polling = new Polling(wire.poll?.bind(wire), options.pollingInterval ?? 30_000, {
      failed: (error) => this.report(error),
      changed: () => this.#states.emit(this.#state),
    });
  }

  // Life.

  connect(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#attempts = 0;
    this.#refused = null;
    this.#unwatch = watchPage({ awake: () => this.#check(), online: () => this.#check(), offline: () => this.#check() });
    void this.#open("CONNECTING");
  }

  disconnect(): void {
    this.#wanted = false;
    this.#unwatch?.();
    this.#unwatch = null;
    this.#clearTimers();
    this.#polling.stop();
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
    return this.#polling.works;
  }

  /** Calls `handler` with the state when it, or `isPolling`, became another. */
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
      if (round === this.#round) this.#retry(new TapeflowError("NO_TOKEN", "No token could be had", true, error), null);
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
    socket.onerror = () => {}; // a close follows, which says more; without a listener the package ws throws
    this.#openTimer = setTimeout(() => this.#lost(CLOSE_LOST, "The server did not answer in time"), OPEN_TIMEOUT_MS);
  }

  #opened(): void {
    clearTimeout(this.#openTimer);
    this.#connectedAt = new Date();
    const round = this.#round;
    for (const message of [...this.#wire.opened(), ...this.#queue.splice(0)]) this.#write(message);
    if (round !== this.#round) return; // a handler of errors ended it
    this.#heartbeat.start();
    this.#renewLater();
    this.#setState("OPEN");
  }

  #received(data: unknown): void {
    this.#messages += 1;
    this.#attempts = 0; // a server that lets in and closes at once has not answered
    this.#refused = null;
    this.#polling.stop();
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
    this.#retry(error, plan.waitMs);
  }

  /** Tries again after `waitMs`, where the server named it, else after the next step. */
  #retry(error: TapeflowError, waitMs: number | null): void {
    if (!(this.#options.enableAutoReconnect ?? true)) return this.#stop(error);
    this.#attempts += 1;
    this.#patient = waitMs !== null;
    const nextMs = waitMs ?? backoffMs(this.#attempts, this.#options.reconnectInterval ?? 1_000, this.#random);
    this.#retryTimer = setTimeout(() => void this.#open("RECONNECTING"), nextMs);
    this.#setState("RECONNECTING");
    this.report(error);
    if (this.#wanted && this.#attempts >= (this.#options.maxReconnectAttempts ?? 10)) this.#polling.start();
  }

  #stop(error: TapeflowError): void {
    this.#wanted = false;
    this.#unwatch?.();
    this.#unwatch = null;
    const socket = this.#release();
    if (socket) close(socket);
    this.#clearTimers();
    this.#polling.stop();
    this.#setState("CLOSED");
    this.report(error);
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
    this.#retryTimer = undefined;
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
    // Who hands out the same token again has no newer one: the server says when it is over.
    const waitMs = this.#token === null || this.#token === this.#ending || !this.#options.getToken ? null : renewInMs(this.#token, Date.now());
    if (waitMs === null) return;
    const renew = () => {
      if (waitMs > TIMER_MAX_MS) return this.#renewLater();
      this.#ending = this.#token;
      this.#replace();
    };
    this.#renewTimer = setTimeout(renew, Math.min(waitMs, TIMER_MAX_MS));
  }

  /** The page woke up, or the network came or went: asks at once whether the link lives, or tries at once to get one. */
  #check(): void {
    if (this.#state === "OPEN") this.#heartbeat.probe();
    else if (this.#retryTimer !== undefined && !this.#patient && globalThis.navigator?.onLine !== false) {
      void this.#open("RECONNECTING");
    }
  }
}

function close(socket: WebSocketLike): void {
  try {
    socket.close(CLOSE_NORMAL);
  } catch {
    // a socket that never opened may refuse a close: it is gone either way
  }
}

