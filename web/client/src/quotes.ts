/**
 * `/ws/quotes`: the whole ticker at every change, under the names that a dashboard's service expects.
 *
 * Every message stands for itself; the newest quote of each symbol is kept for those who come later. While the socket can't
 * be opened, the same messages are made of what REST says, every half minute.
 */
import { Client, inMessages } from "./client.ts";
import { convertDecimals, type Doubles, type Exact, type NumberOf } from "./codec.ts";
import type { ConnectionOptions } from "./options.ts";
import { ServerError } from "./errors.ts";
import { Listeners, type Unsubscribe } from "./listeners.ts";
import { Lists, type ListState } from "./lists.ts";
import { RestClient } from "./rest.ts";
import { QUOTE_DECIMALS, type PriceRow, type QuotesMessage, type StockQuote } from "./values.ts";
import { Wanted } from "./wanted.ts";

export class QuotesClient<const E extends Exact = Doubles> extends Client<E> {
  readonly #quotes = new Map<string, StockQuote<NumberOf<E>>>();
  readonly #wanted = new Wanted<[StockQuote<NumberOf<E>>]>((added, removed) => this.#tell(added, removed));
  readonly #lists = new Lists((action, id) => this.connection.sendIfOpen({ action, watchlists: [id] }));
  readonly #subscribed = new Map<string, Unsubscribe>();
  readonly #handlers = new Listeners<[QuotesMessage<NumberOf<E>>]>();
  readonly #rest: RestClient<E>;

  /** `rest`, or else one with `fetch`, is what prices are polled by. */
  constructor(options: ConnectionOptions<E> & { rest?: RestClient<E>; fetch?: typeof fetch } = {}) {
    super("/ws/quotes", options);
    this.#rest = options.rest ?? new RestClient<E>(options);
  }

  /** Subscribes until `unsubscribe`; subscribing again changes nothing. */
  subscribe(symbols: string[]): void {
    for (const symbol of symbols) {
      if (!this.#subscribed.has(symbol)) this.#subscribed.set(symbol, this.#wanted.follow(symbol, () => {}));
    }
  }

  unsubscribe(symbols: string[]): void {
    for (const symbol of symbols) {
      this.#subscribed.get(symbol)?.();
      this.#subscribed.delete(symbol);
    }
  }

  getActiveSubscriptions(): Set<string> {
    return new Set(this.#wanted.names());
  }

  /**
   * Calls `listener` with the quote of `symbol`, now if it is known and at every change, until the returned function is
   * called. Many may follow the same symbol; the server is asked once.
   */
  follow(symbol: string, listener: (quote: StockQuote<NumberOf<E>>) => void): Unsubscribe {
    const end = this.#wanted.follow(symbol, listener);
    const known = this.#quotes.get(symbol);
    if (known) listener(known);
    return end;
  }

  /**
   * Follows the symbols of one of the user's watchlists, and every edit of it, wherever it is made. `changed` is called
   * with what the list holds, at first and after each edit.
   */
  followWatchlist(id: string, listener: (quote: StockQuote<NumberOf<E>>) => void, changed: (list: ListState) => void = () => {}): Unsubscribe {
    const follow = (symbol: string): Unsubscribe => {
      this.#wanted.tell(symbol); // the list brings it
      const end = this.follow(symbol, listener);
      return () => {
        end();
        // Somebody else follows it, for whom the server was never asked.
        if (this.#wanted.has(symbol)) this.connection.sendIfOpen({ action: "subscribe", symbols: [symbol] });
      };
    };
    return this.#lists.follow(id, follow, changed);
  }

  /** Calls `handler` with every message, until the returned function is called. */
  onMessage(handler: (message: QuotesMessage<NumberOf<E>>) => void): Unsubscribe {
    return this.#handlers.add(handler);
  }

  protected override ping(): object {
    return { action: "ping", timestamp: Date.now() };
  }

  protected override opened(): object[] {
    const named: object[] = inMessages(this.#wanted.tellAll()).map((symbols) => ({ action: "subscribe", symbols }));
    const watchlists = this.#lists.ids();
    return watchlists.length ? [...named, { action: "subscribe", watchlists }] : named;
  }

  protected override subscriptions(): number {
    return this.#wanted.size + this.#lists.size;
  }

  protected override received(message: unknown): boolean {
    const got = message as QuotesMessage<NumberOf<E>>;
    if (got.type === "error") this.connection.report(new ServerError(got.code, got.message));
    if (got.type === "price_update") convertDecimals(got.data, QUOTE_DECIMALS, this.exact);
    if (got.type === "batch_update") got.updates.forEach(({ data }) => convertDecimals(data, QUOTE_DECIMALS, this.exact));
    this.#deliver(got);
    return got.type === "pong";
  }

  protected override async poll(): Promise<void> {
    const updates = (await this.#rest.prices([...this.#wanted.names()])).map((row) => ({ symbol: row.symbol, data: quoteOfRow(row) }));
    if (updates.length) this.#deliver({ type: "batch_update", updates, timestamp: new Date().toISOString() });
  }

  #deliver(message: QuotesMessage<NumberOf<E>>): void {
    this.#handlers.emit(message);
    if (message.type === "watchlist") {
      const { type: _, timestamp: __, ...list } = message;
      this.#lists.take({ ...list, deleted: list.deleted ?? false });
    }
    if (message.type === "price_update") this.#give(message.data);
    if (message.type === "batch_update") message.updates.forEach(({ data }) => this.#give(data));
  }

  #give(quote: StockQuote<NumberOf<E>>): void {
    if (!this.#wanted.has(quote.symbol)) return; // on its way when it was let go
    this.#quotes.set(quote.symbol, quote);
    this.#wanted.emit(quote.symbol, quote);
  }

  #tell(added: string[], removed: string[]): void {
    for (const symbol of removed) this.#quotes.delete(symbol);
    for (const symbols of inMessages(removed)) this.connection.sendIfOpen({ action: "unsubscribe", symbols });
    for (const symbols of inMessages(added)) this.connection.sendIfOpen({ action: "subscribe", symbols });
  }
}

/** A ticker of REST as `/ws/quotes` would send it. */
export function quoteOfRow<N>(row: PriceRow<N>): StockQuote<N> {
  const { symbol, price, change, changePercent, volume, high, low, open, previousClose, bid, ask, timestamp, exchange } = row;
  const best = { ...(bid !== null && { bid }), ...(ask !== null && { ask }) };
  const day = { change, changePercent, volume, high, low, open, previousClose };
  return { symbol, price, ...day, ...best, timestamp: new Date(timestamp).toISOString(), source: exchange } as StockQuote<N>;
}
