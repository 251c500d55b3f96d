/**
 * From what a caller names, to the addresses of the gateway: `ws://host/ws/prices` for sockets, `http://host/api/…` for REST.
 *
 * A caller may give the gateway's bare address with any of the four schemes, or the whole address of a dialect. In a page
 * of the gateway itself nothing needs to be given.
 */
import { TapeflowError } from "./errors.ts";

/** The gateway's address: of the page, where none is given. */
function base(url: string | URL | undefined): URL {
  const given = url ?? globalThis.location?.href;
  if (given === undefined) {
    throw new TapeflowError("NO_ADDRESS", 'Outside of a page the gateway\'s address is needed, e.g. url: "http://127.0.0.1:8080"', false);
  }
  try {
    return new URL(given, globalThis.location?.href);
  } catch (error) {
    throw new TapeflowError("NO_ADDRESS", `Not an address: ${String(given)}`, false, error);
  }
}

/** The address of a dialect's socket; a path that the caller named is kept. */
export function socketUrl(url: string | URL | undefined, path: string): URL {
  const from = base(url);
  const named = url !== undefined && /^wss?:$/.test(from.protocol) && from.pathname !== "/";
  const socket = new URL(named ? from.pathname : path, from);
  socket.search = named ? from.search : "";
  socket.protocol = from.protocol === "https:" || from.protocol === "wss:" ? "wss:" : "ws:";
  return socket;
}

/** The gateway's address for REST, without path. */
export function restUrl(url: string | URL | undefined): URL {
  const from = base(url);
  const rest = new URL("/", from);
  rest.protocol = from.protocol === "https:" || from.protocol === "wss:" ? "https:" : "http:";
  return rest;
}

/** `url` with the token where headers can't be set: sockets of browsers, and `EventSource`. */
export function withToken(url: URL, token: string | null): URL {
  const all = new URL(url);
  if (token !== null) all.searchParams.set("token", token);
  return all;
}
