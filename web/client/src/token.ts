/**
 * Where a client gets its token from, and when it needs a new one.
 *
 * The claims are read without a check, only to learn when the token ends; the server checks them. A new token is asked for
 * shortly before that, so that the connection is renewed rather than refused.
 */

/** Gives a token, or null for none. `refused` is the token that the server did not take, if that is why it is asked. */
export type GetToken = (refused: string | null) => string | null | Promise<string | null>;

/** When the token of a JWT ends, in ms since the epoch; null where it says nothing. */
export function tokenEndMs(token: string): number | null {
  const part = token.split(".")[1];
  if (!part) return null;
  try {
    const claims: unknown = JSON.parse(atob(part.replace(/-/g, "+").replace(/_/g, "/")));
    const end = typeof claims === "object" && claims !== null && "exp" in claims ? claims.exp : null;
    return typeof end === "number" ? end * 1000 : null;
  } catch {
    return null; // not a JWT: the server says what it thinks of it
  }
}

/**
 * In how many ms to ask for a new token: half a minute before the end of this one, or a tenth of its time before. Null where
 * it says nothing of its end, and where it is over already: this machine's clock is wrong, as the server took it.
 */
export function renewInMs(token: string, nowMs: number): number | null {
  const endMs = tokenEndMs(token);
  if (endMs === null || endMs <= nowMs) return null;
  const leftMs = endMs - nowMs;
  return leftMs - Math.min(30_000, leftMs / 10);
}
