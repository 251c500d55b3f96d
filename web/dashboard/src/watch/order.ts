/**
 * Which symbols a list shows, and in what order. Equal values are in the order of their names, so that rows don't jump.
 *
 * An order that was asked for before is sorted again from where it was, which costs little when few values moved: lists
 * of tens of thousands of symbols are put in order while the page is used.
 */
import type { Sort } from "../view.ts";
import type { Board } from "./board.ts";

export interface Asked {
  /** The symbols of a watchlist; null is all. */
  only: readonly string[] | null;
  search: string;
  sort: Sort;
  descending: boolean;
}

export class Order {
  readonly #board: Board;
  #asked: Asked | null = null;
  #size = 0;
  #last: string[] = [];

  constructor(board: Board) {
    this.#board = board;
  }

  arrange(asked: Asked): readonly string[] {
    const { sort, descending } = asked;
    const found = this.#same(asked) ? [...this.#last] : this.#find(asked);
    const sense = descending ? -1 : 1;
    const rank = (symbol: string) => this.#board.rank(symbol);
    if (sort === "symbol") found.sort((a, b) => sense * (rank(a) - rank(b)));
    else {
      const values = new Map(found.map((symbol) => [symbol, this.#value(symbol, sort)]));
      found.sort((a, b) => {
        const [x, y] = [values.get(a)!, values.get(b)!];
        if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || rank(a) - rank(b);
        return sense * (x - y) || rank(a) - rank(b);
      });
    }
    this.#asked = asked;
    this.#size = this.#board.size;
    this.#last = found;
    return found;
  }

  #same(asked: Asked): boolean {
    const last = this.#asked;
    return last !== null && last.only === asked.only && last.search === asked.search && this.#size === this.#board.size;
  }

  #find({ only, search }: Asked): string[] {
    const wanted = search.trim().toUpperCase();
    const all = only ?? [...this.#board.symbols()];
    return wanted ? all.filter((symbol) => symbol.toUpperCase().includes(wanted)) : [...all];
  }

  #value(symbol: string, sort: Exclude<Sort, "symbol">): number {
    const brief = this.#board.get(symbol);
    if (!brief) return Number.NaN;
    if (sort === "price") return brief.value;
    if (sort === "change") return brief.change === null ? Number.NaN : Number(brief.change);
    return Number(brief.volume) * brief.value; // what changed hands, as sizes of different symbols can't be compared
  }
}
