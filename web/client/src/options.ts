/** How a connection is set up, what it says of itself, and what it uses of a WebSocket. */
import type { Exact, MsgpackDecode } from "./codec.ts";
import type { GetToken } from "./token.ts";

export type ConnectionState = "CONNECTING" | "OPEN" | "CLOSING" | "CLOSED" | "RECONNECTING";

/** How a connection behaves; every time is in ms. */
export interface WebSocketConfig {
  /** The gateway's address, or a dialect's; in a page of the gateway it may be left out. */
  url: string;
  /** The first wait before a new attempt, 1,000 by default; it doubles up to 16 times, then is 30,000. */
  reconnectInterval: number;
  /** Failures in a row, 10 by default, after which prices are polled until the socket opens again. */
  maxReconnectAttempts: number;
  /** Between two pings, 25,000 by default; a link that is silent for twice as long is dead. */
  heartbeatInterval: number;
  /** How many messages wait while there is no connection, 100 by default; the oldest go first. */
  messageQueueSize: number;
  /** Browsers negotiate compression by themselves, so this changes nothing; it is here for those who set it. */
  enableCompression: boolean;
  /** Whether a lost connection is opened again, true by default. */
  enableAutoReconnect: boolean;
}

export interface ConnectionMetrics {
  connectionState: ConnectionState;
  connectedAt: Date | null;
  lastMessageAt: Date | null;
  messageCount: number;
  errorCount: number;
  reconnectAttempts: number;
  /** The mean of the last 20 round trips in ms; 0 before the first. */
  averageLatency: number;
  activeSubscriptions: number;
}

export interface ConnectionOptions<E extends Exact = Exact> extends Partial<WebSocketConfig> {
  /** The token, where it never changes. */
  token?: string | null;
  /** Gives a token before each connection, before the old one ends, and when one was refused. */
  getToken?: GetToken;
  /** Decimals as text or as numbers of a library. */
  exact?: E;
  /** `decode` of `@msgpack/msgpack`: the server then sends MessagePack. */
  msgpack?: MsgpackDecode;
  /** Between two polls, 30,000 by default. */
  pollingInterval?: number;
  /** Another implementation of WebSocket, e.g. that of the package `ws`. */
  WebSocket?: WebSocketConstructor;
  /** Gives numbers from 0 up to 1, for the random part of waits. */
  random?: () => number;
}

/** What is used of a WebSocket. */
export interface WebSocketLike {
  binaryType: string;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;
