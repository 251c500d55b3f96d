/** The state of a page's connections, for a light that says whether what is shown is live. */
import { useMemo } from "react";
import type { ConnectionState } from "@tapeflow/client";
import { Live, useLive } from "./live.ts";
import { usePage, type Dialect, type Page } from "./page.ts";

export interface UseConnectionReturn {
  /** Of all sockets that are in use: the one that is furthest from open. CLOSED where none is in use. */
  state: ConnectionState;
  /** All of them are open, or polling works in their place. */
  isConnected: boolean;
  /** Values come by sockets, or will again: none of them is polled or given up. */
  isRealTime: boolean;
  /** Values come by REST, as a socket could not be opened for long. */
  isPolling: boolean;
  /** The longest of their last round trips in ms; 0 before the first. */
  latency: number;
  /** When the last message came on any of them, by this machine's clock. */
  lastUpdate: Date | null;
}

const CLOCK_MS = 1_000;
const ORDER: readonly ConnectionState[] = ["CLOSED", "CLOSING", "RECONNECTING", "CONNECTING", "OPEN"];
const NONE: UseConnectionReturn = {
  state: "CLOSED", isConnected: false, isRealTime: false, isPolling: false, latency: 0, lastUpdate: null,
};

/**
 * How the page's sockets are, or the socket of one dialect. It opens none: it speaks of those that other hooks use. A change
 * of state is shown at once, latency and the time of the last message once a second.
 */
export function useConnection(dialect?: Dialect): UseConnectionReturn {
  const page = usePage();
  const live = useMemo(() => connectionOf(page, dialect), [page, dialect]);
  return useLive(live);
}

function connectionOf(page: Page, dialect: Dialect | undefined): Live<UseConnectionReturn> {
  const dialects: readonly Dialect[] = dialect ? [dialect] : ["prices", "candles", "quotes", "analytics"];
  const clients = () => dialects.flatMap((each) => page[each].current ?? []);
  let last = NONE;
  const read = (): UseConnectionReturn => {
    const all = clients();
    if (all.length === 0) return (last = same(last, NONE));
    const states = all.map((each) => each.getConnectionState());
    const heardMs = Math.max(...all.map((each) => each.getLastMessageTime().getTime()));
    return (last = same(last, {
      state: ORDER.find((each) => states.includes(each)) ?? "CLOSED",
      isConnected: all.every((each) => each.isConnected() || each.isPolling()),
      isRealTime: !all.some((each) => each.isPolling() || each.getConnectionState() === "CLOSED"),
      isPolling: all.some((each) => each.isPolling()),
      latency: Math.max(...all.map((each) => each.getLatency())),
      lastUpdate: heardMs > 0 ? new Date(heardMs) : null,
    }));
  };
  return new Live(NONE, (change) => {
    const tell = () => change(read);
    let ends: (() => void)[] = [];
    const listen = () => {
      ends.forEach((end) => end());
      ends = clients().map((client) => client.onConnectionChange(tell));
      tell();
    };
    const unwatch = page.watch(listen);
    const clock = setInterval(tell, CLOCK_MS);
    listen();
    return () => {
      clearInterval(clock);
      unwatch();
      ends.forEach((end) => end());
    };
  });
}

/** `last` where `next` says the same, so that nothing renders. */
function same(last: UseConnectionReturn, next: UseConnectionReturn): UseConnectionReturn {
  const names = Object.keys(next) as (keyof UseConnectionReturn)[];
  const value = (of: UseConnectionReturn, name: keyof UseConnectionReturn) => (name === "lastUpdate" ? of.lastUpdate?.getTime() : of[name]);
  return names.every((name) => value(last, name) === value(next, name)) ? last : next;
}
