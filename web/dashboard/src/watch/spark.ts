/** A day's prices as one small line: the closes of a room's bars, newest at the right edge. */
import type { Candle, CandlesMessage } from "@tapeflow/client";

const WIDTH = 60;
const HEIGHT = 20;
export const SPARK_BARS = 48;

export class Spark {
  readonly element: SVGSVGElement;
  readonly #line: SVGPathElement;
  #closes = new Map<string, number>();

  constructor() {
    this.element = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute("class", "spark");
    this.element.setAttribute("aria-hidden", "true");
    this.#line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    this.element.append(this.#line);
  }

  clear(): void {
    this.#closes.clear();
    this.#line.removeAttribute("d");
  }

  take(message: CandlesMessage<string>): void {
    const bars: Candle<string>[] = message.type === "initial" ? message.bars : [message.bar];
    if (message.type === "initial") this.#closes.clear();
    for (const bar of bars) this.#closes.set(bar.time, Number(bar.close));
    while (this.#closes.size > SPARK_BARS) this.#closes.delete(this.#closes.keys().next().value!);
    this.#draw([...this.#closes.values()]);
  }

  #draw(closes: number[]): void {
    if (closes.length < 2) return;
    const low = Math.min(...closes);
    const span = Math.max(...closes) - low || 1;
    const x = (index: number) => ((index / (closes.length - 1)) * WIDTH).toFixed(1);
    const y = (close: number) => (HEIGHT - 1.5 - ((close - low) / span) * (HEIGHT - 3)).toFixed(1);
    this.#line.setAttribute("d", closes.map((close, index) => `${index ? "L" : "M"}${x(index)} ${y(close)}`).join(""));
    this.element.dataset["way"] = closes.at(-1)! >= closes[0]! ? "up" : "down";
  }
}
