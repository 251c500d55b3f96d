/**
 * Watchlists that are followed: the gateway tells what each holds, at first and after every edit, and sends its tickers.
 *
 * `PricesClient` and `QuotesClient` hand in those messages. Each symbol of a list is followed as if by name, but the server isn't asked for
 * it: the list brings it. Several may follow the same list; the server is asked once.
 */
import type { Unsubscribe } from "./listeners.ts";

/** What a list holds now; `deleted` once it is gone. */
export interface ListState {
  readonly id: string;
  readonly name: string;
  readonly symbols: readonly string[];
  readonly deleted: boolean;
}

interface Follower {
  readonly follow: (symbol: string) => Unsubscribe;
  readonly changed: (list: ListState) => void;
  readonly ends: Map<string, Unsubscribe>;
}

export class Lists {
  readonly #followers = new Map<string, Set<Follower>>();
  readonly #states = new Map<string, ListState>();
  readonly #ask: (action: "subscribe" | "unsubscribe", id: string) => void;

  /** `ask` tells the server that a list has its first follower, or has lost its last. */
  constructor(ask: (action: "subscribe" | "unsubscribe", id: string) => void) {
    this.#ask = ask;
  }

  get size(): number {
    return this.#followers.size;
  }

  ids(): string[] {
    return [...this.#followers.keys()];
  }

  follow(id: string, follow: (symbol: string) => Unsubscribe, changed: (list: ListState) => void): Unsubscribe {
    const follower: Follower = { follow, changed, ends: new Map() };
    const known = this.#followers.get(id);
    if (known) {
      known.add(follower);
      const state = this.#states.get(id);
      if (state) apply(follower, state);
    } else {
      this.#followers.set(id, new Set([follower]));
      this.#ask("subscribe", id);
    }
    return () => {
      follower.ends.forEach((end) => end());
      follower.ends.clear();
      const left = this.#followers.get(id);
      if (!left?.delete(follower) || left.size) return;
      this.#followers.delete(id);
      this.#states.delete(id);
      this.#ask("unsubscribe", id);
    };
  }

  /** The server's word on a list. */
  take(state: ListState): void {
    if (!this.#followers.has(state.id)) return; // on its way when it was let go
    this.#states.set(state.id, state);
    for (const follower of this.#followers.get(state.id) ?? []) apply(follower, state);
  }
}

function apply(follower: Follower, state: ListState): void {
  const symbols = new Set(state.symbols);
  for (const [symbol, end] of follower.ends) {
    if (symbols.has(symbol)) continue;
    end();
    follower.ends.delete(symbol);
  }
  for (const symbol of symbols) {
    if (!follower.ends.has(symbol)) follower.ends.set(symbol, follower.follow(symbol));
  }
  follower.changed(state);
}
