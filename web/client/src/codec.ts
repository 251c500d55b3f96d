/**
 * Bytes of a socket to messages, and which form of them a client asks the server for.
 *
 * JSON numbers become doubles, which hold 15 digits. Who needs every digit asks for decimals as text (`exact`), and may
 * turn them into numbers of a library of their choice. MessagePack needs its decoder handed in, so that who does without
 * does not load it.
 */
import { TapeflowError } from "./errors.ts";

/**
 * How decimals are given: `false` as doubles, `true` as text with every digit, a function as what it makes of the text,
 * e.g. `(text) => new Decimal(text)`.
 */
export type Exact = boolean | ((text: string) => unknown);

/**
 * The choice where none is made. Its second half is never chosen; with it the parameter of a function that is given in place
 * gets its type.
 */
export type Doubles = false | ((text: string) => never);

/** The type of a decimal under a choice of `exact`. */
export type NumberOf<E extends Exact> = E extends true ? string : E extends (text: string) => infer N ? N : number;

/** The `decode` of `@msgpack/msgpack`, or of another library: one message's bytes to plain values. */
export type MsgpackDecode = (bytes: Uint8Array) => unknown;

/** The WebSocket subprotocols to ask for. */
export function subprotocols(exact: Exact, msgpack: MsgpackDecode | undefined): string[] {
  const name = (msgpack ? "msgpack" : "json") + (exact === false ? "" : "-exact");
  return name === "json" ? [] : [name];
}

/** One message of the server; throws TapeflowError `BAD_MESSAGE` for bytes that are none. */
export function decodeMessage(data: unknown, msgpack: MsgpackDecode | undefined): unknown {
  try {
    if (typeof data === "string") return JSON.parse(data);
    if (msgpack && data instanceof ArrayBuffer) return msgpack(new Uint8Array(data));
    if (msgpack && ArrayBuffer.isView(data)) return msgpack(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  } catch (error) {
    throw new TapeflowError("BAD_MESSAGE", "The server sent a message that can't be read", false, error);
  }
  throw new TapeflowError("BAD_MESSAGE", "The server sent a binary message, though JSON was asked for", false);
}

/** Turns the decimal fields of `target`, in place, from text into the caller's numbers. */
export function convertDecimals(target: object, fields: readonly string[], exact: Exact): void {
  if (typeof exact !== "function") return;
  const record = target as Record<string, unknown>;
  for (const field of fields) {
    const value = record[field];
    if (typeof value === "string") record[field] = exact(value);
  }
}
