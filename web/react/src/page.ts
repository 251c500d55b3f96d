/**
 * What the hooks of one page share: a client for each dialect, REST, and how to reach the gateway.
 *
 * A page that the gateway serves needs no setting. Others call `configure` once, before they render; a later call, such as
 * one with another token, moves every hook to the new setting.
 */
import { useSyncExternalStore } from "react";
import {
  AnalyticsClient, CandlesClient, EventClient, PricesClient, QuotesClient, RestClient,
  type AnalyticsOptions, type ConnectionOptions, type Doubles, type EventOptions, type Exact,
} from "@tapeflow/client";
import { Polls } from "./polls.ts";
import { Shared } from "./shared.ts";

export interface PageOptions<E extends Exact = Exact> extends ConnectionOptions<E> {
  /** How long a connection stays after its last user left, in ms; 5,000 by default. */
  lingerMs?: number;
  /** The id after which events begin; `0-0` asks for all there is. */
  lastEventId?: string;
  /** Another implementation of fetch. */
  fetch?: typeof fetch;
}

/** Hooks poll by themselves, each at its own interval, so this client only says when it is time to. */
class SocketQuotes extends QuotesClient {
  protected override async poll(): Promise<void> {}
}

/** The sockets, by dialect. */
export type Dialect = "prices" | "candles" | "quotes" | "analytics";

export class Page {
  readonly polls: Polls;
  readonly prices: Shared<PricesClient>;
  readonly candles: Shared<CandlesClient>;
  readonly quotes: Shared<QuotesClient>;
  readonly analytics: Shared<AnalyticsClient>;
  readonly events: Shared<EventClient>;
  readonly #watchers = new Set<() => void>();
  readonly #options: ConnectionOptions<Doubles> & { fetch?: typeof fetch };
  #rest: RestClient | null = null;

  constructor({ lingerMs = 5_000, ...options }: PageOptions) {
    // Hooks say themselves of which type their numbers are: it is that of `exact`.
    const all = options as AnalyticsOptions & EventOptions;
    const changed = () => this.#watchers.forEach((watcher) => watcher());
    const shared = <C extends { connect(): void; disconnect(): void }>(make: () => C) => new Shared(make, lingerMs, changed);
    this.#options = all as ConnectionOptions<Doubles>;
    this.polls = new Polls(() => this.rest);
    this.prices = shared(() => new PricesClient({ ...all, rest: this.rest }));
    this.candles = shared(() => new CandlesClient(all));
    this.quotes = shared(() => new SocketQuotes({ ...all, rest: this.rest }));
    this.analytics = shared(() => new AnalyticsClient(all));
    this.events = shared(() => new EventClient(all));
  }

  /** Throws TapeflowError where the gateway's address can't be told. */
  get rest(): RestClient {
    return (this.#rest ??= new RestClient(this.#options));
  }

  /** Calls `watcher` when a client was made or is gone, until the returned function is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  retire(): void {
    for (const each of [this.prices, this.candles, this.quotes, this.analytics, this.events]) each.retire();
  }
}

let current: Page | null = null;
const movers = new Set<() => void>();

/** Says how to reach the gateway. */
export function configure<const E extends Exact = Doubles>(options: PageOptions<E>): void {
  const next = new Page(options as PageOptions);
  const last = current;
  current = next;
  for (const mover of [...movers]) mover();
  last?.retire();
}

function page(): Page {
  return (current ??= new Page({}));
}

/** The page's clients; the component renders again when `configure` was called. */
export function usePage(): Page {
  return useSyncExternalStore(watchPage, page, page);
}

function watchPage(mover: () => void): () => void {
  movers.add(mover);
  return () => movers.delete(mover);
}
