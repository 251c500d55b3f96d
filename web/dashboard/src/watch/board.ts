/**
 * Every symbol's last price, change and volume: all of them by REST now and then, those in sight live.
 *
 * A gateway may know tens of thousands of symbols, more than one connection may follow. So the list is filled by one request
 * for all, repeated while the page is looked at, and whoever shows a row follows its symbol. A live value is never replaced
 * by an older one.
 */
import { RestClient, type Ticker, type Unsubscribe } from "@tapeflow/client";
import { scaleOf } from "../format.ts";
import { getToken } from "../session.ts";
import { prices } from "../market.ts";

export interface Brief {
  symbol: string;
  /** Decimal text, as it came. */
  price: string;
  /** Per cent since the day before; null where there was none. */
  change: string | null;
  volume: string;
  sequence: number;
  /** The number of `price`, for order and direction. */
  value: number;
  /** The most digits behind the point that were seen of this symbol's prices. */
  scale: number;
}

/** Tens of thousands of rows as doubles, which are read in one go; a row in sight then has all its digits. */
const plain = new RestClient({ getToken });
const REFRESH_MS = 20_000;
const REFRESH_MANY_MS = 60_000;
const MANY = 2_000;

const byName = new Intl.Collator("en", { numeric: true }).compare;
const ROWS_A_FRAME = 2_000;

export class Board {
  readonly #briefs = new Map<string, Brief>();
  readonly #changed = new Set<(symbol: string, direction: number) => void>();
  readonly #grown = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #error: string | null = null;
  #ranks = new Map<string, number>();

  get size(): number {
    return this.#briefs.size;
  }

  /** Why the list could not be loaded; null when it could. */
  get error(): string | null {
    return this.#error;
  }

  get(symbol: string): Brief | undefined {
    return this.#briefs.get(symbol);
  }

  /** Where `symbol` stands among all by its name; behind them where it isn't known. */
  rank(symbol: string): number {
    if (this.#ranks.size !== this.size) {
      this.#ranks = new Map([...this.#briefs.keys()].sort(byName).map((each, index) => [each, index]));
    }
    return this.#ranks.get(symbol) ?? this.size;
  }

  symbols(): IterableIterator<string> {
    return this.#briefs.keys();
  }

  start(): void {
    void this.#load();
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void this.#load();
    });
  }

  /** Calls with each symbol whose values changed, and where its price went: 1, 0 or -1. */
  onChange(listener: (symbol: string, direction: number) => void): Unsubscribe {
    this.#changed.add(listener);
    return () => this.#changed.delete(listener);
  }

  /** Calls after symbols came, all values were loaded, or loading failed. */
  onLoad(listener: () => void): Unsubscribe {
    this.#grown.add(listener);
    return () => this.#grown.delete(listener);
  }

  /** Keeps `symbol` live until the returned function is called. */
  follow(symbol: string): Unsubscribe {
    return prices.follow(symbol, (ticker) => this.#take(ticker));
  }

  async #load(): Promise<void> {
    clearTimeout(this.#timer);
    if (document.visibilityState === "hidden") return;
    try {
      const rows = await plain.market();
      for (const [index, row] of rows.entries()) {
        if (index % ROWS_A_FRAME === 0 && index > 0) await new Promise(requestAnimationFrame);
        const { symbol, sequence, price, volume, changePercent } = row;
        const change = changePercent === null ? null : decimal(changePercent);
        this.#take({ symbol, sequence, price: decimal(price), volume: decimal(volume ?? 0), changePercent: change }, false);
      }
      this.#error = null;
    } catch (error) {
      this.#error = error instanceof Error ? error.message : String(error);
    }
    this.#grown.forEach((each) => each());
    this.#timer = setTimeout(() => void this.#load(), this.size > MANY ? REFRESH_MANY_MS : REFRESH_MS);
  }

  #take(row: Pick<Ticker<string>, "symbol" | "price" | "changePercent" | "volume" | "sequence">, tell = true): void {
    const held = this.#briefs.get(row.symbol);
    if (held && held.sequence >= row.sequence) return;
    const value = Number(row.price);
    const direction = held ? Math.sign(value - held.value) : 0;
    const { symbol, price, volume, sequence } = row;
    this.#briefs.set(symbol, { symbol, price, change: row.changePercent, volume, sequence, value, scale: Math.max(held?.scale ?? 0, scaleOf(price)) });
    if (tell) this.#changed.forEach((each) => each(symbol, direction));
  }
}

/** A double as decimal text, in the fewest digits that name it. */
function decimal(value: number): string {
  const text = String(value);
  return text.includes("e") ? value.toFixed(10).replace(/\.?0+$/, "") : text;
}

export const board = new Board();
