/**
 * REST: history, statistics, symbols and watchlists, one method for each operation of `openapi.json`.
 *
 * Symbols are encoded, answers have the types of the document, and a refusal is an ApiError with the server's code and
 * words. Failures that are not the request's own are tried again, and Retry-After is obeyed. With `exact` decimals keep
 * every digit, as text or in numbers of the caller's choice.
 */
import { restUrl } from "./addresses.ts";
import { convertDecimals, type Exact, type NumberOf } from "./codec.ts";
import type { ConnectionOptions } from "./options.ts";
import { ApiError } from "./errors.ts";
import type { Interval } from "./generated/messages.ts";
import type { Ready, SymbolInfo, Watchlist, WatchlistBody } from "./generated/rest.ts";
import { withRetry } from "./retry.ts";
import {
  BAR_DECIMALS, STATS_DECIMALS, TICKER_DECIMALS, TRADE_DECIMALS, type BarRow, type PriceRow, type StatsRow, type TradeRow,
} from "./values.ts";

/** Times in ms since the epoch. */
export interface Range {
  limit?: number;
  startTime?: number;
  endTime?: number;
  order?: "asc" | "desc";
}

/** Bounds of one request for prices: symbols, and characters of its address, whose head the server bounds. */
const PRICES_MAX = 500;
const PRICES_CHARACTERS_MAX = 8_000;

const KEYED_NUMBER = /"(\w+)":\s*(-?\d[\d.eE+-]*)/g;

export class RestClient<const E extends Exact = false> {
  readonly #base: URL;
  readonly #exact: Exact;
  readonly #token: () => string | null | Promise<string | null>;
  readonly #fetch: typeof fetch;

  /** Throws TapeflowError where no address can be told. */
  constructor(options: Pick<ConnectionOptions<E>, "url" | "token" | "getToken" | "exact"> & { fetch?: typeof fetch } = {}) {
    this.#base = restUrl(options.url);
    this.#exact = options.exact ?? false;
    this.#token = () => (options.getToken ? options.getToken(null) : (options.token ?? null));
    this.#fetch = options.fetch ?? ((...args) => fetch(...args));
  }

  async price(symbol: string): Promise<PriceRow<NumberOf<E>>> {
    return this.#get(`/api/prices/${encodeURIComponent(symbol)}`, {}, TICKER_DECIMALS);
  }

  /** The tickers of `symbols` that have traded, in their order. */
  async prices(symbols: readonly string[]): Promise<PriceRow<NumberOf<E>>[]> {
    const all: PriceRow<NumberOf<E>>[] = [];
    for (const part of inRequests(symbols)) {
      all.push(...(await this.#get<PriceRow<NumberOf<E>>[]>("/api/prices", { symbols: part.join(",") }, TICKER_DECIMALS)));
    }
    return all;
  }

  async bars(symbol: string, query: Range & { timeframe?: Interval } = {}): Promise<BarRow<NumberOf<E>>[]> {
    return this.#get(`/api/ohlc/${encodeURIComponent(symbol)}`, query, BAR_DECIMALS);
  }

  async trades(symbol: string, query: Range & { offset?: number; cursor?: string } = {}): Promise<TradeRow<NumberOf<E>>[]> {
    return this.#get(`/api/trades/${encodeURIComponent(symbol)}`, query, TRADE_DECIMALS);
  }

  async stats(symbol: string, period: "1h" | "1d" | "1w" | "1m" | "ytd" | "all" = "1d"): Promise<StatsRow<NumberOf<E>>> {
    return this.#get(`/api/stats/${encodeURIComponent(symbol)}`, { period }, STATS_DECIMALS);
  }

  async symbols(query: { limit?: number; offset?: number } = {}): Promise<SymbolInfo[]> {
    return this.#get("/api/symbols", query);
  }

  async watchlists(): Promise<Watchlist[]> {
    return this.#get("/api/watchlists");
  }

  async createWatchlist(body: WatchlistBody): Promise<Watchlist> {
    return this.#send("POST", "/api/watchlists", body);
  }

  async replaceWatchlist(id: string, body: WatchlistBody): Promise<Watchlist> {
    return this.#send("PUT", `/api/watchlists/${encodeURIComponent(id)}`, body);
  }

  async deleteWatchlist(id: string): Promise<void> {
    return this.#send("DELETE", `/api/watchlists/${encodeURIComponent(id)}`);
  }

  /** What the gateway says of itself and of what it depends on; also while it isn't ready. */
  async readiness(): Promise<Ready> {
    const answer = await this.#ask("GET", "/health/ready");
    return (await answer.json()) as Ready;
  }

  async #get<T>(path: string, query: object = {}, decimals: readonly string[] = []): Promise<T> {
    return withRetry(async () => {
      const answer = await this.#checked(await this.#ask("GET", path, query));
      return this.#read<T>(await answer.text(), decimals);
    });
  }

  async #send<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await this.#checked(await this.#ask(method, path, {}, body)); // not tried again: it may have happened
    const text = await answer.text();
    return (text ? JSON.parse(text) : undefined) as T;
  }

  async #ask(method: string, path: string, query: object = {}, body?: object): Promise<Response> {
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const token = await this.#token();
    const headers: Record<string, string> = {};
    if (token !== null) headers["Authorization"] = `Bearer ${token}`;
    if (body) headers["Content-Type"] = "application/json";
    try {
      return await this.#fetch(url.href, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    } catch (error) {
      throw new ApiError(0, "UNREACHABLE", `${url.origin} could not be reached`, { cause: error });
    }
  }

  async #checked(answer: Response): Promise<Response> {
    if (answer.ok) return answer;
    const said = (await answer.json().catch(() => null)) as { error?: string; message?: string; details?: Record<string, unknown>; requestId?: string } | null;
    const after = Number(answer.headers.get("Retry-After") ?? Number.NaN);
    throw new ApiError(answer.status, said?.error ?? "INTERNAL_ERROR", said?.message ?? `The server answered ${answer.status}`, {
      details: said?.details ?? {},
      requestId: said?.requestId ?? null,
      retryAfterMs: Number.isFinite(after) ? after * 1000 : null,
    });
  }

  #read<T>(text: string, decimals: readonly string[]): T {
    if (this.#exact === false || decimals.length === 0) return JSON.parse(text) as T;
    // Inside a string a quote is escaped, so what matches here is a field and never a part of some text.
    const quoted = text.replace(KEYED_NUMBER, (all, key: string, digits: string) => (decimals.includes(key) ? `"${key}":"${digits}"` : all));
    const value = JSON.parse(quoted) as object;
    for (const row of Array.isArray(value) ? (value as object[]) : [value]) convertDecimals(row, decimals, this.#exact);
    return value as T;
  }
}

/** `symbols` in groups that each fit into one request. */
function inRequests(symbols: readonly string[]): string[][] {
  const groups: string[][] = [];
  let characters = 0;
  for (const symbol of symbols) {
    const size = encodeURIComponent(symbol).length + 3;
    const last = groups.at(-1);
    if (!last || last.length === PRICES_MAX || characters + size > PRICES_CHARACTERS_MAX) {
      groups.push([symbol]);
      characters = size;
    } else {
      last.push(symbol);
      characters += size;
    }
  }
  return groups;
}
