import { expectAssignable, expectError, expectNotAssignable, expectType } from "tsd";
import {
  AnalyticsClient, AnalyticsWebSocket, CandlesClient, CandleSeries, EventClient, feedChart, PricesClient, QuotesClient, RestClient,
  WebSocketService, withRetry, type ConnectionMetrics, type ConnectionState, type QuotesMessage, type WebSocketConfig,
} from "..";

// Numbers are what `exact` makes of them.
class Decimal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}
const url = "http://127.0.0.1:8080";
new PricesClient().follow("A", (ticker, changed) => {
  expectType<number>(ticker.price);
  expectType<number | null>(ticker.bid);
  expectType<number>(ticker.sequence);
  expectType<number | undefined>(changed.price);
});
new PricesClient({ url, exact: false }).follow(["A"], ({ price }) => expectType<number>(price));
new PricesClient({ url, exact: true }).follow(["A"], ({ price, bid, sequence }) => {
  expectType<string>(price);
  expectType<string | null>(bid);
  expectType<number>(sequence);
});
new PricesClient({ url, exact: (text) => new Decimal(text) }).follow("A", ({ price, volume, timestamp }) => {
  expectType<Decimal>(price);
  expectType<Decimal>(volume);
  expectType<number>(timestamp);
});
new CandlesClient({ exact: true }).follow({ symbol: "A", interval: "1m" }, (message) => {
  if (message.type === "initial") expectType<string | null>(message.bars[0]!.vwap);
  else expectType<boolean>(message.bar.final);
});
new QuotesClient({ exact: true }).follow("A", ({ price, source }) => {
  expectType<string>(price);
  expectType<string>(source);
});
new AnalyticsClient({ exact: (text) => new Decimal(text), channels: ["exposure-updates"] }, {
  onExposureUpdate: ({ totalExposure, bySymbol, riskLevel }) => {
    expectType<Decimal | undefined>(totalExposure);
    expectType<Record<string, Decimal> | undefined>(bySymbol);
    expectType<string | undefined>(riskLevel);
  },
});
expectType<Promise<string>>(new RestClient({ url, exact: true }).price("A").then(({ price }) => price));
expectType<Promise<Decimal[]>>(new RestClient({ url, exact: (text) => new Decimal(text) }).bars("A").then((bars) => bars.map(({ open }) => open)));
expectType<Promise<number>>(new RestClient().trades("A").then(([trade]) => trade!.price));
for await (const rows of new RestClient().tradePages("A")) expectType<number>(rows[0]!.price);

// A series has the numbers of its two sources.
const exactCandles = new CandlesClient({ exact: true });
const exactRest = new RestClient({ exact: true });
const series = new CandleSeries(exactCandles, exactRest, { symbol: "A", interval: "1D" });
expectType<string>(series.bars[0]!.close);
feedChart(series, { setData(_: { time: number; value: number }[]) {}, update(_: { time: number; value: number }) {} }, ({ timeMs, close }) => ({
  time: timeMs / 1000,
  value: Number(close),
}));

// What can't be asked for.
expectError(new CandlesClient().follow({ symbol: "A", interval: "10m" }, () => {}));
expectError(new AnalyticsClient({ channels: ["news"] }));
expectError(new PricesClient({ url, exact: "yes" }));
expectError(new RestClient().stats("A", "2d"));

// Events have each their own data.
const events = new EventClient("token123");
events.on("news", ({ title, timestamp }, id) => {
  expectType<string>(title);
  expectType<number | undefined>(timestamp);
  expectType<string>(id);
});
events.on("gap", ({ reason }) => expectType<"trimmed" | "reset">(reason));
expectError(events.on("weather", () => {}));

// The surface of a dashboard's service, as it was published.
interface DeclaredService {
  connect(): void;
  disconnect(): void;
  reconnect(): void;
  isConnected(): boolean;
  getConnectionState(): "CONNECTING" | "OPEN" | "CLOSING" | "CLOSED" | "RECONNECTING";
  subscribe(symbols: string[]): void;
  unsubscribe(symbols: string[]): void;
  getActiveSubscriptions(): Set<string>;
  onMessage(handler: (message: QuotesMessage) => void): () => void;
  onError(handler: (error: Error) => void): () => void;
  onConnectionChange(handler: (state: ConnectionState) => void): () => void;
  getLatency(): number;
  getLastMessageTime(): Date;
  getMetrics(): DeclaredMetrics;
}
interface DeclaredMetrics {
  connectionState: "CONNECTING" | "OPEN" | "CLOSING" | "CLOSED" | "RECONNECTING";
  connectedAt: Date | null;
  lastMessageAt: Date | null;
  messageCount: number;
  errorCount: number;
  reconnectAttempts: number;
  averageLatency: number;
  activeSubscriptions: number;
}
interface DeclaredConfig {
  url: string;
  reconnectInterval: number;
  maxReconnectAttempts: number;
  heartbeatInterval: number;
  messageQueueSize: number;
  enableCompression: boolean;
  enableAutoReconnect: boolean;
}
declare const metrics: ConnectionMetrics;
declare const config: DeclaredConfig;
expectAssignable<DeclaredService>(new WebSocketService(config));
expectAssignable<DeclaredMetrics>(metrics);
expectAssignable<WebSocketConfig>(config);
expectNotAssignable<ConnectionState>("OPENING");

// The names under which two of them are known elsewhere, and a function's own result.
expectAssignable<AnalyticsClient>(new AnalyticsWebSocket({ url, token: "t", channels: ["alerts"], autoReconnect: true, debug: true }, { onAlert: ({ title }) => title }));
expectType<Promise<number>>(withRetry(async () => 1));
