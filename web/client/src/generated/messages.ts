// Generated from the gateway's asyncapi.json: change the structs of gateway/, then run `make web-types`.

/** Where each channel is. */
export const PATHS = {
  prices: "/ws/prices",
  candles: "/ws/candles",
  quotes: "/ws/quotes",
  analytics: "/ws/analytics",
  events: "/api/events",
} as const;

/** Encodings that a client may ask for; -exact writes decimals as text. */
export const SUBPROTOCOLS = ["json", "json-exact", "msgpack", "msgpack-exact"] as const;

/** Why a connection was closed, and what to do about it. */
export const CLOSE_CODES = {
  /** This gateway stops; the reason says `reconnect in N ms`. Reconnect after that, with `since`. */
  AWAY: 1001,
  /** Broken frames. Mend the client. */
  PROTOCOL: 1002,
  /** Text that isn't UTF-8, or bytes that don't inflate. Mend the client. */
  TEXT: 1007,
  /** A message over 64 KiB. Send less. */
  TOO_BIG: 1009,
  /** No pong for 60 s. Reconnect. */
  NO_PONG: 1011,
  /** Over capacity, in all or for this address. Try again later. */
  FULL: 1013,
  /** Token missing, bad or expired. Get a new one. */
  TOKEN: 4001,
  /** Origin not allowed; without a token secret, also a host name that isn't local. Don't retry. */
  FORBIDDEN: 4003,
  /** Too many messages or too much rubbish. Back off. */
  RATE: 4008,
  /** Too slow: what may not be dropped no longer fits. Reconnect with `since`. */
  SLOW: 4009,
} as const;
export type CloseCode = (typeof CLOSE_CODES)[keyof typeof CLOSE_CODES];

export const ANALYTICS_CHANNELS = ["routing-metrics", "lp-performance", "exposure-updates", "alerts"] as const;
export type AnalyticsChannel = (typeof ANALYTICS_CHANNELS)[number];

export const ERROR_CODES = ["PARSE_ERROR", "INVALID_MESSAGE", "INVALID_SYMBOL", "INVALID_INTERVAL", "INVALID_TIMEFRAME", "INVALID_CHANNEL", "FORBIDDEN_SYMBOL", "FORBIDDEN_CHANNEL", "UNKNOWN_WATCHLIST", "SUBSCRIPTION_LIMIT"] as const;
/**
 * PARSE_ERROR: the message is no JSON object; INVALID_MESSAGE: a field is missing, unknown or of the wrong
 * kind; INVALID_SYMBOL: not a symbol, or it has not traded yet; then its first trade will be sent;
 * INVALID_INTERVAL: not a bar length; INVALID_TIMEFRAME: not a timeframe; there is real-time;
 * INVALID_CHANNEL: not a channel; FORBIDDEN_SYMBOL: the token doesn't cover the symbol; FORBIDDEN_CHANNEL:
 * the token's role may not join the channel; UNKNOWN_WATCHLIST: the user has no watchlist of this id;
 * SUBSCRIPTION_LIMIT: more symbols or watchlists than one connection may have; the ones named are left out
 */
export type ErrorCode = (typeof ERROR_CODES)[number];

export const INTERVALS = ["1m", "5m", "15m", "1h", "4h", "1D", "1W"] as const;
/** Bar length */
export type Interval = (typeof INTERVALS)[number];

/** Asks for symbols: a snapshot of each comes first, or with `since` the deltas that were missed. */
export interface PricesSubscribe {
  type: "subscribe";
  /** Needed where no watchlist is named */
  symbols?: string | string[];
  /** Ids of the user's watchlists; their symbols come, and follow every edit */
  watchlists?: string | string[];
  timeframe?: "real-time";
  /** Bid and ask are sent anyway */
  includeDepth?: boolean;
  /** The last sequence received, of all the symbols or by symbol: what came after is sent */
  since?: number | Record<string, number> | null;
}

/** Ends subscriptions; it has no answer. */
export interface PricesUnsubscribe {
  type: "unsubscribe";
  symbols?: string | string[];
  watchlists?: string | string[];
}

/** Asks for a pong. */
export interface PricesPing {
  type: "ping";
}

/**
 * A symbol's whole ticker. Volume, open, high and low are those of the UTC day; what is not known is null.
 * What begins at bidSize is there where the symbol has quotes.
 */
