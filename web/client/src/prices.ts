/**
 * `/ws/prices`: the ticker of each symbol, complete at first, then by what changed.
 *
 * A delta is applied only to the state it was made for: its `previous` must be the sequence that is held. Where it isn't,
 * the symbol's whole state is asked for again, and nothing wrong is shown meanwhile. After a lost connection the server is
 * told the sequences that are held, and sends what was missed. While the socket can't be opened, prices come by REST.
 */
import { Client, inMessages } from "./client.ts";
import { convertDecimals, type Doubles, type Exact, type NumberOf } from "./codec.ts";
import type { ConnectionOptions } from "./options.ts";
import { ServerError } from "./errors.ts";
import type { PricesServerMessage } from "./generated/messages.ts";
import { Lists, type ListState } from "./lists.ts";
import type { Unsubscribe } from "./listeners.ts";
import { RestClient } from "./rest.ts";
import { TICKER_DECIMALS, type Ticker } from "./values.ts";
import { Wanted } from "./wanted.ts";

/** Called with the whole state and the fields that changed with it: all of them at first, and after a gap. */
export type TickerListener<N> = (ticker: Readonly<Ticker<N>>, changed: Readonly<Partial<Ticker<N>>>) => void;

export class PricesClient<const E extends Exact = Doubles> extends Client<E> {
  readonly #tickers = new Map<string, Ticker<NumberOf<E>>>();
  readonly #awaited = new Set<string>(); // symbols whose whole state was asked for
  readonly #wanted = new Wanted<[Ticker<NumberOf<E>>, Partial<Ticker<NumberOf<E>>>]>((added, removed) => this.#tell(added, removed));
  readonly #lists = new Lists((type, id) => this.connection.sendIfOpen({ type, watchlists: [id] }));
  readonly #rest: RestClient<E>;
  #gaps = 0;

  /** `rest`, or else one with `fetch`, is what prices are polled by. */
  constructor(options: ConnectionOptions<E> & { rest?: RestClient<E>; fetch?: typeof fetch } = {}) {
    super("/ws/prices", options);
    this.#rest = options.rest ?? new RestClient<E>(options);
  }

  /**
   * Calls `listener` with the ticker of each of `symbols`, now if it is known and at every change, until the returned
   * function is called. Many may follow the same symbol; the server is asked once.
   */
  follow(symbols: string | Iterable<string>, listener: TickerListener<NumberOf<E>>): Unsubscribe {
    const ends = [...(typeof symbols === "string" ? [symbols] : symbols)].map((symbol) => {
      const end = this.#wanted.follow(symbol, listener);
      const known = this.#tickers.get(symbol);
      if (known) listener(known, known);
      return end;
    });
    return () => ends.forEach((end) => end());
  }

