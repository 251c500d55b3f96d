/**
 * `/ws/quotes`: the whole ticker at every change, under the names that a dashboard's service expects.
 *
 * Every message stands for itself, so nothing is kept. While the socket can't be opened, the same messages are made of
 * what REST says, every half minute.
 */
import { Client, inMessages } from "./client.ts";
import { convertDecimals, type Exact, type NumberOf } from "./codec.ts";
import type { ConnectionOptions } from "./connection.ts";
import { ServerError } from "./errors.ts";
import type { QuotesServerMessage } from "./generated/messages.ts";
import { Listeners, type Unsubscribe } from "./listeners.ts";
import { RestClient } from "./rest.ts";
import { QUOTE_DECIMALS, type QuotesMessage } from "./values.ts";

export class QuotesClient<const E extends Exact = false> extends Client<E> {
  readonly #active = new Set<string>();
  readonly #handlers = new Listeners<[QuotesMessage<NumberOf<E>>]>();
  readonly #rest: RestClient<E>;

  constructor(options: ConnectionOptions<E> & { rest?: RestClient<E> } = {}) {
    super("/ws/quotes", options);
    this.#rest = options.rest ?? new RestClient<E>(options);
  }

  subscribe(symbols: string[]): void {
    const added = symbols.filter((symbol) => !this.#active.has(symbol));
    for (const symbol of added) this.#active.add(symbol);
    for (const group of inMessages(added)) this.connection.sendIfOpen({ action: "subscribe", symbols: group });
  }

  unsubscribe(symbols: string[]): void {
    const removed = symbols.filter((symbol) => this.#active.delete(symbol));
    for (const group of inMessages(removed)) this.connection.sendIfOpen({ action: "unsubscribe", symbols: group });
  }

  getActiveSubscriptions(): Set<string> {
    return new Set(this.#active);
  }

  /** Calls `handler` with every message, until the returned function is called. */
  onMessage(handler: (message: QuotesMessage<NumberOf<E>>) => void): Unsubscribe {
    return this.#handlers.add(handler);
  }

  protected override ping(): object {
    return { action: "ping", timestamp: Date.now() };
  }

  protected override opened(): object[] {
    return inMessages(this.#active).map((symbols) => ({ action: "subscribe", symbols }));
  }

  protected override subscriptions(): number {
    return this.#active.size;
  }

  protected override received(message: unknown): boolean {
    const got = message as QuotesServerMessage;
    if (got.type === "price_update") convertDecimals(got.data, QUOTE_DECIMALS, this.exact);
    if (got.type === "batch_update") got.updates.forEach(({ data }) => convertDecimals(data, QUOTE_DECIMALS, this.exact));
    if (got.type === "error") this.connection.report(new ServerError(got.code, got.message));
    this.#handlers.emit(got as QuotesMessage<NumberOf<E>>);
    return got.type === "pong";
  }

  protected override async poll(): Promise<void> {
    const tickers = await this.#rest.prices([...this.#active]);
    const updates = tickers.map(({ bid: _, ask: __, sequence: ___, stale: ____, exchange, timestamp, ...rest }) => ({
      symbol: rest.symbol,
      data: { ...rest, timestamp: new Date(timestamp).toISOString(), source: exchange },
    }));
    if (updates.length === 0) return;
    const message = { type: "batch_update", updates, timestamp: new Date().toISOString() };
    this.#handlers.emit(message as unknown as QuotesMessage<NumberOf<E>>);
  }
}