export interface PriceSnapshot<N = number> {
  type: "snapshot";
  /** As the venue writes it */
  symbol: string;
  price: N;
  bid: N | null;
  ask: N | null;
  volume: N;
  open: N;
  high: N;
  low: N;
  previousClose: N | null;
  change: N | null;
  changePercent: N | null;
  /** Milliseconds since the epoch, UTC */
  timestamp: number;
  /** Rises with every trade of the symbol; the stream counts the same */
  sequence: number;
  exchange: string;
  bidSize?: N | null;
  askSize?: N | null;
  mid?: N | null;
  spread?: N | null;
  /** Of the bid and ask, in ms since the epoch */
  quoteTimestamp?: number;
  /** Rises with every quote of the symbol, in the order of the quotes topic */
  quoteSequence?: number;
}

/**
 * The fields of a ticker that changed. It applies to the state whose sequence is `previous`, to no other.
 * Where only the bid and ask of a quote changed, `sequence` is `previous`.
 */
export interface PriceDelta<N = number> {
  type: "delta";
  /** As the venue writes it */
  symbol: string;
  price?: N;
  bid?: N;
  ask?: N;
  volume?: N;
  open?: N;
  high?: N;
  low?: N;
  previousClose?: N;
  change?: N;
  changePercent?: N;
  exchange?: string;
  /** Milliseconds since the epoch, UTC */
  timestamp: number;
  /** Rises with every trade of the symbol; the stream counts the same */
  sequence: number;
  /** The sequence that this applies to */
  previous: number;
  bidSize?: N | null;
  askSize?: N | null;
  mid?: N | null;
  spread?: N | null;
  /** Of the bid and ask, in ms since the epoch */
  quoteTimestamp?: number;
  /** Rises with every quote of the symbol, in the order of the quotes topic */
  quoteSequence?: number;
}

/** What a watchlist that the connection follows holds: when it was asked for, and after each edit. */
export interface PricesWatchlist {
  type: "watchlist";
  id: string;
  name: string;
  symbols: string[];
  /** The list is gone, and its symbols with it */
  deleted?: boolean;
  /** Milliseconds since the epoch, UTC */
  timestamp: number;
}

/** Something of a message could not be done. The connection stays, and the rest of the message holds. */
export interface PricesError {
  type: "error";
  code: ErrorCode;
  message: string;
  /** Milliseconds since the epoch, UTC */
  timestamp: number;
}

/** Answers a ping. */
export interface PricesPong {
  type: "pong";
  /** Milliseconds since the epoch, UTC */
  timestamp: number;
}

/** Asks for the bars of one symbol and interval. Subscribing again changes what was asked. */
export interface CandlesSubscribe {
  type: "subscribe";
  /** As the venue writes it */
  symbol: string;
  interval: Interval;
  /** How many to begin with */
  initialBars?: number;
  /** Also each bar's end, though a newer bar is under way */
  finals?: boolean;
  /** Also what late trades change in final bars; includes finals */
  revisions?: boolean;
}

/** Ends a subscription; it has no answer. */
export interface CandlesUnsubscribe {
  type: "unsubscribe";
  /** As the venue writes it */
  symbol: string;
  interval: Interval;
}

/** Asks for a pong. */
export interface CandlesPing {
  type: "ping";
}

/** The newest bars, oldest first. It comes again after a gap and replaces what the client holds. */
export interface CandlesInitial<N = number> {
  type: "initial";
  /** As the venue writes it */
  symbol: string;
  interval: Interval;
  bars: Candle<N>[];
}

/** One bar. Of two with the same time the one with the higher tradeCount or revision is newer. */
export interface Candle<N = number> {
  /** Start of the bar, ISO 8601, UTC */
  time: string;
  open: N;
  high: N;
  low: N;
  close: N;
  volume: N;
  quoteVolume: N;
  /** The bar has ended; late trades may still make a revision of it */
  final: boolean;
  /** How often late trades changed the final bar */
  revision: number;
  tradeCount: number;
  vwap: N | null;
}

/** A bar as it is now: a live one at most once a second, one that ends always. */
export interface CandleUpdate<N = number> {
  type: "update";
  /** As the venue writes it */
  symbol: string;
  interval: Interval;
  bar: Candle<N>;
}

/** Something of a message could not be done. The connection stays. */
export interface CandlesError {
  type: "error";
  message: string;
}

/** Answers a ping. */
export interface CandlesPong {
  type: "pong";
}

/** Asks for symbols: their tickers come at once, and again whenever they change. */
export interface QuotesSubscribe {
  action: "subscribe";
  /** Needed where no watchlist is named */
  symbols?: string | string[];
  /** Ids of the user's watchlists; their symbols come, and follow every edit */
  watchlists?: string | string[];
  /** Free text; the gateway gives each connection an id of its own */
  clientId?: string;
}

