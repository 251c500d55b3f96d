/**
 * Bars of one symbol and interval in order, each time once, in its newest version.
 *
 * They come from history, from the newest bars of a room and from its updates, in any order and again and again. What is
 * held afterwards depends only on which versions came, never on their order.
 */
import { isNewer, type Bar } from "./bar.ts";

/**
 * What happened to a list: `reset`, all bars are to be taken anew; `update`, the newest bar moved or a newer one began;
 * `revision`, the bar at `index` of those before it changed; `insert`, a bar that was not there came in at `index`.
 */
export type SeriesChange = { kind: "reset" } | { kind: "update" | "revision" | "insert"; index: number };

export class BarList<N = number> {
  #bars: Bar<N>[] = [];

  /** Oldest first. The array is replaced or changed in place; don't change it. A bar itself never changes. */
  get bars(): readonly Bar<N>[] {
    return this.#bars;
  }

  clear(): void {
    this.#bars = [];
  }

  /** Takes many bars; says whether anything changed. */
  merge(bars: readonly Bar<N>[]): boolean {
    const byTime = new Map(this.#bars.map((bar) => [bar.timeMs, bar]));
    let changed = false;
    for (const bar of bars) {
      const held = byTime.get(bar.timeMs);
      if (held && !isNewer(bar, held)) continue;
      byTime.set(bar.timeMs, bar);
      changed = true;
    }
    if (changed) this.#bars = [...byTime.values()].sort((a, b) => a.timeMs - b.timeMs);
    return changed;
  }

  /** Takes one bar; null where what is held is as new. */
  take(bar: Bar<N>): SeriesChange | null {
    const last = this.#bars.length - 1;
    let index = last;
    while (index >= 0 && this.#bars[index]!.timeMs > bar.timeMs) index -= 1;
    const held = this.#bars[index];
    if (held?.timeMs === bar.timeMs) {
      if (!isNewer(bar, held)) return null;
      this.#bars[index] = bar;
      return { kind: index === last ? "update" : "revision", index };
    }
    this.#bars.splice(index + 1, 0, bar);
    return { kind: index === last ? "update" : "insert", index: index + 1 };
  }
}
