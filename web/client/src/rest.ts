/**
 * REST: prices, history, statistics, symbols, watchlists and health, by the operations of `openapi.json`.
 *
 * Symbols are encoded, answers have the types of the document, and a refusal is an ApiError with the server's code and
 * words. Reading is tried again where the failure is not the request's own, and Retry-After is obeyed; writing is not, as it
 * may have happened. A refused token is replaced once. With `exact` decimals keep every digit.
 */
import { restUrl } from "./addresses.ts";
import { refusal } from "./answers.ts";
import { convertDecimals, type Doubles, type Exact, type NumberOf } from "./codec.ts";
import { ApiError } from "./errors.ts";
import type { Interval } from "./generated/messages.ts";
import type {
  AboutAnswer, AlertAnswer, AlertRuleAnswer, AlertRuleBody, Alive, ExposureWindow, FiredAlert, FlowsAnswer, GetAlertsQuery,
  GetExposureWindowsQuery, GetLpWindowsQuery, GetPriceAlertsQuery, GetRoutingWindowsQuery, LpWindow, PreviewAnswer, PreviewBody, Ready,
  ReportAnswer, ReportBody, RoutingWindow, SymbolInfo, Watchlist, WatchlistBody, WsStatsAnswer,
} from "./generated/rest.ts";
import { withRetry } from "./retry.ts";
import type { GetToken } from "./token.ts";
import {
  BAR_DECIMALS, MARKET_DECIMALS, QUOTE_BAR_DECIMALS, STATS_DECIMALS, TICKER_DECIMALS, TRADE_DECIMALS, WINDOW_DECIMALS, type BarRow, type MarketRow, type PriceRow,
  type QuoteBarRow,
  type StatsRow, type TradeRow,
} from "./values.ts";

/** Times in ms since the epoch. */
export interface Range {
  limit?: number;
  startTime?: number;
  endTime?: number;
  order?: "asc" | "desc";
}

export interface RestOptions<E extends Exact = Doubles> {
  /** The gateway's address; in a page of the gateway it may be left out. */
  url?: string;
  token?: string | null;
  getToken?: GetToken;
  /** Decimals as text or as numbers of a library. */
  exact?: E;
  /** Another implementation of fetch. */
  fetch?: typeof fetch;
}

/** Bounds of one request for prices: symbols, and characters of its address, whose head the server bounds. */
const PRICES_MAX = 500;
const PRICES_CHARACTERS_MAX = 8_000;

const KEYED_NUMBER = /"(\w+)":\s*(-?\d[\d.eE+-]*)/g;

export class RestClient<const E extends Exact = Doubles> {
  readonly #base: URL;
  readonly #exact: Exact;
  readonly #token: GetToken;
  readonly #renews: boolean;
  readonly #fetch: typeof fetch;

  /** Throws TapeflowError where no address can be told. */
  constructor(options: RestOptions<E> = {}) {
    this.#base = restUrl(options.url);
    this.#exact = options.exact ?? false;
    this.#token = options.getToken ?? (() => options.token ?? null);
    this.#renews = options.getToken !== undefined;
    this.#fetch = options.fetch ?? ((...args) => fetch(...args));
  }