/** Ends subscriptions; it has no answer. */
export interface QuotesUnsubscribe {
  action: "unsubscribe";
  symbols?: string | string[];
  watchlists?: string | string[];
  clientId?: string;
}

/** Asks for a pong. */
export interface QuotesPing {
  action: "ping";
  /** Comes back as clientTimestamp; text of 64 characters at most */
  timestamp?: number | string | null;
}

/** The first message of a connection. */
export interface QuotesConnected {
  type: "connected";
  message: string;
  clientId: string;
  /** ISO 8601, UTC */
  timestamp: string;
}

/** One ticker. */
export interface PriceUpdate<N = number> {
  type: "price_update";
  /** As the venue writes it */
  symbol: string;
  data: Quote<N>;
  /** ISO 8601, UTC */
  timestamp: string;
}

/**
 * A symbol's whole ticker. Volume, open, high and low are those of the UTC day; what is not known is null.
 * Bid and ask are there where they are known.
 */
export interface Quote<N = number> {
  /** As the venue writes it */
  symbol: string;
  price: N;
  change: N | null;
  changePercent: N | null;
  volume: N;
  high: N;
  low: N;
  open: N;
  previousClose: N | null;
  /** The best, of the symbol's quotes or as of its last trades */
  bid?: N;
  ask?: N;
  /** Event time of the last trade, ISO 8601, UTC */
  timestamp: string;
  /** The exchange */
  source: string;
}

/** Several tickers at once. */
export interface BatchUpdate<N = number> {
  type: "batch_update";
  updates: SymbolQuote<N>[];
  /** ISO 8601, UTC */
  timestamp: string;
}

/** One of several tickers. */
export interface SymbolQuote<N = number> {
  /** As the venue writes it */
  symbol: string;
  data: Quote<N>;
}

/** What a watchlist that the connection follows holds: when it was asked for, and after each edit. */
export interface QuotesWatchlist {
  type: "watchlist";
  id: string;
  name: string;
  symbols: string[];
  /** The list is gone, and its symbols with it */
  deleted?: boolean;
  /** ISO 8601, UTC */
  timestamp: string;
}

/** Something of a message could not be done. The connection stays, and the rest of the message holds. */
export interface QuotesError {
  type: "error";
  code: ErrorCode;
  message: string;
  /** ISO 8601, UTC */
  timestamp: string;
}

/** Answers a ping. */
export interface QuotesPong {
  type: "pong";
  /** ISO 8601, UTC */
  timestamp: string;
  /** The ping's timestamp, as it was */
  clientTimestamp?: number | string;
}

/** Joins channels; what is published from then on comes. The token's role decides which may be joined. */
export interface AnalyticsSubscribe {
  action: "subscribe";
  channels: AnalyticsChannel | AnalyticsChannel[];
}

/** Leaves channels; it has no answer. */
export interface AnalyticsUnsubscribe {
  action: "unsubscribe";
  channels: AnalyticsChannel | AnalyticsChannel[];
}

/** Asks for a pong. */
export interface AnalyticsPing {
  action: "ping";
}

/** An order was routed: of the channel routing-metrics. */
export interface RoutingDecisionUpdate<N = number> {
  type: "routing-decision";
  /** ISO 8601, UTC */
  timestamp: string;
  data: RoutingDecision<N>;
}

/** Where an order went. Each field may be missing. */
export interface RoutingDecision<N = number> {
  /** As the venue writes it */
  symbol?: string;
  side?: string;
  volume?: N;
  /** ABOOK, BBOOK, … */
  routingDecision?: string;
  lpSelected?: string;
  executionTimeMs?: N;
  spread?: N;
  slippage?: N;
}

/** Figures of a window of decisions, of all symbols or of one: of the channel routing-metrics. */
export interface RoutingStatsUpdate<N = number> {
  type: "routing-stats";
  /** ISO 8601, UTC */
  timestamp: string;
  data: RoutingStats<N>;
}

/**
 * Of a window, in all, by decision and by provider. sequence: of its last decision. revision: decisions that
 * came after its end. sampled: those that didn't go out one by one.
 */
export interface RoutingStats<N = number> {
  count?: N;
  share?: N;
  volume?: N;
  volumeShare?: N;
  executionTimeMs?: ExecutionFigures<N> | null;
  spread?: SpreadFigures<N> | null;
  slippage?: SlippageFigures<N> | null;
  /** Length of the window */
  interval?: "1s" | "1m" | "1h";
  startTime?: N;
  partition?: N;
  sequence?: N;
  revision?: N;
  sampled?: N;
  /** Whose figures these are; without it all symbols' */
  symbol?: string;
  byDecision?: Record<string, RoutingFigures<N>>;
  byLP?: Record<string, RoutingFigures<N>>;
}

