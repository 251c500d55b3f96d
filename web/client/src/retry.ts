/** Trying again what failed through no fault of the request. */
import { ApiError } from "./errors.ts";

/** The longest wait that a server's Retry-After is obeyed for; a longer one rejects. */
const RETRY_AFTER_MAX_MS = 60_000;

/**
 * The result of `fn`, tried up to `maxRetries` times with waits of `backoff` ms, doubled each time. An error whose `status`
 * is 400 to 499 is the request's own and rejects at once. Where the server said when to come back (429 and 503 with
 * Retry-After), that is waited for instead.
 */
export async function withRetry<T>(fn: () => Promise<T>, maxRetries = 3, backoff = 100): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await fn();
    } catch (error) {
      const advisedMs = error instanceof ApiError ? error.retryAfterMs : null;
      const mayWait = advisedMs !== null && advisedMs <= RETRY_AFTER_MAX_MS;
      if (attempt >= maxRetries || (isOfRequest(error) && !mayWait)) throw error;
      await sleep(mayWait ? advisedMs : backoff * 2 ** (attempt - 1));
    }
  }
}

function isOfRequest(error: unknown): boolean {
  const status = typeof error === "object" && error !== null && "status" in error ? error.status : undefined;
  return typeof status === "number" && status >= 400 && status < 500;
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
