/**
 * `/ws/analytics`: routing decisions, liquidity providers, exposure and alerts, one callback for each.
 *
 * Messages come in arrays; each goes to its channel's callback in the order of the server. Figures that the server derives
 * come to `onMessage`, as does everything else.
 */
import { Client } from "./client.ts";
import type { Exact } from "./codec.ts";
import type { ConnectionOptions } from "./connection.ts";
import { ServerError } from "./errors.ts";
import type {
  AlertEvent, AnalyticsChannel, AnalyticsServerMessage, Exposure, LpMetrics, RoutingDecision,
} from "./generated/messages.ts";

export interface AnalyticsOptions<E extends Exact = false> extends ConnectionOptions<E> {
  channels?: AnalyticsChannel[];
  /** Whether a lost connection is opened again, true by default. */
  autoReconnect?: boolean;
  /** Whether states and errors are written to the console. */
  debug?: boolean;
}

export interface AnalyticsCallbacks {
  onRoutingMetrics?: (data: RoutingDecision) => void;
  onLPPerformance?: (data: LpMetrics) => void;
  onExposureUpdate?: (data: Exposure) => void;
  onAlert?: (data: AlertEvent) => void;
  /** Every message as it came, those above included. */
  onMessage?: (message: AnalyticsServerMessage) => void;
}

export class AnalyticsClient<const E extends Exact = false> extends Client<E> {
  readonly #channels: Set<AnalyticsChannel>;
  readonly #callbacks: AnalyticsCallbacks;

  constructor(options: AnalyticsOptions<E>, callbacks: AnalyticsCallbacks = {}) {
    super("/ws/analytics", { enableAutoReconnect: options.autoReconnect ?? true, ...options });
    this.#channels = new Set(options.channels ?? []);
    this.#callbacks = callbacks;
    if (options.debug) {
      this.onConnectionChange((state) => console.debug("tapeflow analytics:", state));
      this.onError((error) => console.debug("tapeflow analytics:", error.code, error.message));
    }
  }

  subscribe(channels: AnalyticsChannel[]): void {
    const added = channels.filter((channel) => !this.#channels.has(channel));
    for (const channel of added) this.#channels.add(channel);
    if (added.length) this.connection.sendIfOpen({ action: "subscribe", channels: added });
  }

  unsubscribe(channels: AnalyticsChannel[]): void {
    const removed = channels.filter((channel) => this.#channels.delete(channel));
    if (removed.length) this.connection.sendIfOpen({ action: "unsubscribe", channels: removed });
  }

  protected override ping(): object {
    return { action: "ping" };
  }

  protected override opened(): object[] {
    return this.#channels.size ? [{ action: "subscribe", channels: [...this.#channels] }] : [];
  }

  protected override subscriptions(): number {
    return this.#channels.size;
  }

  protected override received(message: unknown): boolean {
    let pong = false;
    for (const each of message as AnalyticsServerMessage[]) {
      if (each.type === "pong") pong = true;
      else if (each.type === "error") this.connection.report(new ServerError(each.data.code, each.data.message));
      else this.#deliver(each);
    }
    return pong;
  }

  #deliver(message: AnalyticsServerMessage): void {
    const calls = this.#callbacks;
    if (message.type === "routing-decision") calls.onRoutingMetrics?.(message.data);
    if (message.type === "lp-metrics") calls.onLPPerformance?.(message.data);
    if (message.type === "exposure-change") calls.onExposureUpdate?.(message.data);
    if (message.type === "alert") calls.onAlert?.(message.data);
    calls.onMessage?.(message);
  }
}