/** Execution times; percentiles are at most 1/256 off. */
export interface ExecutionFigures<N = number> {
  mean?: N;
  p50?: N;
  p90?: N;
  p99?: N;
  max?: N;
}

/** Spreads at the decision. */
export interface SpreadFigures<N = number> {
  mean?: N;
  p50?: N;
  p90?: N;
  p99?: N;
}

/** Slippages, below 0 in the client's favour. */
export interface SlippageFigures<N = number> {
  mean?: N;
  p50?: N;
  p90?: N;
  p99?: N;
  favourable?: N;
  adverse?: N;
}

/** Of some decisions of a window. */
export interface RoutingFigures<N = number> {
  count?: N;
  share?: N;
  volume?: N;
  volumeShare?: N;
  executionTimeMs?: ExecutionFigures<N> | null;
  spread?: SpreadFigures<N> | null;
  slippage?: SlippageFigures<N> | null;
}

/** A liquidity provider's figures: of the channel lp-performance. */
export interface LpMetricsUpdate<N = number> {
  type: "lp-metrics";
  /** ISO 8601, UTC */
  timestamp: string;
  data: LpMetrics<N>;
}

/** How a liquidity provider does. Each field may be missing. */
export interface LpMetrics<N = number> {
  lpName?: string;
  /** connected, degraded, disconnected, … */
  status?: string;
  avgSpread?: N;
  executionQuality?: N;
  latencyMs?: N;
  quotesPerSecond?: N;
  rejectRate?: N;
  uptime?: N;
}

/** Figures of a window of providers: of the channel lp-performance. */
export interface LpStatsUpdate<N = number> {
  type: "lp-stats";
  /** ISO 8601, UTC */
  timestamp: string;
  data: LpStats<N>;
}

/** A window of all providers. */
export interface LpStats<N = number> {
  /** Length of the window */
  interval?: "1s" | "1m" | "1h";
  startTime?: N;
  partition?: N;
  sequence?: N;
  revision?: N;
  byLP?: Record<string, LpFigures<N>>;
}

/** Of a provider's records in a window. uptime: percent of the window. rejectRate: of quotes. */
export interface LpFigures<N = number> {
  /** Of the last record in the window; nothing where there is none */
  status?: string;
  samples?: N;
  uptime?: N;
  statusChanges?: N;
  avgSpread?: N;
  spread?: SpreadPercentiles<N> | null;
  executionQuality?: N;
  latencyMs?: LatencyFigures<N> | null;
  quotesPerSecond?: N;
  rejectRate?: N;
}

/** Of the spreads of records. */
export interface SpreadPercentiles<N = number> {
  p50?: N;
  p90?: N;
  p99?: N;
}

/** Latencies; percentiles are at most 1/256 off. */
export interface LatencyFigures<N = number> {
  mean?: N;
  p50?: N;
  p90?: N;
  p99?: N;
  max?: N;
}

/** A minute of what was at stake: of the channel exposure-updates. */
export interface ExposureStatsUpdate<N = number> {
  type: "exposure-stats";
  /** ISO 8601, UTC */
  timestamp: string;
  data: ExposureStats<N>;
}

/** A minute of exposure, as it was when the minute ended, and its peaks. */
export interface ExposureStats<N = number> {
  /** Length of the window */
  interval?: "1s" | "1m" | "1h";
  startTime?: N;
  partition?: N;
  sequence?: N;
  totalExposure?: N;
  netExposure?: N;
  peakExposure?: N;
  exposureLimit?: N | null;
  utilizationPct?: N | null;
  peakUtilizationPct?: N | null;
  warningSeconds?: N;
  criticalSeconds?: N;
}

/** What is at stake changed: of the channel exposure-updates. */
export interface ExposureChange<N = number> {
  type: "exposure-change";
  /** ISO 8601, UTC */
  timestamp: string;
  data: Exposure<N>;
}

/** What is at stake, in all and by symbol and provider. Each field may be missing. */
export interface Exposure<N = number> {
  totalExposure?: N;
  netExposure?: N;
  exposureLimit?: N | null;
  utilizationPct?: N | null;
  /** normal, warning, critical; unknown without a limit */
  riskLevel?: string;
  bySymbol?: Record<string, N>;
  byLP?: Record<string, N>;
  byBook?: Record<string, N>;
}

/** An alert, of the channel alerts; the event stream sends the same. Never dropped for a slow client. */
export interface AnalyticsAlert {
  type: "alert";
  /** ISO 8601, UTC */
  timestamp: string;
  data: AlertEvent;
}

