/** The page around a client, where there is one: it was shown again, or the machine's network came or went. */
import type { Unsubscribe } from "./listeners.ts";

export function watchPage(calls: { awake: () => void; online: () => void; offline: () => void }): Unsubscribe {
  if (typeof document === "undefined" || typeof globalThis.addEventListener !== "function") return () => {};
  const shown = () => {
    if (document.visibilityState === "visible") calls.awake();
  };
  document.addEventListener("visibilitychange", shown);
  globalThis.addEventListener("online", calls.online);
  globalThis.addEventListener("offline", calls.offline);
  return () => {
    document.removeEventListener("visibilitychange", shown);
    globalThis.removeEventListener("online", calls.online);
    globalThis.removeEventListener("offline", calls.offline);
  };
}