  /** Every symbol's ticker in brief, by name. */
  async market(): Promise<MarketRow<NumberOf<E>>[]> {
    return this.#get("/api/market", {}, MARKET_DECIMALS);
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

  /** Bars of quotes: bid, ask and spreads, where the quotes flow keeps them. */
  async quoteBars(symbol: string, query: Range & { timeframe?: Interval } = {}): Promise<QuoteBarRow<NumberOf<E>>[]> {
    return this.#get(`/api/quotes/${encodeURIComponent(symbol)}`, query, QUOTE_BAR_DECIMALS);
  }

  async trades(symbol: string, query: Range & { offset?: number; cursor?: string } = {}): Promise<TradeRow<NumberOf<E>>[]> {
    return this.#get(`/api/trades/${encodeURIComponent(symbol)}`, query, TRADE_DECIMALS);
  }

  /** Trades page by page, newest first unless `order` says otherwise, until there are no more or the caller stops. */
  async *tradePages(symbol: string, query: Range = {}): AsyncGenerator<TradeRow<NumberOf<E>>[], void, void> {
    let cursor: string | null = null;
    do {
      const path = `/api/trades/${encodeURIComponent(symbol)}`;
      const answer = await this.#read(path, { ...query, ...(cursor !== null && { cursor }) });
      const rows = this.#parse<TradeRow<NumberOf<E>>[]>(answer.text, TRADE_DECIMALS);
      if (rows.length) yield rows;
      cursor = answer.headers.get("X-Next-Cursor");
    } while (cursor !== null);
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

  async watchlist(id: string): Promise<Watchlist> {
    return this.#get(`/api/watchlists/${encodeURIComponent(id)}`);
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

  async reports(): Promise<ReportAnswer[]> {
    return this.#get("/api/reports");
  }

  /** Answered at once; `report` says how far it is. */
  async createReport(body: ReportBody): Promise<ReportAnswer> {
    return this.#send("POST", "/api/reports", body);
  }

  async report(id: string): Promise<ReportAnswer> {
    return this.#get(`/api/reports/${encodeURIComponent(id)}`);
  }

  async deleteReport(id: string): Promise<void> {
    return this.#send("DELETE", `/api/reports/${encodeURIComponent(id)}`);
  }

  /** The rows as they come, which may be many: `text`, `blob` or `body` of the answer. */
  async reportResult(id: string, format: "arrow" | "csv" | "json" | "parquet" = "json"): Promise<Response> {
    return this.#answer("GET", `/api/reports/${encodeURIComponent(id)}/result`, { format });
  }

  async alertRules(): Promise<AlertRuleAnswer[]> {
    return this.#get("/api/alert-rules");
  }

  async alertRule(id: string): Promise<AlertRuleAnswer> {
    return this.#get(`/api/alert-rules/${encodeURIComponent(id)}`);
  }

  async createAlertRule(body: AlertRuleBody): Promise<AlertRuleAnswer> {
    return this.#send("POST", "/api/alert-rules", body);
  }

  async replaceAlertRule(id: string, body: AlertRuleBody): Promise<AlertRuleAnswer> {
    return this.#send("PUT", `/api/alert-rules/${encodeURIComponent(id)}`, body);
  }

  async deleteAlertRule(id: string): Promise<void> {
    return this.#send("DELETE", `/api/alert-rules/${encodeURIComponent(id)}`);
  }

  /** When a rule would have fired. */
  async previewAlertRule(body: PreviewBody): Promise<PreviewAnswer> {
    return this.#send("POST", "/api/alert-rules/preview", body);
  }

  /** What the user's rules fired, newest first. */
  async priceAlerts(query: GetPriceAlertsQuery = {}): Promise<FiredAlert[]> {
    return this.#get("/api/price-alerts", query);
  }

  /** Routing decisions of a desk by windows, newest first. */
  async routingWindows(query: GetRoutingWindowsQuery = {}): Promise<RoutingWindow<NumberOf<E>>[]> {
    return this.#get("/api/analytics/routing", query, WINDOW_DECIMALS);
  }

  /** Its liquidity providers. */
  async lpWindows(query: GetLpWindowsQuery = {}): Promise<LpWindow<NumberOf<E>>[]> {
    return this.#get("/api/analytics/lp", query, WINDOW_DECIMALS);
  }

  /** Its exposure. */
  async exposureWindows(query: GetExposureWindowsQuery = {}): Promise<ExposureWindow<NumberOf<E>>[]> {
    return this.#get("/api/analytics/exposure", query, WINDOW_DECIMALS);
  }

  /** Alerts of a desk, newest first. */
  async alerts(query: GetAlertsQuery = {}): Promise<AlertAnswer[]> {
    return this.#get("/api/alerts", query);
  }

  async alert(id: string): Promise<AlertAnswer> {
    return this.#get(`/api/alerts/${encodeURIComponent(id)}`);
  }

  /** Says that the user looks after an alert, where the role may; how it is now. */
  async acknowledgeAlert(id: string): Promise<AlertAnswer> {
    return this.#send("POST", `/api/alerts/${encodeURIComponent(id)}/acknowledge`);
  }

  /** What this gateway is, and whether it asks for tokens. */
  async about(): Promise<AboutAnswer> {
    return this.#get("/api/about");
  }

  async health(): Promise<Alive> {
    return this.#get("/health");
  }

  /** What the gateway says of what it depends on; also while it isn't ready. */
  async readiness(): Promise<Ready> {
    return (await (await this.#ask("GET", "/health/ready", {}, undefined, null)).json()) as Ready;
  }

  /** Rooms and clients of all its processes. */
  async wsStats(): Promise<WsStatsAnswer> {
    return this.#get("/health/ws-stats");
  }

  /** How the flows do that the gateway was told of. */
  async flows(): Promise<FlowsAnswer> {
    return this.#get("/health/flows");
  }

  /** Figures in the text format of Prometheus. */
  async metrics(): Promise<string> {
    return (await this.#read("/metrics", {})).text;
  }

  async #get<T>(path: string, query: object = {}, decimals: readonly string[] = []): Promise<T> {
    return this.#parse<T>((await this.#read(path, query)).text, decimals);
  }

  #read(path: string, query: object): Promise<{ text: string; headers: Headers }> {
    return withRetry(async () => {
      const answer = await this.#answer("GET", path, query);
      return { text: await this.#text(answer), headers: answer.headers };
    });
  }

  async #send<T>(method: string, path: string, sent?: object): Promise<T> {
    const text = await this.#text(await this.#answer(method, path, {}, sent));
    return (text ? JSON.parse(text) : undefined) as T;
  }

  /** An answer that is not a refusal. */
  async #answer(method: string, path: string, query: object, sent?: object): Promise<Response> {
    const token = await this.#token(null);
    let answer = await this.#ask(method, path, query, sent, token);
    if (answer.status === 401 && this.#renews) answer = await this.#ask(method, path, query, sent, await this.#token(token ?? ""));
    if (!answer.ok) throw await refusal(answer);
    return answer;
  }

  async #ask(method: string, path: string, query: object, sent: object | undefined, token: string | null): Promise<Response> {
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const headers: Record<string, string> = {};
    if (token !== null) headers["Authorization"] = `Bearer ${token}`;
    if (sent) headers["Content-Type"] = "application/json";
    try {
      return await this.#fetch(url.href, { method, headers, ...(sent && { body: JSON.stringify(sent) }) });
    } catch (error) {
      throw this.#unreachable(error);
    }
  }

  async #text(answer: Response): Promise<string> {
    try {
      return await answer.text();
    } catch (error) {
      throw this.#unreachable(error); // it broke off in the middle
    }
  }

  #unreachable(cause: unknown): ApiError {
    return new ApiError(0, "UNREACHABLE", `${this.#base.origin} could not be reached`, { cause });
  }

  #parse<T>(text: string, decimals: readonly string[]): T {
    if (this.#exact === false || decimals.length === 0) return JSON.parse(text) as T;
    // Inside a string a quote is escaped, so what matches here is a field and never a part of some text.
    const quoted = text.replace(KEYED_NUMBER, (all, key: string, digits: string) => (decimals.includes(key) ? `"${key}":"${digits}"` : all));
    const value = JSON.parse(quoted) as object;
    for (const row of Array.isArray(value) ? (value as object[]) : [value]) {
      convertDecimals(row, decimals, this.#exact);
      for (const part of Object.values(row)) if (part !== null && typeof part === "object") convertDecimals(part as object, decimals, this.#exact);
    }
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
