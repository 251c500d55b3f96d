/**
 * Values by REST while a socket can't be opened: at once, then once in an interval.
 *
 * It works from the first answer on until a poll fails; what is shown is then no longer fresh.
 */
import { TapeflowError } from "./errors.ts";

export class Polling {
  readonly #poll: (() => Promise<void>) | undefined;
  readonly #intervalMs: number;
  readonly #calls: { failed: (error: TapeflowError) => void; changed: () => void };
  #timer: ReturnType<typeof setInterval> | undefined;
  #works = false;

  /** Without `poll` it never works. `changed` is called when `works` is another. */
  constructor(poll: (() => Promise<void>) | undefined, intervalMs: number, calls: { failed: (error: TapeflowError) => void; changed: () => void }) {
    this.#poll = poll;
    this.#intervalMs = intervalMs;
    this.#calls = calls;
  }

  get works(): boolean {
    return this.#works;
  }

  start(): void {
    if (this.#timer !== undefined || !this.#poll) return;
    const timer = (this.#timer = setInterval(() => void this.#ask(timer), this.#intervalMs));
    void this.#ask(timer);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#set(false);
  }

  async #ask(timer: unknown): Promise<void> {
    try {
      await this.#poll?.();
      if (timer === this.#timer) this.#set(true);
    } catch (error) {
      if (timer !== this.#timer) return; // stopped meanwhile
      this.#set(false);
      this.#calls.failed(error instanceof TapeflowError ? error : new TapeflowError("NOT_POLLED", "Prices could not be fetched", true, error));
    }
  }

  #set(works: boolean): void {
    if (works === this.#works) return;
    this.#works = works;
    this.#calls.changed();
  }
}
