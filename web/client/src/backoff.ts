/**
 * How long to wait before the next attempt: 1, 2, 4, 8, 16, then 30 seconds, each shortened by up to a half at random.
 *
 * The random part keeps clients that lost the same server from coming back in one moment. A wait is never longer than the
 * step says, so the tenth attempt is made within three minutes of the first.
 */

export const BACKOFF_MAX_MS = 30_000;

/** The wait before attempt `attempt` (1 is the first) in ms; `firstMs` is the first step, `random` gives [0, 1). */
export function backoffMs(attempt: number, firstMs: number, random: () => number): number {
  return spread(stepMs(attempt, firstMs), random);
}

/** The step without its random part, in ms. */
export function stepMs(attempt: number, firstMs: number): number {
  const step = firstMs * 2 ** Math.min(Math.max(attempt - 1, 0), 30);
  return step > 16 * firstMs ? Math.max(BACKOFF_MAX_MS, firstMs) : Math.min(step, Math.max(BACKOFF_MAX_MS, firstMs));
}

/** Between a half of `ms` and `ms`. */
export function spread(ms: number, random: () => number): number {
  return Math.round(ms * (0.5 + random() / 2));
}
