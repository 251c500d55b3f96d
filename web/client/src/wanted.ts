/**
 * Who follows what: a set of names that callers share, and the changes that the server has not been told yet.
 *
 * A name is asked for when its first follower comes, and let go when its last one leaves. Changes are told at the end of
 * the current turn, so those that cancel each other are never told. A list that is scrolled makes changes in every frame,
 * more than a server takes; after the first few they are gathered for a tenth of a second each.
 */
import { Listeners, type Unsubscribe } from "./listeners.ts";

/** So often changes may be told at once; then as often as each of these is earned again. Two messages each: 20 a second. */
const AT_ONCE = 10;
const EARNED_MS = 100;

export class Wanted<A extends readonly unknown[]> {
  readonly #followers = new Map<string, Listeners<A>>();
  readonly #tell: (added: string[], removed: string[]) => void;
  readonly #told = new Set<string>();
  readonly #changed = new Set<string>();
  #credit = AT_ONCE;
  #countedMs = 0;
  #waits = false; // there are changes, and a moment at which they will be told

  /** `tell` is called with the names that were added and removed since the last time. */
  constructor(tell: (added: string[], removed: string[]) => void) {
    this.#tell = tell;
  }

  get size(): number {
    return this.#followers.size;
  }

  names(): IterableIterator<string> {
    return this.#followers.keys();
  }

  has(name: string): boolean {
    return this.#followers.has(name);
  }

  /** Whether the server has been asked for `name`. */
  isTold(name: string): boolean {
    return this.#told.has(name);
  }

  /** The server sends `name` without being asked. */
  tell(name: string): void {
    this.#told.add(name);
  }

  /** All names, which the caller tells the server now. */
  tellAll(): string[] {
    const names = [...this.#followers.keys()];
    this.#told.clear();
    for (const name of names) this.#told.add(name);
    return names;
  }

  follow(name: string, listener: (...args: A) => void): Unsubscribe {
    let followers = this.#followers.get(name);
    if (!followers) {
      followers = new Listeners();
      this.#followers.set(name, followers);
      this.#change(name);
    }
    const all = followers;
    const remove = all.add(listener);
    let gone = false;
    return () => {
      if (gone) return;
      gone = true;
      remove();
      if (all.size === 0 && this.#followers.get(name) === all) {
        this.#followers.delete(name);
        this.#change(name);
      }
    };
  }

  emit(name: string, ...args: A): void {
    this.#followers.get(name)?.emit(...args);
  }

  #change(name: string): void {
    this.#changed.add(name);
    if (this.#waits) return; // it will be told with the others
    this.#waits = true;
    const nowMs = performance.now();
    this.#credit = Math.min(this.#credit + (nowMs - this.#countedMs) / EARNED_MS, AT_ONCE);
    this.#countedMs = nowMs;
    const missing = Math.max(1 - this.#credit, 0);
    this.#credit -= 1;
    if (missing === 0) queueMicrotask(() => this.#flush());
    else setTimeout(() => this.#flush(), missing * EARNED_MS);
  }

  #flush(): void {
    this.#waits = false;
    const changed = [...this.#changed];
    this.#changed.clear();
    const added = changed.filter((name) => this.has(name) && !this.#told.has(name));
    const removed = changed.filter((name) => !this.has(name) && this.#told.has(name));
    for (const name of added) this.#told.add(name);
    for (const name of removed) this.#told.delete(name);
    if (added.length || removed.length) this.#tell(added, removed);
  }
}