/** An entry of the channel alerts. */
export interface AlertEvent {
  title: string;
  id?: string;
  severity?: string;
  category?: string;
  message?: string;
  source?: string;
  symbols?: string[];
  actionItems?: string[];
  /** open; acknowledged or resolved of the same id */
  state?: string;
  /** log, clock where nothing came, or user of one that is acknowledged */
  basis?: string;
  /** Who acknowledged it */
  by?: string;
}

/** Something of a message could not be done. The connection stays, and the rest of the message holds. */
export interface AnalyticsError {
  type: "error";
  /** ISO 8601, UTC */
  timestamp: string;
  data: AnalyticsProblem;
}

/** What could not be done. */
export interface AnalyticsProblem {
  code: ErrorCode;
  message: string;
}

/** Answers a ping. */
export interface AnalyticsPong {
  type: "pong";
  /** ISO 8601, UTC */
  timestamp: string;
  data: NoData;
}

/** An empty object. */
export type NoData = Record<string, never>;

/** News. */
export interface NewsEvent {
  title: string;
  source?: string;
  /** Milliseconds since the epoch, UTC */
  timestamp?: number;
}

/** A series passed a threshold. `id` tells it apart: the same alert may come again after a crash. */
export interface PriceAlertEvent<N = number> {
  /** As the venue writes it */
  symbol: string;
  price: N;
  /** threshold_exceeded where a rule of the user fired */
  alert_type: string;
  threshold: N;
  /** above or below: which way it passed */
  direction?: string;
  id?: string;
  /** The id of the rule that fired */
  rule?: string;
  sequence?: number;
  /** Event time of the trade */
  timestamp?: number;
  /** What the user wrote beside the rule */
  note?: string;
  /** What the rule looks at; the threshold is of that */
  series?: string;
  /** The series' window, or the bar's interval */
  window?: string;
  /** The value of the series that passed the threshold */
  value?: N;
  /** log, or clock where nothing came any more */
  basis?: string;
}

/** A system changed its state. */
export interface SystemStatusEvent {
  status: string;
  /** Seconds that it will take, where known */
  duration?: number;
  affected_symbols?: string[];
}

/** What came after lastEventId is not held any more. This event has no id of its own. */
export interface GapEvent {
  reason: "trimmed" | "reset";
  lastEventId: string;
  firstAvailableId: string | null;
}

/** What a client says on /ws/prices. */
export type PricesClientMessage =
  | PricesSubscribe
  | PricesUnsubscribe
  | PricesPing;

/** What /ws/prices sends. */
export type PricesServerMessage<N = number> =
  | PriceSnapshot<N>
  | PriceDelta<N>
  | PricesWatchlist
  | PricesError
  | PricesPong;

/** What a client says on /ws/candles. */
export type CandlesClientMessage =
  | CandlesSubscribe
  | CandlesUnsubscribe
  | CandlesPing;

/** What /ws/candles sends. */
export type CandlesServerMessage<N = number> =
  | CandlesInitial<N>
  | CandleUpdate<N>
  | CandlesError
  | CandlesPong;

/** What a client says on /ws/quotes. */
export type QuotesClientMessage =
  | QuotesSubscribe
  | QuotesUnsubscribe
  | QuotesPing;

/** What /ws/quotes sends. */
export type QuotesServerMessage<N = number> =
  | QuotesConnected
  | PriceUpdate<N>
  | BatchUpdate<N>
  | QuotesWatchlist
  | QuotesError
  | QuotesPong;

/** What a client says on /ws/analytics. */
export type AnalyticsClientMessage =
  | AnalyticsSubscribe
  | AnalyticsUnsubscribe
  | AnalyticsPing;

/** One of the messages that /ws/analytics sends in arrays. */
export type AnalyticsServerMessage<N = number> =
  | RoutingDecisionUpdate<N>
  | RoutingStatsUpdate<N>
  | LpMetricsUpdate<N>
  | LpStatsUpdate<N>
  | ExposureStatsUpdate<N>
  | ExposureChange<N>
  | AnalyticsAlert
  | AnalyticsError
  | AnalyticsPong;

/** What /ws/analytics sends: always an array. */
export type AnalyticsBatch<N = number> = AnalyticsServerMessage<N>[];

/** What `data` of an event holds, by the event's name. */
export interface EventsByName<N = number> {
  news: NewsEvent;
  price_alert: PriceAlertEvent<N>;
  system_status: SystemStatusEvent;
  alert: AlertEvent;
  gap: GapEvent;
}
