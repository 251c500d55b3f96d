/** News, price alerts, states of the system and alerts of `/api/events`, as a component shows them. */
import { useEffect, useMemo, useRef } from "react";
import type { ConnectionState, EventData } from "@tapeflow/client";
import { Live, useLive } from "./live.ts";
import { usePage, type Page } from "./page.ts";

export type EventType = keyof EventData;

/** One event, told apart by `type`. */
export type ReceivedEvent = { [T in EventType]: { type: T; id: string; data: EventData[T] } }[EventType];

export interface UseEventsOptions {
  /** All of them by default. */
  types?: readonly EventType[];
  /** How many are held, 100 by default; the oldest go first. */
  keep?: number;
  /** Called with every event, also with those between two renders. */
  onEvent?: (event: ReceivedEvent) => void;
}

export interface UseEventsReturn {
  /** Newest first. */
  events: readonly ReceivedEvent[];
  /** What failed last; null again when the stream opens. */
  error: Error | null;
  isConnected: boolean;
  connectionState: ConnectionState;
}

const TYPES: readonly EventType[] = ["news", "price_alert", "system_status", "alert", "gap"];

export function useEvents({ types = TYPES, keep = 100, onEvent }: UseEventsOptions = {}): UseEventsReturn {
  const page = usePage();
  const call = useRef(onEvent);
  useEffect(() => {
    call.current = onEvent;
  });
  const key = types.join();
  const live = useMemo(() => eventsOf(page, key ? (key.split(",") as EventType[]) : [], keep, call), [page, key, keep]);
  return useLive(live);
}

function eventsOf(
  page: Page, types: readonly EventType[], keep: number, call: { readonly current: UseEventsOptions["onEvent"] },
): Live<UseEventsReturn> {
  let state: UseEventsReturn = { events: [], error: null, isConnected: false, connectionState: "CONNECTING" };
  return new Live(state, (change) => {
    const set = (part: Partial<UseEventsReturn>) => {
      state = { ...state, ...part };
      change(() => state);
    };
    const { client, end } = page.events.use();
    const moved = () => {
      const isConnected = client.isConnected();
      set({ isConnected, connectionState: client.getConnectionState(), ...(isConnected && { error: null }) });
    };
    const ends = [
      client.onConnectionChange(moved),
      client.onError((error) => set({ error })),
      ...types.map((type) =>
        client.on(type, (data, id) => {
          const event = { type, id, data } as ReceivedEvent;
          set({ events: [event, ...state.events].slice(0, keep) });
          call.current?.(event);
        }),
      ),
    ];
    moved();
    return () => {
      for (const each of ends) each();
      end();
    };
  });
}
