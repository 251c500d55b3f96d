/**
 * Quotes by REST for components that go without a socket: one request for all symbols that are due together.
 *
 * A symbol is fetched when its first follower comes and then once in its interval, so that fifty rows that fall back
 * together cost one request in half a minute, not fifty.
 */
import { quoteOfRow, TapeflowError, type RestClient, type StockQuote } from "@tapeflow/client";

export interface PollListener {
  quote(quote: StockQuote): void;
  error(error: TapeflowError): void;
}

interface Group {
  timer: ReturnType<typeof setInterval>;
  listeners: Map<string, Set<PollListener>>;
}

export class Polls {
  readonly #rest: () => RestClient;
  readonly #groups = new Map<number, Group>();
  readonly #added = new Map<number, Set<string>>();

  constructor(rest: () => RestClient) {
    this.#rest = rest;
  }

  /** Asks for `symbol` now and every `intervalMs`, until the returned function is called. */
  follow(symbol: string, intervalMs: number, listener: PollListener): () => void {
    const group = this.#group(intervalMs);
    const listeners = group.listeners.get(symbol) ?? new Set();
    group.listeners.set(symbol, listeners.add(listener));
    this.#askSoon(intervalMs, symbol);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && group.listeners.get(symbol) === listeners) group.listeners.delete(symbol);
      if (group.listeners.size || this.#groups.get(intervalMs) !== group) return;
      clearInterval(group.timer);
      this.#groups.delete(intervalMs);
    };
  }

  #group(intervalMs: number): Group {
    const known = this.#groups.get(intervalMs);
    if (known) return known;
    const listeners = new Map<string, Set<PollListener>>();
    const group = { timer: setInterval(() => void this.#ask(group, [...listeners.keys()]), intervalMs), listeners };
    this.#groups.set(intervalMs, group);
    return group;
  }

  /** At the end of the current turn, with all others that came in it. */
  #askSoon(intervalMs: number, symbol: string): void {
    const added = this.#added.get(intervalMs);
    if (added) return void added.add(symbol);
    this.#added.set(intervalMs, new Set([symbol]));
    queueMicrotask(() => {
      const symbols = [...(this.#added.get(intervalMs) ?? [])];
      this.#added.delete(intervalMs);
      const group = this.#groups.get(intervalMs);
      if (group) void this.#ask(group, symbols.filter((each) => group.listeners.has(each)));
    });
  }

  async #ask(group: Group, symbols: string[]): Promise<void> {
    if (symbols.length === 0) return;
    try {
      for (const row of await this.#rest().prices(symbols)) {
        for (const each of group.listeners.get(row.symbol) ?? []) each.quote(quoteOfRow(row));
      }
    } catch (cause) {
      const error = cause instanceof TapeflowError ? cause : new TapeflowError("NOT_POLLED", "Quotes could not be fetched", true, cause);
      for (const symbol of symbols) for (const each of group.listeners.get(symbol) ?? []) each.error(error);
    }
  }
}
