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

/** How long before its end a token is renewed, in ms: half a minute, or a tenth of what is left of a short one. */
export function renewBeforeMs(leftMs: number): number {
  return Math.min(30_000, leftMs / 10);
}
