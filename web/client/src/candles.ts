/**
 * `/ws/candles`: bars of one symbol and interval, the newest ones first of all, then each as it moves.
 *
 * Many may follow the same room; the server is asked for the most that any of them wants. When a connection opens anew the
 * server sends the newest bars again, which reach back to every bar that ended meanwhile as far as it holds them.
 * CandleSeries makes one gapless series of this and of history.
 */
import { Client } from "./client.ts";
import { convertDecimals, type Doubles, type Exact, type NumberOf } from "./codec.ts";
import type { ConnectionOptions } from "./options.ts";
import { ServerError } from "./errors.ts";
import type { CandlesServerMessage, Interval } from "./generated/messages.ts";
import type { Unsubscribe } from "./listeners.ts";
import { BAR_DECIMALS, type CandlesMessage } from "./values.ts";
import { Wanted } from "./wanted.ts";

export interface CandlesRoom {
  symbol: string;
  interval: Interval;
  /** How many bars to begin with, 100 by default, 1,000 at most. */
  initialBars?: number;
  /** Also the end of a bar that comes after the next one began. */
  finals?: boolean;
  /** Also what late trades change in bars that ended. */
  revisions?: boolean;
}

interface Asked {
  room: CandlesRoom;
  wishes: Set<CandlesRoom>;
}

export class CandlesClient<const E extends Exact = Doubles> extends Client<E> {
  readonly #asked = new Map<string, Asked>();
  readonly #again = new Set<string>();
  readonly #wanted = new Wanted<[CandlesMessage<NumberOf<E>>]>((added, removed) => this.#tell(added, removed));

  constructor(options: ConnectionOptions<E> = {}) {
    super("/ws/candles", options);
  }

  /** Calls `listener` with the messages of a room, until the returned function is called. */
  follow(room: CandlesRoom, listener: (message: CandlesMessage<NumberOf<E>>) => void): Unsubscribe {
    const name = roomName(room.symbol, room.interval);
    const wish = { ...room }; // the same object may be followed twice
    const asked = this.#asked.get(name) ?? { room: wish, wishes: new Set() };
    asked.wishes.add(wish);
    asked.room = most(asked.wishes);
    this.#asked.set(name, asked);
    const begins = !this.#wanted.has(name) && !this.#wanted.isTold(name);
    const end = this.#wanted.follow(name, listener);
    if (!begins) this.#askAgain(name); // whoever comes later gets the newest bars, too
    return () => {
      asked.wishes.delete(wish);
      if (asked.wishes.size) asked.room = most(asked.wishes);
      else if (this.#asked.get(name) === asked) this.#asked.delete(name);
      end();
    };
  }

  protected override ping(): object {
    return { type: "ping" };
  }

  protected override opened(): object[] {
    this.#again.clear();
    this.#wanted.tellAll();
    return [...this.#asked.values()].map(({ room }) => ({ type: "subscribe", ...room }));
  }

  protected override subscriptions(): number {
    return this.#asked.size;
  }

  protected override received(message: unknown): boolean {
    const got = message as CandlesServerMessage<NumberOf<E>>;
    if (got.type === "pong") return true;
    if (got.type === "error") this.connection.report(new ServerError("CANDLES", got.message));
    if (got.type !== "initial" && got.type !== "update") return false;
    for (const bar of got.type === "initial" ? got.bars : [got.bar]) convertDecimals(bar, BAR_DECIMALS, this.exact);
    this.#wanted.emit(roomName(got.symbol, got.interval), got);
    return false;
  }

  #askAgain(name: string): void {
    if (this.#again.size === 0) {
      queueMicrotask(() => {
        for (const each of this.#again) {
          const asked = this.#asked.get(each);
          if (asked) this.connection.sendIfOpen({ type: "subscribe", ...asked.room });
        }
        this.#again.clear();
      });
    }
    this.#again.add(name);
  }

  #tell(added: string[], removed: string[]): void {
    for (const name of removed) {
      const at = name.lastIndexOf("|");
      this.connection.sendIfOpen({ type: "unsubscribe", symbol: name.slice(0, at), interval: name.slice(at + 1) });
    }
    for (const name of added) {
      const asked = this.#asked.get(name);
      if (asked && !this.#again.has(name)) this.connection.sendIfOpen({ type: "subscribe", ...asked.room });
    }
  }
}

function roomName(symbol: string, interval: string): string {
  return `${symbol}|${interval}`; // no symbol holds a bar
}

/** What satisfies all of `wishes`. */
function most(wishes: Set<CandlesRoom>): CandlesRoom {
  const [first, ...others] = wishes;
  return others.reduce<CandlesRoom>(
    (all, each) => ({
      ...all,
      initialBars: Math.max(all.initialBars ?? 100, each.initialBars ?? 100),
      finals: (all.finals || each.finals) ?? false,
      revisions: (all.revisions || each.revisions) ?? false,
    }),
    first!,
  );
}
