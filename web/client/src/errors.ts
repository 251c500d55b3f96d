/**
 * What can go wrong, as values that say whose fault it is and whether trying again helps.
 *
 * A refused token, a close of the socket, an error message of the server and an answer of REST are different classes of
 * one family. None is thrown from a callback: connections hand them to `onError`, REST rejects its promise.
 */

/** Every failure that this package reports. */
export class TapeflowError extends Error {
  override readonly name: string = "TapeflowError";
  /** The server's code, such as `INVALID_SYMBOL`, or one of this package, such as `DISCONNECTED`. */
  readonly code: string;
  /** Whether the same request may succeed later. */
  readonly retry: boolean;

  constructor(code: string, message: string, retry: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.retry = retry;
  }
}

/** The socket ended, or could not be opened. `closeCode` is 1006 where the browser tells no more. */
export class ConnectionError extends TapeflowError {
  override readonly name = "ConnectionError";
  readonly closeCode: number;

  constructor(code: string, message: string, closeCode: number, retry: boolean) {
    super(code, message, retry);
    this.closeCode = closeCode;
  }
}

/** The server answered a message with an error; the connection stays. */
export class ServerError extends TapeflowError {
  override readonly name = "ServerError";

  constructor(code: string, message: string) {
    super(code, message, false);
  }
}

/** REST refused a request, or could not be reached (`status` 0). */
export class ApiError extends TapeflowError {
  override readonly name = "ApiError";
  readonly status: number;
  readonly details: Record<string, unknown>;
  readonly requestId: string | null;
  /** How long the server asks to wait, or null. */
  readonly retryAfterMs: number | null;

  constructor(
    status: number,
    code: string,
    message: string,
    more: { details?: Record<string, unknown>; requestId?: string | null; retryAfterMs?: number | null; cause?: unknown } = {},
  ) {
    super(code, message, status === 0 || status === 429 || status >= 500, more.cause);
    this.status = status;
    this.details = more.details ?? {};
    this.requestId = more.requestId ?? null;
    this.retryAfterMs = more.retryAfterMs ?? null;
  }
}
