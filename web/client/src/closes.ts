/**
 * What to do when the socket ends, by the server's close code (docs/gateway.md, "Close codes").
 *
 * 4001 asks for another token, 4003 is final, 4008 and 1013 ask for patience, 1001 names the time to come back at. All
 * others, 4009 among them, are tried again by the usual steps and resume where the client was.
 */
import { BACKOFF_MAX_MS, spread } from "./backoff.ts";
import { CLOSE_CODES } from "./generated/messages.ts";

export const CLOSE_NORMAL = 1000;
export const CLOSE_LOST = 1006; // what a browser says of a link that just ended

/** `waitMs` null: by the usual steps. */
export type Plan = { kind: "stop" } | { kind: "token" } | { kind: "retry"; waitMs: number | null };

const ADVICE = /reconnect in (\d+) ?ms/;

export function planAfter(closeCode: number, reason: string, random: () => number): Plan {
  switch (closeCode) {
    case CLOSE_CODES.FORBIDDEN:
      return { kind: "stop" };
    case CLOSE_CODES.TOKEN:
      return { kind: "token" };
    case CLOSE_CODES.RATE:
    case CLOSE_CODES.FULL:
      return { kind: "retry", waitMs: spread(BACKOFF_MAX_MS, random) };
    case CLOSE_CODES.AWAY: {
      const advised = ADVICE.exec(reason)?.[1];
      return { kind: "retry", waitMs: advised === undefined ? null : Math.min(Number(advised), BACKOFF_MAX_MS) };
    }
    default:
      return { kind: "retry", waitMs: null };
  }
}

/** What a person should read about a close. */
export function closeWords(closeCode: number, reason: string): string {
  if (reason) return `${reason} (close code ${closeCode})`;
  if (closeCode === CLOSE_LOST) return "The connection was lost, or the server could not be reached";
  return `The connection ended (close code ${closeCode})`;
}
