/**
 * `/ws/analytics`: routing decisions, liquidity providers, exposure and alerts, one callback for each.
 *
 * Messages come in arrays; each goes to its channel's callback, and to `onMessage`, in the order of the server. Many may
 * follow the same channel; the server is asked once.
 */
import { Client } from "./client.ts";
import { convertDecimals, type Doubles, type Exact, type NumberOf } from "./codec.ts";
import type { ConnectionOptions } from "./options.ts";
import { ServerError } from "./errors.ts";
import type {
  AlertEvent, AnalyticsChannel, AnalyticsServerMessage, Exposure, LpMetrics, RoutingDecision,
} from "./generated/messages.ts";
import type { Unsubscribe } from "./listeners.ts";
import { ANALYTICS_DECIMALS } from "./values.ts";
import { Wanted } from "./wanted.ts";

export interface AnalyticsOptions<E extends Exact = Doubles> extends ConnectionOptions<E> {
  channels?: AnalyticsChannel[];
  /** Whether a lost connection is opened again, true by default. */
  autoReconnect?: boolean;
  /** Whether states and errors are written to the console. */
  debug?: boolean;
}

/** Figures are of type `N`. */
export interface AnalyticsCallbacks<N = number> {
  onRoutingMetrics?: (data: RoutingDecision<N>) => void;
  onLPPerformance?: (data: LpMetrics<N>) => void;
  onExposureUpdate?: (data: Exposure<N>) => void;
  onAlert?: (data: AlertEvent) => void;
  /** Every message as it came, those above included. */
  onMessage?: (message: AnalyticsServerMessage<N>) => void;
}

export class AnalyticsClient<const E extends Exact = Doubles> extends Client<E> {
  readonly #wanted = new Wanted<[AnalyticsServerMessage<NumberOf<E>>]>((added, removed) => this.#tell(added, removed));
  readonly #subscribed = new Map<AnalyticsChannel, Unsubscribe>();
  readonly #callbacks: AnalyticsCallbacks<NumberOf<E>>;

  constructor(options: AnalyticsOptions<E>, callbacks: AnalyticsCallbacks<NumberOf<E>> = {}) {
    super("/ws/analytics", { ...options, enableAutoReconnect: options.autoReconnect ?? options.enableAutoReconnect ?? true });
    this.#callbacks = callbacks;
    this.subscribe(options.channels ?? []);
    if (options.debug) {
      this.onConnectionChange((state) => console.debug("tapeflow analytics:", state));
      this.onError((error) => console.debug("tapeflow analytics:", error.code, error.message));
    }
  }

  /** Subscribes until `unsubscribe`; what comes goes to the callbacks. */
  subscribe(channels: AnalyticsChannel[]): void {
    for (const channel of channels) {
      if (!this.#subscribed.has(channel)) this.#subscribed.set(channel, this.follow(channel, this.#callbacks));
    }
  }

  unsubscribe(channels: AnalyticsChannel[]): void {
    for (const channel of channels) {
      this.#subscribed.get(channel)?.();
      this.#subscribed.delete(channel);
    }
  }

  /** Calls `callbacks` with what comes on `channel`, until the returned function is called. Many may follow the same one. */
  follow(channel: AnalyticsChannel, callbacks: AnalyticsCallbacks<NumberOf<E>>): Unsubscribe {
    return this.#wanted.follow(channel, (message) => deliver(message, callbacks));
  }

  protected override ping(): object {
    return { action: "ping" };
  }

  protected override opened(): object[] {
    const channels = this.#wanted.tellAll();
    return channels.length ? [{ action: "subscribe", channels }] : [];
  }

  protected override subscriptions(): number {
    return this.#wanted.size;
  }

  protected override received(message: unknown): boolean {
    let pong = false;
    for (const each of message as AnalyticsServerMessage<NumberOf<E>>[]) {
      if (each.type === "pong") pong = true;
      else if (each.type === "error") this.connection.report(new ServerError(each.data.code, each.data.message));
      else {
        const channel = CHANNELS[each.type];
        if (!channel) continue; // of a newer server
        convertFigures(each.data, this.exact);
        this.#wanted.emit(channel, each);
      }
    }
    return pong;
  }

  #tell(added: string[], removed: string[]): void {
    if (removed.length) this.connection.sendIfOpen({ action: "unsubscribe", channels: removed });
    if (added.length) this.connection.sendIfOpen({ action: "subscribe", channels: added });
  }
}

/** By type of message; those with -stats are figures of windows, which go to `onMessage` alone. */
const CHANNELS: Readonly<Record<string, AnalyticsChannel>> = {
  "routing-decision": "routing-metrics",
  "routing-stats": "routing-metrics",
  "lp-metrics": "lp-performance",
  "lp-stats": "lp-performance",
  "exposure-change": "exposure-updates",
  "exposure-stats": "exposure-updates",
  alert: "alerts",
};

function deliver<N>(message: AnalyticsServerMessage<N>, calls: AnalyticsCallbacks<N>): void {
  if (message.type === "routing-decision") calls.onRoutingMetrics?.(message.data);
  if (message.type === "lp-metrics") calls.onLPPerformance?.(message.data);
  if (message.type === "exposure-change") calls.onExposureUpdate?.(message.data);
  if (message.type === "alert") calls.onAlert?.(message.data);
  calls.onMessage?.(message);
}

function convertFigures(data: object, exact: Exact): void {
  convertDecimals(data, ANALYTICS_DECIMALS, exact);
  const { bySymbol, byLP } = data as Exposure<unknown>;
  for (const record of [bySymbol, byLP]) if (record) convertDecimals(record, Object.keys(record), exact);
}
