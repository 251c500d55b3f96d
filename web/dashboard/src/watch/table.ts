/**
 * The rows of a list of any length: as many elements as fit into sight, moved and filled anew while it scrolls.
 *
 * Values are written once in a frame, whatever the rate they come at, and only where they changed. Rows in sight are live;
 * they are followed a moment after scrolling ends, so that a fast scroll asks for nothing.
 */
import type { Unsubscribe } from "@tapeflow/client";
import { compact, exact, percent, sign } from "../format.ts";
import { candles } from "../market.ts";
import type { Board } from "./board.ts";
import { Spark, SPARK_BARS } from "./spark.ts";

export const ROW_PX = 32;
const BESIDE = 4;
const SETTLE_MS = 120;
const FLASH_EVERY_MS = 1_200; // a light that never goes out says nothing
const SPARK_INTERVAL = "15m";

class Row {
  readonly element = document.createElement("div");
  readonly #symbol = cell("symbol");
  readonly #price = cell("price");
  readonly #change = cell("change");
  readonly #volume = cell("volume");
  readonly #spark = new Spark();
  #flashedAt = 0;
  symbol: string | null = null;
  #ends: Unsubscribe[] = [];

  constructor() {
    this.element.className = "row";
    this.element.setAttribute("role", "row");
    const spark = cell("spark-cell");
    spark.append(this.#spark.element);
    this.element.append(this.#symbol, this.#price, this.#change, spark, this.#volume);
  }

  place(index: number, symbol: string, chosen: boolean): void {
    if (symbol !== this.symbol) {
      this.release();
      this.symbol = symbol;
      this.#symbol.textContent = symbol;
      this.element.dataset["symbol"] = symbol;
    }
    this.element.setAttribute("aria-rowindex", String(index + 2));
    this.element.setAttribute("aria-selected", String(chosen));
    this.element.style.transform = `translateY(${index * ROW_PX}px)`;
  }

  fill(board: Board): void {
    const brief = this.symbol === null ? undefined : board.get(this.symbol);
    write(this.#price, exact(brief?.price, brief?.scale));
    const change = brief?.change === null || brief === undefined ? null : Number(brief.change);
    write(this.#change, change === null ? "–" : `${sign(change)} ${percent(change)}`);
    this.#change.dataset["way"] = change === null || change === 0 ? "" : change > 0 ? "up" : "down";
    write(this.#volume, brief ? compact(Number(brief.volume)) : "–");
  }

  follow(board: Board): void {
    if (this.symbol === null || this.#ends.length) return;
    const room = { symbol: this.symbol, interval: SPARK_INTERVAL, initialBars: SPARK_BARS } as const;
    this.#ends = [board.follow(this.symbol), candles.follow(room, (message) => this.#spark.take(message))];
  }

  flash(direction: number): void {
    this.#price.dataset["way"] = direction > 0 ? "up" : "down";
    const now = performance.now();
    if (now - this.#flashedAt < FLASH_EVERY_MS) return;
    this.#flashedAt = now;
    const way = `var(--${direction > 0 ? "up" : "down"})`;
    const soft = `var(--${direction > 0 ? "up" : "down"}-soft)`;
    // On its own colour a price would be too pale to read: while the ground shines, the text has the plain one.
    this.#price.animate?.({ backgroundColor: [soft, "transparent"], color: ["var(--text)", way] }, { duration: 600, easing: "ease-out" });
  }

  release(): void {
    this.#ends.forEach((end) => end());
    this.#ends = [];
    this.#spark.clear();
    delete this.#price.dataset["way"];
    this.symbol = null;
  }
}

export class WatchTable {
  readonly #board: Board;
  readonly #say: (text: string) => void;
  readonly #body: HTMLElement;
  readonly #space = document.createElement("div");
  readonly #rows = new Map<string, Row>();
  #spare: Row[] = [];
  #order: readonly string[] = [];
  #chosen: readonly string[] = [];
  #cursor = -1;
  readonly #dirty = new Map<string, number>();
  #frame = 0;
  #settle: ReturnType<typeof setTimeout> | undefined;
  readonly #ends: Unsubscribe[] = [];
  readonly #still = matchMedia("(prefers-reduced-motion: reduce)");

  /** `say` is called with what a screen reader should read when the keyboard moves to a row. */
  constructor(body: HTMLElement, board: Board, choose: (symbol: string, beside: boolean) => void, say: (text: string) => void) {
    this.#say = say;
    this.#body = body;
    this.#board = board;
    this.#space.className = "rows";
    this.#space.setAttribute("role", "presentation");
    body.append(this.#space);
    const scrolled = () => this.#later();
    const clicked = (event: MouseEvent) => {
      const symbol = (event.target as Element).closest<HTMLElement>(".row")?.dataset["symbol"];
      if (symbol) choose(symbol, event.ctrlKey || event.metaKey || event.shiftKey);
    };
    const pressed = (event: KeyboardEvent) => this.#key(event, choose);
    body.addEventListener("scroll", scrolled, { passive: true });
    body.addEventListener("click", clicked);
    body.addEventListener("keydown", pressed);
    const resized = new ResizeObserver(scrolled);
    resized.observe(body);
    this.#ends.push(
      board.onChange((symbol, direction) => this.#changed(symbol, direction)),
      () => body.removeEventListener("scroll", scrolled),
      () => body.removeEventListener("click", clicked),
      () => body.removeEventListener("keydown", pressed),
      () => resized.disconnect(),
    );
  }

  setOrder(order: readonly string[]): void {
    this.#order = order;
    this.#space.style.height = `${order.length * ROW_PX}px`;
    for (const symbol of this.#rows.keys()) this.#dirty.set(symbol, this.#dirty.get(symbol) ?? 0);
    this.#later();
  }

  setChosen(symbols: readonly string[]): void {
    this.#chosen = symbols;
    this.#later();
  }

  destroy(): void {
    this.#ends.forEach((end) => end());
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#settle);
    for (const row of [...this.#rows.values(), ...this.#spare]) row.release();
    this.#space.remove();
  }

  #changed(symbol: string, direction: number): void {
    if (!this.#rows.has(symbol)) return;
    this.#dirty.set(symbol, direction || (this.#dirty.get(symbol) ?? 0));
    this.#later();
  }

  #later(): void {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#frame = 0;
    const first = Math.max(0, Math.floor(this.#body.scrollTop / ROW_PX) - BESIDE);
    const last = Math.min(this.#order.length, Math.ceil((this.#body.scrollTop + this.#body.clientHeight) / ROW_PX) + BESIDE);
    const inSight = new Map<string, number>();
    for (let index = first; index < last; index += 1) inSight.set(this.#order[index]!, index);
    for (const [symbol, row] of this.#rows) {
      if (inSight.has(symbol)) continue;
      this.#rows.delete(symbol);
      row.release();
      row.element.remove();
      this.#spare.push(row);
    }
    let fresh = false;
    for (const [symbol, index] of inSight) {
      let row = this.#rows.get(symbol);
      if (!row) {
        row = this.#spare.pop() ?? new Row();
        this.#rows.set(symbol, row);
        this.#space.append(row.element);
        this.#dirty.set(symbol, 0);
        fresh = true;
      }
      row.place(index, symbol, this.#chosen.includes(symbol));
      row.element.classList.toggle("cursor", index === this.#cursor);
    }
    for (const [symbol, direction] of this.#dirty) {
      const row = this.#rows.get(symbol);
      row?.fill(this.#board);
      if (row && direction && !this.#still.matches) row.flash(direction);
    }
    this.#dirty.clear();
    if (fresh) {
      clearTimeout(this.#settle);
      this.#settle = setTimeout(() => this.#rows.forEach((row) => row.follow(this.#board)), SETTLE_MS);
    }
  }

  #key(event: KeyboardEvent, choose: (symbol: string, beside: boolean) => void): void {
    const page = Math.max(1, Math.floor(this.#body.clientHeight / ROW_PX) - 1);
    const steps: Record<string, number> = {
      ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.#order.length, End: this.#order.length,
    };
    const step = steps[event.key];
    if (event.key === "Enter" && this.#order[this.#cursor] !== undefined) {
      event.preventDefault();
      choose(this.#order[this.#cursor]!, event.ctrlKey || event.metaKey || event.shiftKey);
    }
    if (step === undefined || this.#order.length === 0) return;
    event.preventDefault();
    this.#cursor = Math.min(Math.max(this.#cursor + step, 0), this.#order.length - 1);
    const top = this.#cursor * ROW_PX;
    if (top < this.#body.scrollTop) this.#body.scrollTop = top;
    const bottom = top + ROW_PX - this.#body.clientHeight;
    if (bottom > this.#body.scrollTop) this.#body.scrollTop = bottom;
    this.#draw();
    const symbol = this.#order[this.#cursor]!;
    const brief = this.#board.get(symbol);
    this.#say(brief ? `${symbol} ${brief.price} ${percent(brief.change)}` : symbol);
  }
}

function cell(name: string): HTMLSpanElement {
  const element = document.createElement("span");
  element.className = name;
  element.setAttribute("role", "cell");
  return element;
}

function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
