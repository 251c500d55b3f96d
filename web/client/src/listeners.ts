/** A set of callbacks. One that throws does not keep the others from being called: its error is reported by the runtime. */
export type Unsubscribe = () => void;

export class Listeners<A extends readonly unknown[]> {
  #all: ReadonlySet<(...args: A) => void> = new Set();

  add(listener: (...args: A) => void): Unsubscribe {
    const entry = (...args: A) => listener(...args); // the same function may be added twice
    this.#all = new Set([...this.#all, entry]);
    return () => {
      const rest = new Set(this.#all);
      rest.delete(entry);
      this.#all = rest;
    };
  }

  get size(): number {
    return this.#all.size;
  }

  emit(...args: A): void {
    for (const each of this.#all) {
      try {
        each(...args);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
