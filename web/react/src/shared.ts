/**
 * One client for all components of a page: opened for the first user, closed some seconds after the last one left.
 *
 * The wait keeps the connection while a page goes from one view to the next. Nothing is made before the first use.
 */
export interface Opened<C> {
  client: C;
  /** Says that this user left; more than once is once. */
  end: () => void;
}

export class Shared<C extends { connect(): void; disconnect(): void }> {
  readonly #make: () => C;
  readonly #changed: () => void;
  #lingerMs: number;
  #client: C | null = null;
  #users = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `changed` is called when a client was made, and when it is gone. */
  constructor(make: () => C, lingerMs: number, changed: () => void) {
    this.#make = make;
    this.#lingerMs = lingerMs;
    this.#changed = changed;
  }

  /** The client, while there is one. */
  get current(): C | null {
    return this.#client;
  }

  /** Throws TapeflowError where the gateway's address can't be told. */
  use(): Opened<C> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const begins = this.#client === null;
    const client = (this.#client ??= this.#make());
    this.#users += 1;
    if (begins) {
      client.connect();
      this.#changed();
    }
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      this.#users -= 1;
      if (this.#users === 0) this.#timer = setTimeout(() => this.#close(), this.#lingerMs);
    };
    return { client, end };
  }

  /** From now on the client is closed as soon as it has no users. */
  retire(): void {
    this.#lingerMs = 0;
    if (this.#users === 0) this.#close();
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#client?.disconnect();
    this.#client = null;
    this.#changed();
  }
}
