/**
 * One gapless series of bars: history by REST and what is live by socket, spliced.
 *
 * The socket is asked first and history after it, so that nothing falls between them. Each time is held once, in order, in
 * its newest version: what comes late from either side never takes a bar back. After every new beginning of the room, the
 * bars since the last final one are fetched again, however long the connection was away. Older history is loaded on demand.
 */
import { backoffMs } from "./backoff.ts";
import { barOfCandle, barOfRow, type Bar } from "./bar.ts";
import { BarList, type SeriesChange } from "./bar_list.ts";
import type { CandlesClient } from "./candles.ts";
import type { Exact, NumberOf } from "./codec.ts";
import { TapeflowError } from "./errors.ts";
import type { Interval } from "./generated/messages.ts";
import { Listeners, type Unsubscribe } from "./listeners.ts";
import type { RestClient } from "./rest.ts";
import type { CandlesMessage } from "./values.ts";

export interface SeriesOptions {
  symbol: string;
  interval: Interval;
  /** How many bars to begin with, 500 by default, 1,000 at most. */
  bars?: number;
}

const PAGE = 1_000;
const INITIAL_BARS = 100;

export class CandleSeries<const E extends Exact = false> {
  readonly symbol: string;
  readonly interval: Interval;
  readonly #candles: CandlesClient<E>;
  readonly #rest: RestClient<E>;
  readonly #count: number;
  readonly #changes = new Listeners<[SeriesChange]>();
  readonly #errors = new Listeners<[TapeflowError]>();
  readonly #list = new BarList<NumberOf<E>>();
  #end: Unsubscribe | null = null;
  #beginning: Promise<void> = Promise.resolve();
  #older: Promise<number> | null = null;
  #complete = false;
  #spliced = false; // history and the room meet
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(candles: CandlesClient<E>, rest: RestClient<E>, options: SeriesOptions) {
    this.#candles = candles;
    this.#rest = rest;
    this.symbol = options.symbol;
    this.interval = options.interval;
    this.#count = Math.min(options.bars ?? 500, PAGE);
  }

  /** Oldest first, each time once. The array is replaced or changed in place; don't change it. */
  get bars(): readonly Bar<NumberOf<E>>[] {
    return this.#list.bars;
  }

  /** Whether there is no older bar to load. */
  get complete(): boolean {
    return this.#complete;
  }

  open(): void {
    if (this.#end) return;
    const room = { symbol: this.symbol, interval: this.interval, initialBars: INITIAL_BARS, finals: true, revisions: true };
    this.#end = this.#candles.follow(room, (message) => this.#received(message));
  }

  close(): void {
    this.#end?.();
    this.#end = null;
    this.#spliced = false;
    clearTimeout(this.#retryTimer);
  }

  onChange(listener: (change: SeriesChange) => void): Unsubscribe {
    return this.#changes.add(listener);
  }

  onError(listener: (error: TapeflowError) => void): Unsubscribe {
    return this.#errors.add(listener);
  }

  /** Resolves when history has come up to the newest beginning of the room; rejects with its error. */
  get settled(): Promise<void> {
    return this.#beginning;
  }

  /** Loads up to a thousand bars older than the oldest; resolves with how many came. Calls made meanwhile share it. */
  loadOlder(): Promise<number> {
    this.#older ??= this.#loadOlder().finally(() => {
      this.#older = null;
    });
    return this.#older;
  }

  async #loadOlder(): Promise<number> {
    const oldest = this.bars[0];
    if (!oldest || this.#complete) return 0;
    const rows = await this.#rest.bars(this.symbol, { timeframe: this.interval, limit: PAGE, endTime: oldest.timeMs - 1 });
    const before = rows.map((row) => barOfRow<NumberOf<E>>(row)).filter((bar) => bar.timeMs < this.bars[0]!.timeMs);
    if (rows.length < PAGE) this.#complete = true;
    if (before.length) this.#merge(before);
    return before.length;
  }

  #received(message: CandlesMessage<NumberOf<E>>): void {
    if (message.type === "update") {
      const change = this.#list.take(barOfCandle<NumberOf<E>>(message.bar));
      if (change) this.#changes.emit(change);
      return;
    }
    const since = this.#spliced ? (this.bars.findLast((bar) => bar.final)?.timeMs ?? null) : null;
    if (!this.#spliced) this.#list.clear();
    this.#merge(message.bars.map((bar) => barOfCandle<NumberOf<E>>(bar)));
    this.#splice(since, 1);
  }

  /** Fetches what history has and the room may not, until it is had or the room begins anew. */
  #splice(since: number | null, attempt: number): void {
    clearTimeout(this.#retryTimer);
    this.#spliced = false;
    const mine = (this.#beginning = this.#catchUp(since));
    mine.then(
      () => {
        if (mine === this.#beginning) this.#spliced = true;
      },
      (error: unknown) => {
        if (mine !== this.#beginning || !this.#end) return;
        this.#errors.emit(error instanceof TapeflowError ? error : new TapeflowError("NO_HISTORY", "History could not be loaded", true, error));
        this.#retryTimer = setTimeout(() => this.#splice(since, attempt + 1), backoffMs(attempt, 1_000, Math.random));
      },
    );
  }

  /** From the last bar that was final before the room began anew; the newest ones where there is none. */
  async #catchUp(since: number | null): Promise<void> {
    if (since === null) {
      const rows = await this.#rest.bars(this.symbol, { timeframe: this.interval, limit: this.#count });
      if (rows.length < this.#count) this.#complete = true;
      return this.#merge(rows.map((row) => barOfRow<NumberOf<E>>(row)));
    }
    for (let startTime = since; ; ) {
      const rows = await this.#rest.bars(this.symbol, { timeframe: this.interval, limit: PAGE, startTime, order: "asc" });
      this.#merge(rows.map((row) => barOfRow<NumberOf<E>>(row)));
      if (rows.length < PAGE) return;
      startTime = rows.at(-1)!.time + 1;
    }
  }

  /** Takes many bars and tells of all at once. */
  #merge(bars: Bar<NumberOf<E>>[]): void {
    if (this.#list.merge(bars)) this.#changes.emit({ kind: "reset" });
  }
}
