/** What an HTTP answer of the gateway that refuses says: its error in the gateway's shape, and when to come back. */
import { ApiError } from "./errors.ts";
import type { ErrorBody } from "./generated/rest.ts";

export async function refusal(answer: Response): Promise<ApiError> {
  const said = (await answer.json().catch(() => null)) as Partial<ErrorBody> | null; // a proxy's page is no JSON
  return new ApiError(answer.status, said?.error ?? "INTERNAL_ERROR", said?.message ?? `The server answered ${answer.status}`, {
    details: said?.details ?? {},
    requestId: said?.requestId ?? answer.headers.get("X-Request-Id"),
    retryAfterMs: retryAfterMs(answer.headers.get("Retry-After"), Date.now()),
  });
}

/** Seconds, or a date of HTTP (RFC 9110, 10.2.3), to ms from now; null where it is neither. */
export function retryAfterMs(text: string | null, nowMs: number): number | null {
  if (text === null || text.trim() === "") return null;
  const seconds = Number(text);
  if (Number.isFinite(seconds)) return Math.max(seconds * 1000, 0);
  const dateMs = Date.parse(text);
  return Number.isFinite(dateMs) ? Math.max(dateMs - nowMs, 0) : null;
}
