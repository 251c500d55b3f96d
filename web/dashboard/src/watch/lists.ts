/** The user's watchlists, kept by the gateway: loaded once, changed here, and told to whoever shows them. */
import type { Watchlist } from "@tapeflow/client";
import { useSyncExternalStore } from "react";
import { rest } from "../market.ts";

interface Lists {
  all: readonly Watchlist[];
  error: string | null;
}

let lists: Lists = { all: [], error: null };
let loading = false;
const listeners = new Set<() => void>();

function set(next: Lists): void {
  lists = next;
  listeners.forEach((each) => each());
}

async function attempt(work: () => Promise<readonly Watchlist[]>): Promise<void> {
  try {
    set({ all: await work(), error: null });
  } catch (error) {
    set({ ...lists, error: error instanceof Error ? error.message : String(error) });
  }
}

export function useLists(): Lists {
  return useSyncExternalStore(
    (changed) => {
      listeners.add(changed);
      if (!loading) {
        loading = true;
        void attempt(() => rest.watchlists());
      }
      return () => listeners.delete(changed);
    },
    () => lists,
  );
}

/** Makes a list of `symbols`; resolves with its id, or null where it could not be made. */
export async function createList(name: string, symbols: string[]): Promise<string | null> {
  let id: string | null = null;
  await attempt(async () => {
    const made = await rest.createWatchlist({ name, symbols });
    id = made.id;
    return [...lists.all, made];
  });
  return id;
}

export async function deleteList(id: string): Promise<void> {
  await attempt(async () => {
    await rest.deleteWatchlist(id);
    return lists.all.filter((each) => each.id !== id);
  });
}

/** Puts `symbol` into the list, or takes it out where it is in. */
export async function toggleSymbol(list: Watchlist, symbol: string): Promise<void> {
  const symbols = list.symbols.includes(symbol) ? list.symbols.filter((each) => each !== symbol) : [...list.symbols, symbol];
  await attempt(async () => {
    const changed = await rest.replaceWatchlist(list.id, { name: list.name, symbols });
    return lists.all.map((each) => (each.id === list.id ? changed : each));
  });
}
