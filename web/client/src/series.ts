/**
 * One gapless series of bars: history by REST and what is live by socket, spliced.
 *
 * The socket is asked first and history after it, so that nothing falls between them. Each time is held once, in order, in
 * its newest version: what comes late from either side never takes a bar back. After every new beginning of the room, the
 * bars from a hundred before the oldest open one on are fetched, however long the connection was away. Older history is
 * loaded on demand. While the socket is away, history is asked every half minute.
 */
import { backoffMs } from "./backoff.ts";
import { barOfCandle, barOfRow, type Bar } from "./bar.ts";
import { BarList, type SeriesChange } from "./bar_list.ts";
import type { CandlesClient } from "./candles.ts";
import type { Doubles, Exact, NumberOf } from "./codec.ts";
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
/** Final bars that are fetched again after a new beginning, as late trades may have changed them meanwhile. */
const OVERLAP = 100;
/** How long the room may be silent at first before history is shown without it. */
const ROOM_MS = 1_000;
const AWAY_MS = 30_000;

export class CandleSeries<const E extends Exact = Doubles> {
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
  #since: number | null = null; // from here on it is fetched after a new beginning; before that nothing is missing
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
    const end = this.#candles.follow(room, (message) => this.#received(message));
    this.#retryTimer = setTimeout(() => this.#splice(1), ROOM_MS);
    const clock = setInterval(() => {
      if (this.#candles.isConnected() || !this.#spliced) return;
      this.#mark();
      this.#splice(1);
    }, AWAY_MS);
    this.#end = () => {
      clearInterval(clock);
      end();
    };
  }

  close(): void {
    this.#end?.();
    this.#end = null;
    this.#mark();
    this.#spliced = false;
    this.#beginning = Promise.resolve(); // what is under way is for nobody
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

  /**
   * Loads up to a thousand bars older than the oldest; resolves with how many came, rejects with TapeflowError. Calls made
   * meanwhile share it.
   */
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
    if (this.bars[0]?.timeMs !== oldest.timeMs) return 0; // the series began anew, elsewhere
    if (rows.length < PAGE) this.#complete = true;
    this.#merge(rows.map((row) => barOfRow(row)));
    return rows.length;
  }

  #received(message: CandlesMessage<NumberOf<E>>): void {
    if (message.type === "update") {
      const change = this.#list.take(barOfCandle(message.bar));
      if (change) this.#changes.emit(change);
      return;
    }
    this.#mark();
    if (this.#since === null) this.#list.clear(); // bars of an older beginning may not reach to this one
    this.#merge(message.bars.map((bar) => barOfCandle(bar)));
    this.#splice(1);
  }

  /** Notes how far the series has no hole, while that is known. */
  #mark(): void {
    if (!this.#spliced) return;
    const open = this.bars.findIndex((bar) => !bar.final);
    const ended = (open < 0 ? this.bars.length : open) - 1;
    if (ended >= 0) this.#since = this.bars[Math.max(ended - OVERLAP, 0)]!.timeMs;
  }

  /** Fetches what history has and the room may not, until it is had or the room begins anew. */
  #splice(attempt: number): void {
    clearTimeout(this.#retryTimer);
    this.#spliced = false;
    const mine = (this.#beginning = this.#history(this.#since).then((bars) => {
      if (mine !== this.#beginning) return; // the room began anew meanwhile
      this.#spliced = true;
      this.#merge(bars);
    }));
    mine.catch((error: unknown) => {
      if (mine !== this.#beginning || !this.#end) return;
      this.#retryTimer = setTimeout(() => this.#splice(attempt + 1), backoffMs(attempt, 1_000, Math.random));
      this.#errors.emit(error instanceof TapeflowError ? error : new TapeflowError("NO_HISTORY", "History could not be loaded", true, error));
    });
  }

  /** All bars from `since` on; the newest ones where nothing is held that they could continue. */
  async #history(since: number | null): Promise<Bar<NumberOf<E>>[]> {
    if (since === null) {
      const rows = await this.#rest.bars(this.symbol, { timeframe: this.interval, limit: this.#count });
      this.#complete = rows.length < this.#count;
      return rows.map((row) => barOfRow(row));
    }
    const bars: Bar<NumberOf<E>>[] = [];
    for (let startTime = since; ; startTime = bars.at(-1)!.timeMs + 1) {
      const rows = await this.#rest.bars(this.symbol, { timeframe: this.interval, limit: PAGE, startTime, order: "asc" });
      bars.push(...rows.map((row) => barOfRow(row)));
      if (rows.length < PAGE) return bars;
    }
  }

  /** Takes many bars and tells of all at once. */
  #merge(bars: Bar<NumberOf<E>>[]): void {
    if (this.#list.merge(bars)) this.#changes.emit({ kind: "reset" });
  }
}
