/**
 * A value that moves while somebody looks at it: the bridge from clients, which call back, to React, which reads.
 *
 * Its source is started by the first component that subscribes and stopped when the last one leaves, so rendering alone
 * opens nothing, and StrictMode's second mount finds all as it was. Changes are shown once in a frame; the value is only
 * computed then.
 */
import { useSyncExternalStore } from "react";
import { inNextFrame, notInNextFrame } from "./frame.ts";

/** Tells of a change; `value` is called in the next frame, that of the newest change only. */
export type Change<T> = (value: () => T) => void;

export class Live<T> {
  readonly #start: (change: Change<T>) => () => void;
  readonly #listeners = new Set<() => void>();
  #value: T;
  #next: (() => T) | null = null;
  #stop: (() => void) | null = null;

  /** `start` begins to tell of changes and returns what ends it; changes that it tells of itself are shown at once. */
  constructor(initial: T, start: (change: Change<T>) => () => void) {
    this.#value = initial;
    this.#start = start;
  }

  readonly get = (): T => this.#value;

  readonly subscribe = (listener: () => void): (() => void) => {
    const entry = () => listener();
    this.#listeners.add(entry);
    if (this.#listeners.size === 1) {
      this.#stop = this.#start((value) => this.#later(value));
      this.#show();
    }
    return () => {
      if (!this.#listeners.delete(entry) || this.#listeners.size) return;
      this.#stop?.();
      this.#stop = this.#next = null;
      notInNextFrame(this.#show);
    };
  };

  #later(value: () => T): void {
    if (this.#listeners.size === 0) return; // a source that tells of its own end
    this.#next = value;
    inNextFrame(this.#show);
  }

  readonly #show = (): void => {
    const next = this.#next;
    this.#next = null;
    notInNextFrame(this.#show);
    if (!next) return;
    const value = next();
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  };
}

/** The value of `live` now; the component renders again when it moves. */
export function useLive<T>(live: Live<T>): T {
  return useSyncExternalStore(live.subscribe, live.get, live.get);
}
