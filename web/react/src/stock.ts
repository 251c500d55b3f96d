/**
 * The quote of a stock, by `/ws/quotes` or, where that can't be reached, by REST.
 *
 * All components share one socket. When it failed too often in a row, each component polls at its own interval, all that
 * are due in one request, and stops when the socket is back.
 */
import { useEffect, useMemo, useRef } from "react";
import {
  ServerError, quoteOfRow, TapeflowError, type ConnectionState, type QuotesClient, type StockQuote,
} from "@tapeflow/client";
import { Live, useLive, type Change } from "./live.ts";
import { usePage, type Page } from "./page.ts";

export interface UseRealTimeStockOptions<N = number> {
  symbol: string;
  /** Whether to use the socket, true by default; otherwise the quote is polled. */
  enableWebSocket?: boolean;
  /** Whether to poll while there is no socket, true by default. */
  fallbackToPolling?: boolean;
  /** Between two polls in ms, 30,000 by default. */
  pollingInterval?: number;
  /** Called with every quote, also with those between two renders. */
  onUpdate?: (data: StockQuote<N>) => void;
  onError?: (error: Error) => void;
}

export interface UseRealTimeStockReturn<N = number> {
  data: StockQuote<N> | null;
  /** Nothing came yet, neither a quote nor an error. */
  loading: boolean;
  /** What failed last; null again as soon as a quote comes. */
  error: Error | null;
  /** The socket is what quotes come by, or will come by: it is not polled. */
  isRealTime: boolean;
  /** Quotes come: the socket is open, or the last poll was answered. */
  isConnected: boolean;
  connectionState: ConnectionState;
  /** When the last quote came, by this machine's clock. */
  lastUpdate: Date | null;
  /** The last round trip of the socket in ms; 0 before the first. */
  latency: number;
  /** Asks REST at once; resolves when it answered, whatever it said. */
  refetch: () => Promise<void>;
}

type State = Omit<UseRealTimeStockReturn, "refetch">;
type Callbacks = Pick<UseRealTimeStockOptions, "onUpdate" | "onError">;

/** `N` is what `exact` of `configure` makes of decimals. */
export function useRealTimeStock<N = number>(options: UseRealTimeStockOptions<N>): UseRealTimeStockReturn<N> {
  const { symbol, enableWebSocket = true, fallbackToPolling = true, pollingInterval = 30_000, onUpdate, onError } = options;
  const page = usePage();
  const callbacks = useRef<Callbacks>({});
  useEffect(() => {
    callbacks.current = { onUpdate, onError } as Callbacks;
  });
  const stock = useMemo(
    () => new Stock(page, symbol, { enableWebSocket, fallbackToPolling, pollingInterval }, callbacks),
    [page, symbol, enableWebSocket, fallbackToPolling, pollingInterval],
  );
  const state = useLive(stock.live);
  return { ...state, refetch: stock.refetch } as unknown as UseRealTimeStockReturn<N>;
}

class Stock {
  readonly live: Live<State>;
  readonly #page: Page;
  readonly #symbol: string;
  readonly #callbacks: { readonly current: Callbacks };
  readonly #pollingInterval: number | null;
  #state: State;
  #change: Change<State> | null = null;
  #endPolls: (() => void) | null = null;

  constructor(
    page: Page,
    symbol: string,
    ways: { enableWebSocket: boolean; fallbackToPolling: boolean; pollingInterval: number },
    callbacks: { readonly current: Callbacks },
  ) {
    this.#page = page;
    this.#symbol = symbol;
    this.#callbacks = callbacks;
    this.#pollingInterval = ways.fallbackToPolling ? ways.pollingInterval : null;
    this.#state = {
      data: null, loading: true, error: null, isRealTime: ways.enableWebSocket, isConnected: false,
      connectionState: ways.enableWebSocket ? "CONNECTING" : "CLOSED", lastUpdate: null, latency: 0,
    };
    this.live = new Live(this.#state, (change) => {
      this.#change = change;
      const end = ways.enableWebSocket ? this.#listen() : this.#pollOnly();
      return () => {
        this.#change = null;
        end();
      };
    });
  }

  readonly refetch = async (): Promise<void> => {
    try {
      const [row] = await this.#page.rest.prices([this.#symbol]);
      if (row) this.#quote(quoteOfRow(row));
      else this.#failed(new ServerError("SYMBOL_NOT_FOUND", `${this.#symbol} has not traded yet`));
    } catch (error) {
      this.#failed(error instanceof Error ? error : new Error(String(error)));
    }
  };

  #listen(): () => void {
    const { client, end } = this.#page.quotes.use();
    const ends = [
      client.onConnectionChange(() => this.#moved(client)),
      client.onError((error) => {
        if (!(error instanceof ServerError) || names(error.message, this.#symbol)) this.#failed(error);
      }),
      client.follow(this.#symbol, (quote) => this.#quote(quote, client)),
    ];
    this.#moved(client);
    return () => {
      for (const each of ends) each();
      this.#stopPolling();
      end();
    };
  }

  #pollOnly(): () => void {
    if (this.#pollingInterval === null) void this.refetch();
    else this.#startPolling(this.#pollingInterval);
    return () => this.#stopPolling();
  }

  /** The connection's state moved, or it is time to poll, or no longer. */
  #moved(client: QuotesClient): void {
    const connectionState = client.getConnectionState();
    const given = connectionState === "CLOSED";
    if (client.isPolling() && this.#pollingInterval !== null) this.#startPolling(this.#pollingInterval);
    else this.#stopPolling();
    const polls = this.#endPolls !== null;
    const isConnected = client.isConnected() || (polls && this.#state.isConnected && !this.#state.isRealTime);
    this.#set({ connectionState, isRealTime: !client.isPolling() && !given, isConnected });
  }

  #startPolling(intervalMs: number): void {
    this.#endPolls ??= this.#page.polls.follow(this.#symbol, intervalMs, {
      quote: (quote) => {
        this.#set({ isConnected: true });
        this.#quote(quote);
      },
      error: (error) => {
        this.#set({ isConnected: false });
        this.#failed(error);
      },
    });
  }

  #stopPolling(): void {
    this.#endPolls?.();
    this.#endPolls = null;
  }

  #quote(quote: StockQuote, client?: QuotesClient): void {
    const latency = client ? client.getLatency() : this.#state.latency;
    this.#set({ data: quote, loading: false, error: null, lastUpdate: new Date(), latency });
    if (this.#change) this.#callbacks.current.onUpdate?.(quote);
  }

  #failed(error: Error | TapeflowError): void {
    this.#set({ error, loading: false });
    if (this.#change) this.#callbacks.current.onError?.(error);
  }

  #set(part: Partial<State>): void {
    this.#state = { ...this.#state, ...part };
    this.#change?.(() => this.#state);
  }
}

/** Whether `text` speaks of `symbol`, and not only of a longer one that holds it. */
function names(text: string, symbol: string): boolean {
  return ` ${text.replace(/[,;:]/g, " ")} `.includes(` ${symbol.replace(/[,;:]/g, " ")} `);
}