  /**
   * Follows the symbols of one of the user's watchlists, and every edit of it, wherever it is made. `changed` is called
   * with what the list holds, at first and after each edit.
   */
  followWatchlist(id: string, listener: TickerListener<NumberOf<E>>, changed: (list: ListState) => void = () => {}): Unsubscribe {
    const follow = (symbol: string): Unsubscribe => {
      this.#wanted.tell(symbol); // the list brings it
      const end = this.follow(symbol, listener);
      return () => {
        end();
        // Somebody else follows it, for whom the server was never asked.
        if (this.#wanted.has(symbol)) this.connection.sendIfOpen(this.#subscribe([symbol]));
      };
    };
    return this.#lists.follow(id, follow, changed);
  }

  /** The ticker as it is known now. */
  get(symbol: string): Readonly<Ticker<NumberOf<E>>> | undefined {
    return this.#tickers.get(symbol);
  }

  /** How often a delta did not fit what was held. */
  get gaps(): number {
    return this.#gaps;
  }

  protected override ping(): object {
    return { type: "ping" };
  }

  protected override opened(): object[] {
    this.#awaited.clear();
    const named = inMessages(this.#wanted.tellAll(), this.#tickers.size > 0).map((symbols) => this.#subscribe(symbols));
    const watchlists = this.#lists.ids();
    return watchlists.length ? [...named, { type: "subscribe", watchlists }] : named;
  }

  protected override subscriptions(): number {
    return this.#wanted.size + this.#lists.size;
  }

  protected override received(message: unknown): boolean {
    const got = message as PricesServerMessage<NumberOf<E>>;
    switch (got.type) {
      case "pong":
        return true;
      case "error":
        this.connection.report(new ServerError(got.code, got.message));
        return false;
      case "watchlist": {
        const { type: _, timestamp: __, ...list } = got;
        this.#lists.take({ ...list, deleted: list.deleted ?? false });
        return false;
      }
      case "snapshot": {
        const { type: _, ...ticker } = got;
        this.#replace(ticker);
        return false;
      }
      case "delta": {
        const { type: _, previous, ...changed } = got;
        this.#apply(previous, changed);
        return false;
      }
      default:
        return false; // of a newer server
    }
  }

  protected override async poll(): Promise<void> {
    for (const ticker of await this.#rest.prices([...this.#wanted.names()])) {
      const { stale: _, ...fields } = ticker;
      const held = this.#tickers.get(fields.symbol);
      if (!held || isNewer(fields, held)) this.#put(fields as Ticker<NumberOf<E>>);
    }
  }

  #subscribe(symbols: string[]): object {
    const since = symbols.flatMap((symbol) => {
      const held = this.#tickers.get(symbol);
      return held ? [[symbol, held.sequence]] : [];
    });
    return { type: "subscribe", symbols, ...(since.length && { since: Object.fromEntries(since) }) };
  }

  #tell(added: string[], removed: string[]): void {
    for (const symbol of removed) {
      this.#tickers.delete(symbol);
      this.#awaited.delete(symbol);
    }
    for (const symbols of inMessages(removed)) this.connection.sendIfOpen({ type: "unsubscribe", symbols });
    for (const symbols of inMessages(added)) this.connection.sendIfOpen(this.#subscribe(symbols));
  }

  #replace(ticker: Ticker<NumberOf<E>>): void {
    convertDecimals(ticker, TICKER_DECIMALS, this.exact);
    this.#put(ticker);
  }

  #put(ticker: Ticker<NumberOf<E>>): void {
    if (!this.#wanted.has(ticker.symbol)) return; // on its way when it was let go
    this.#awaited.delete(ticker.symbol);
    this.#tickers.set(ticker.symbol, ticker);
    this.#wanted.emit(ticker.symbol, ticker, ticker);
  }

  #apply(previous: number, changed: Partial<Ticker<NumberOf<E>>> & { symbol: string; sequence: number }): void {
    const { symbol, sequence } = changed;
    const held = this.#tickers.get(symbol);
    if (!this.#wanted.has(symbol) || this.#awaited.has(symbol)) return;
    if (!held || held.sequence !== previous) {
      if (held && sequence <= held.sequence) return; // older than what a poll brought
      this.#gaps += 1;
      this.#tickers.delete(symbol);
      this.#awaited.add(symbol);
      this.connection.sendIfOpen({ type: "unsubscribe", symbols: [symbol] });
      this.connection.sendIfOpen({ type: "subscribe", symbols: [symbol] });
      return;
    }
    convertDecimals(changed, TICKER_DECIMALS, this.exact);
    const ticker = { ...held, ...changed }; // a state that was handed out stays as it was
    this.#tickers.set(symbol, ticker);
    this.#wanted.emit(symbol, ticker, changed);
  }
}

/** Whether `a` has a later trade than `b`, or the same and a later quote. */
function isNewer(a: Ordered, b: Ordered): boolean {
  return a.sequence === b.sequence ? (a.quoteSequence ?? -1) > (b.quoteSequence ?? -1) : a.sequence > b.sequence;
}

interface Ordered {
  sequence: number;
  quoteSequence?: number | null;
}
