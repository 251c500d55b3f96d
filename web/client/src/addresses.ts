/**
 * From what a caller names, to the addresses of the gateway: `ws://host/ws/prices` for sockets, `http://host/api/…` for REST.
 *
 * A caller may give the gateway's bare address with any of the four schemes, or the whole address of a dialect. In a page
 * of the gateway itself nothing needs to be given.
 */
import { TapeflowError } from "./errors.ts";

const SCHEMES = ["http:", "https:", "ws:", "wss:"];

/** The gateway's address: of the page, where none is given. */
function base(url: string | URL | undefined): URL {
  const page = globalThis.location?.href;
  const given = url ?? page;
  if (given === undefined) throw noAddress("Outside of a page the gateway's address is needed");
  const text = String(given);
  // "localhost:8080" would be read as a scheme, "127.0.0.1:8080" as a file beside the page.
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text) && !text.startsWith("/") && url !== undefined) throw noAddress(`Not an address: ${text}`);
  try {
    const parsed = new URL(text, page);
    if (SCHEMES.includes(parsed.protocol)) return parsed;
  } catch (error) {
    throw noAddress(`Not an address: ${text}`, error);
  }
  throw noAddress(url === undefined ? "A page that was not loaded from a gateway has to name its address" : `Not an address of a gateway: ${text}`);
}

function noAddress(what: string, cause?: unknown): TapeflowError {
  return new TapeflowError("NO_ADDRESS", `${what}: say e.g. url: "http://127.0.0.1:8080"`, false, cause);
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
