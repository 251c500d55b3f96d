/**
 * What the clients of all dialects have in common: a connection's life, its state and its figures.
 *
 * A dialect adds what may be subscribed and how messages become values. Subscriptions are changed at the end of the current
 * turn, so that a page that mounts a hundred rows sends one message, and one that unmounts and mounts again sends none.
 */
import type { Doubles, Exact } from "./codec.ts";
import { Connection } from "./connection.ts";
import type { TapeflowError } from "./errors.ts";
import type { Unsubscribe } from "./listeners.ts";
import type { ConnectionMetrics, ConnectionOptions, ConnectionState } from "./options.ts";

/** Bytes of the symbols of one message to the server, below its limit of 64 KiB. */
const MESSAGE_BYTES_MAX = 60_000;
const SEQUENCE_BYTES = 18;
const ASCII = /^[\x20-\x7e]*$/;

export abstract class Client<E extends Exact = Doubles> {
  protected readonly connection: Connection;
  protected readonly exact: Exact;

  /** Throws TapeflowError where no address can be told. */
  constructor(path: string, options: ConnectionOptions<E>) {
    this.exact = options.exact ?? false;
    this.connection = new Connection(
      {
        path,
        ping: () => this.ping(),
        opened: () => this.opened(),
        received: (message) => this.received(message),
        subscriptions: () => this.subscriptions(),
        ...(this.poll && { poll: () => this.poll!() }),
      },
      options,
    );
  }

  protected abstract ping(): object;
  protected abstract opened(): object[];
  protected abstract received(message: unknown): boolean;
  protected abstract subscriptions(): number;
  protected poll?(): Promise<void>;

  connect(): void {
    this.connection.connect();
  }

  disconnect(): void {
    this.connection.disconnect();
  }

  reconnect(): void {
    this.connection.reconnect();
  }

  /**
   * Sends a message of the caller's own: now, or when the connection is open again. Up to `messageQueueSize` wait, the oldest
   * go first. Subscriptions need it not: they are sent at each opening.
   */
  send(message: object): void {
    this.connection.send(message);
  }

  isConnected(): boolean {
    return this.connection.isConnected();
  }

  /** Whether values come by REST, as the socket could not be opened for long. */
  isPolling(): boolean {
    return this.connection.isPolling();
  }

  getConnectionState(): ConnectionState {
    return this.connection.getConnectionState();
  }

  onConnectionChange(handler: (state: ConnectionState) => void): Unsubscribe {
    return this.connection.onConnectionChange(handler);
  }

  onError(handler: (error: TapeflowError) => void): Unsubscribe {
    return this.connection.onError(handler);
  }

  /** The last round trip of a ping in ms; 0 before the first. */
  getLatency(): number {
    return this.connection.getLatency();
  }

  /** When the last message came; the epoch before the first. */
  getLastMessageTime(): Date {
    return this.connection.getLastMessageTime();
  }

  getMetrics(): ConnectionMetrics {
    return this.connection.getMetrics();
  }
}

/** `symbols` in groups that each fit into one message; with `resumes` each may stand there again, with a sequence. */
export function inMessages(symbols: Iterable<string>, resumes = false): string[][] {
  const groups: string[][] = [];
  let bytes = MESSAGE_BYTES_MAX;
  for (const symbol of symbols) {
    const name = (ASCII.test(symbol) ? 1 : 3) * symbol.length + 3; // UTF-8 at most, quotes and a comma
    const size = resumes ? 2 * name + SEQUENCE_BYTES : name;
    if (bytes + size > MESSAGE_BYTES_MAX) {
      groups.push([]);
      bytes = 0;
    }
    groups[groups.length - 1]!.push(symbol);
    bytes += size;
  }
  return groups;
}
