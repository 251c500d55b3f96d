/**
 * Who looks at the page: the token that every connection uses, and the question for one when the gateway asks.
 *
 * A token comes by `?token=` (which is taken out of the address at once, so that it is in no bookmark), by the login, or
 * pasted. It lives in the tab's own storage and ends with the tab. While the gateway is open there is none.
 */
import { useSyncExternalStore } from "react";

const KEY = "tapeflow.token";

interface Session {
  token: string | null;
  /** Why the page asks for a token now; null while it doesn't. */
  asks: string | null;
}

let session: Session = { token: takeToken(), asks: null };
const listeners = new Set<() => void>();
let waiting: ((token: string | null) => void)[] = [];

function takeToken(): string | null {
  const url = new URL(location.href);
  const given = url.searchParams.get("token");
  if (given === null) return sessionStorage.getItem(KEY);
  url.searchParams.delete("token");
  history.replaceState(null, "", url);
  sessionStorage.setItem(KEY, given);
  return given;
}

function set(next: Session): void {
  session = next;
  listeners.forEach((each) => each());
}

export function useSession(): Session {
  return useSyncExternalStore(
    (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    () => session,
  );
}

/** For every connection: the token there is; where it was refused, the next one that somebody gives. */
export function getToken(refused: string | null): string | null | Promise<string | null> {
  if (refused === null) return session.token;
  if (session.token !== null && session.token !== refused) return session.token;
  set({ token: session.token, asks: refused ? "The token has ended or is not accepted." : "This gateway asks for a token." });
  return new Promise((done) => waiting.push(done));
}

/** Somebody gave a token. */
export function login(token: string): void {
  sessionStorage.setItem(KEY, token);
  set({ token, asks: null });
  const all = waiting;
  waiting = [];
  all.forEach((done) => done(token));
}

export function logout(): void {
  sessionStorage.removeItem(KEY);
  location.reload();
}

/** What the token says of its owner; nothing is checked here. */
export function ownerOf(token: string | null): string | null {
  try {
    const claims = JSON.parse(atob((token?.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/"))) as Record<string, unknown>;
    return String(claims["username"] ?? claims["userId"] ?? "") || null;
  } catch {
    return null;
  }
}
