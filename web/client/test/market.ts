/**
 * A market whose bars are known, as an oracle for series: trades, ends of bars, late trades, and what a gateway says of them.
 *
 * It shares no code with the client. Every version of a bar has a number of its own, which only grows; it is the bar's volume.
 */
export interface Version {
  minute: number;
  version: number;
  tradeCount: number;
  final: boolean;
  revision: number;
}

/** Numbers in [0, 1) from a seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const LATE_MINUTES = 5;

export class Market {
  readonly bars = new Map<number, Version>();
  /** All that a room sends, in order. */
  readonly said: Version[] = [];
  readonly #random: () => number;
  #minute = 0;
  #version = 0;

  constructor(random: () => number, minutes: number) {
    this.#random = random;
    for (let at = 0; at < minutes; at += 1) {
      this.#minute += 1;
      this.#put({ minute: this.#minute, tradeCount: 1 + Math.floor(random() * 5), final: true, revision: 0 });
    }
    this.said.length = 0;
  }

  /** One thing happens. */
  step(): void {
    const dice = this.#random();
    const newest = this.bars.get(this.#minute);
    if (dice < 0.45 && newest && !newest.final) this.#put({ ...newest, tradeCount: newest.tradeCount + 1 });
    else if (dice < 0.7) this.#begin();
    else if (dice < 0.85) this.#end();
    else this.#late();
  }

  /** As history would answer, oldest first. */
  sorted(): Version[] {
    return [...this.bars.values()].sort((a, b) => a.minute - b.minute);
  }

  #begin(): void {
    if (this.sorted().slice(-10).filter((bar) => !bar.final).length > 2) this.#end(); // patience with late trades ends
    this.#minute += this.#random() < 0.2 ? 2 : 1; // a minute without a trade has no bar
    this.#put({ minute: this.#minute, tradeCount: 1, final: false, revision: 0 });
  }

  /** The oldest bar that is open ends, once a newer one began. */
  #end(): void {
    const open = this.sorted().slice(-10).find((bar) => !bar.final && bar.minute < this.#minute);
    if (open) this.#put({ ...open, final: true });
  }

  /** A late trade changes a bar that ended, or makes one where none was. */
  #late(): void {
    const minute = Math.max(this.#minute - 1 - Math.floor(this.#random() * LATE_MINUTES), 1);
    const bar = this.bars.get(minute);
    if (!bar) this.#put({ minute, tradeCount: 1, final: true, revision: 1 });
    else if (bar.final) this.#put({ ...bar, tradeCount: bar.tradeCount + 1, revision: bar.revision + 1 });
  }

  #put(bar: Omit<Version, "version">): void {
    this.#version += 1;
    const version = { ...bar, version: this.#version };
    this.bars.set(bar.minute, version);
    this.said.push(version);
  }
}

const figures = (bar: Version) => ({
  open: 1, high: 1, low: 1, close: 1, volume: bar.version, quoteVolume: 1, vwap: 1, tradeCount: bar.tradeCount, final: bar.final,
  revision: bar.revision,
});

export const asCandle = (bar: Version) => ({ time: new Date(bar.minute * 60_000).toISOString(), ...figures(bar) });
export const asRow = (bar: Version) => ({ symbol: "A", time: bar.minute * 60_000, ...figures(bar), sequence: bar.version });

/** What `/api/ohlc` answers of `bars`. */
export function history(bars: readonly Version[], query: URLSearchParams): ReturnType<typeof asRow>[] {
  const start = Number(query.get("startTime") ?? "-Infinity");
  const end = Number(query.get("endTime") ?? "Infinity");
  const limit = Number(query.get("limit") ?? "100");
  const rows = bars.map(asRow).filter(({ time }) => time >= start && time <= end);
  if (query.get("order") === "asc" && query.has("startTime")) return rows.slice(0, limit);
  const newest = rows.slice(-limit);
  return query.get("order") === "asc" ? newest : newest.reverse();
}
