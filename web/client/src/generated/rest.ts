// Generated from the gateway's openapi.json: change the structs of gateway/, then run `make web-types`.

export const ALERT_STATES = ["acknowledged", "open", "resolved"] as const;
export type AlertState = (typeof ALERT_STATES)[number];

export const DESK_WINDOWS = ["1d", "1h", "1m", "range"] as const;
/**
 * Length of the windows, aligned to UTC; range: all from startTime to endTime as one, both of which are to be
 * given then
 */
export type DeskWindow = (typeof DESK_WINDOWS)[number];

export const EXPOSURE_SCOPES = ["book", "lp", "symbol", "total"] as const;
/** What each row is of */
export type ExposureScope = (typeof EXPOSURE_SCOPES)[number];

export const PERIODS = ["1d", "1h", "1m", "1w", "all", "ytd"] as const;
/** The last hour, day, 7 days, 30 days; since the year began (UTC); everything */
export type Period = (typeof PERIODS)[number];

export const REPORT_INTERVALS = ["1m", "5m", "15m", "1h", "4h", "1D", "1W", "1d", "1w"] as const;
/**
 * Length of the bars, or of windows of exposure, that are reported or computed from; 1d and 1w are taken as
 * 1D and 1W
 */
export type ReportInterval = (typeof REPORT_INTERVALS)[number];

export const REPORT_KINDS = ["bars", "trades", "stats", "top-movers", "volume-profile", "correlation", "volatility", "lp-scorecard", "exposure-history"] as const;
/** What is reported */
export type ReportKind = (typeof REPORT_KINDS)[number];

export const REPORT_STATES = ["done", "failed", "queued", "running"] as const;
export type ReportState = (typeof REPORT_STATES)[number];

export const REST_ERROR_CODES = ["BAD_REQUEST", "FORBIDDEN", "INTERNAL_ERROR", "METHOD_NOT_ALLOWED", "NOT_FOUND", "NOT_READY", "RATE_LIMITED", "SERVICE_UNAVAILABLE", "SYMBOL_NOT_FOUND", "TOO_LARGE", "UNAUTHORIZED", "UNPROCESSABLE"] as const;
export type RestErrorCode = (typeof REST_ERROR_CODES)[number];

export const TIMEFRAMES = ["1m", "5m", "15m", "1h", "4h", "1D", "1W", "1d", "1w"] as const;
/** Bar length; 1d and 1w are taken as 1D and 1W */
export type Timeframe = (typeof TIMEFRAMES)[number];

/** A report: what was asked, how far it is, and until when its result can be fetched. */
export interface ReportAnswer {
  id: string;
  kind: ReportKind;
  /** Empty: all that the token gave access to */
  symbols: string[];
  /** Milliseconds since the epoch, UTC */
  startTime: number;
  /** Milliseconds since the epoch, UTC */
  endTime: number;
  interval: ReportInterval;
  state: ReportState;
  /** How far it is: 1 when it is done */
  progress: number;
  /** Rows of the result so far */
  rows: number;
  /** Bytes of the result so far, as JSON */
  bytes: number;
  /** Why it failed, and what to change */
  error: string | null;
  /** Milliseconds since the epoch, UTC */
  createdAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  /** Then it is forgotten, milliseconds since the epoch */
  expiresAt: number;
}

/** What is wanted: a kind, over symbols and a range of time; both ends of the range are included. */
export interface ReportBody {
  kind: ReportKind;
  /** From here on, milliseconds since the epoch; of bars, their start */
  startTime: number;
  /** Up to here, milliseconds since the epoch; of bars, their start */
  endTime: number;
  /** Left out: all that the token gives access to */
  symbols?: string[];
  interval?: ReportInterval;
  /** Of top-movers: how many that rose, and that fell */
  limit?: number;
  /** Of volume-profile: at most so many price ranges */
  buckets?: number;
}

/** What the gateway is, who gets in, and within which bounds. */
export interface AboutAnswer {
  name: "tapeflow";
  version: string;
  /** false: everyone on this machine may read everything */
  tokenNeeded: boolean;
  /** true: POST /login gives tokens to users of the settings; for development */
  login: boolean;
  /** Lengths of bars, shortest first */
  intervals: string[];
  /** What /ws/analytics has to subscribe to */
  channels: string[];
  /** Types of /api/events */
  events: string[];
  /** Symbols that one connection may subscribe to */
  symbolsMax: number;
  /** Messages that a client may send on one connection */
  messagesPerS: number;
  /** REST requests of a user or address; 0: no limit */
  requestsPerMinute: number;
}

/** An alert as it was opened, and its state: that only rises, from open to acknowledged to resolved. */
export interface AlertAnswer {
  id: string;
  /** When it was opened */
  timestamp: number;
  severity: string;
  category: string;
  title: string;
  message: string;
  source: string;
  actionItems: string[];
  state: AlertState;
  /** Milliseconds since the epoch, UTC */
  stateSince: number;
  /** Who acknowledged it, or what resolved it; empty while it is open */
  stateBy: string;
}

/** What every answer of status 400 and above holds. */
export interface ErrorBody {
  error: RestErrorCode;
  message: string;
  details: Record<string, unknown>;
  /** Milliseconds since the epoch */
  timestamp: number;
  requestId: string;
}

export interface FlowsAnswer {
  /** Each process that the setting names; none by default */
  flows: FlowStatus[];
}

/** One process of a flow. Counts are since its start; what isn't known is null. */
export interface FlowStatus {
  /** As the gateway's setting calls it */
  flow: string;
  /** Among those of this flow, in the order of the setting */
  process: number;
  up: boolean;
  /** Why it isn't up: no answer in time, not reachable, no metrics */
  error: string;
  version: string;
  /** Milliseconds since the epoch */
  startTime: number | null;
  recordsRead: number;
  /** Since the look before */
  recordsPerS: number | null;
  /** Records that could be read and aren't yet */
  lagRecords: number;
  /** What the lag takes at this rate; null while nothing is read */
  lagMs: number | null;
  /** From a trade's Kafka timestamp to its ticker written, since the look before */
  latencyP50Ms: number | null;
  latencyP99Ms: number | null;
  applied: number;
  duplicate: number;
  late: number;
  rejected: number;
  unjudged: number;
  /** Refused records by reason */
  rejects: Record<string, number>;
  lateByInterval: Record<string, number>;
  /** Final and revised bars written, by interval */
  barsFinal: Record<string, number>;
  symbols: number;
  /** Servers that it waits for */
  serversDown: string[];
  workers: Worker[];
  /** Of tapeflow ingest; flows have none */
  venues: VenueStatus[];
}

/** Partitions that one worker reads (`source`) and counts (`state`). */
export interface Worker {
  worker: string;
  source: number;
  state: number;
}

/** One venue that a process ingests. */
export interface VenueStatus {
  venue: string;
  markets: number;
  /** That are open; a polled vendor has none */
  connections: number;
  /** Sent to Kafka, since the look before */
  tradesPerS: number | null;
  quotesPerS: number | null;
  /** From a trade's time to its arrival, by two clocks, since the look before */
  receivedP50Ms: number | null;
  receivedP99Ms: number | null;
  /** From a trade's arrival to Kafka's answer, since the look before */
  writtenP50Ms: number | null;
  writtenP99Ms: number | null;
  /** The ingester's clock less the venue's, at most; below 0 it is behind */
  clockAheadMs: number | null;
  gapsFilled: number;
  /** Gaps whose trades no history had */
  gapsLeft: number;
}

export interface Alive {
  status: "ok";
  uptimeS: number;
}

export interface Ready {
  status: "degraded" | "down" | "ready";
  dependencies: Record<string, Dependency>;
}

export interface Dependency {
  status: "down" | "up";
  needed: boolean;
  latencyMs: number;
  breaker: string;
  error: string;
}

/** All living WebSocket processes together, and `gateways`, an entry for each. */
export interface WsStatsAnswer {
  connections: number;
  broadcaster: Broadcaster;
  aggregator: Aggregator;
  gateways: WsProcess[];
}

/** Rooms of candles; the list ends at a thousand for each process. */
export interface Broadcaster {
  totalRooms: number;
  totalClients: number;
  rooms: Room[];
}

/** Clients of one symbol's bars of one interval; `lastBroadcast` in ms since the epoch. */
export interface Room {
  key: string;
  clientCount: number;
  hasCandle: boolean;
  lastBroadcast: number | null;
}

/** One-minute bars that gateways hold for their clients. */
export interface Aggregator {
  oneMinuteCandlesCount: number;
}

/** One WebSocket process: `stats` is what its hub counts (rooms, clients, last broadcast). */
export interface WsProcess {
  gateway: string;
  updatedAt: number;
  stats: Record<string, unknown>;
}

/** A rule as it is kept. `lastFired` is the event that told its user last. */
export interface AlertRuleAnswer<N = number> {
  id: string;
  /** As the venue writes it */
  symbol: string;
  condition: "above" | "below" | "crosses_above" | "crosses_below" | "falls_by" | "rises_by";
  threshold: N;
  repeat: "every" | "once";
  /** How far the value must go back before it may fire again */
  rearm: N;
  /** After a firing, what would fire within this time is passed over */
  cooldownMs: number;
  /** Milliseconds since the epoch from which on it is over; 0: never */
  expiresAt: number;
  note: string;
  /** One more with each change, which arms the rule anew */
  version: number;
  /** Milliseconds since the epoch, UTC */
  createdAt: number;
  /** Milliseconds since the epoch, UTC */
  updatedAt: number;
  /** What the rule looks at */
  series: "close" | "fall" | "high" | "low" | "price" | "rise" | "silence" | "trades" | "volume" | "vwap";
  /** close: the bar's interval; rise, fall, high, low, volume, trades, vwap: the window */
  window: "" | "15m" | "1D" | "1W" | "1h" | "1m" | "4h" | "52w" | "5m" | "day";
  lastFired: FiredAlert<N> | null;
}

/** A rule that fired, as the event price_alert told it. */
export interface FiredAlert<N = number> {
  /** As the venue writes it */
  symbol: string;
  price: N;
  /** threshold_exceeded where a rule of the user fired */
  alert_type: string;
  threshold: N;
  /** above or below: which way it passed */
  direction: string;
  id: string;
  /** The id of the rule that fired */
  rule: string;
  sequence: number;
  /** Event time of the trade */
  timestamp: number;
  /** What the user wrote beside the rule */
  note: string;
  /** What the rule looks at; the threshold is of that */
  series: string;
  /** The series' window, or the bar's interval */
  window: string;
  /** The value of the series that passed the threshold */
  value: N;
  /** log, or clock where nothing came any more */
  basis: string;
}

/** What a user writes. Without `rearm` it is what suits the series: of a price 0.1 % and at least two ticks. */
export interface AlertRuleBody<N = number> {
  /** As the venue writes it */
  symbol: string;
  condition: "above" | "below" | "crosses_above" | "crosses_below" | "falls_by" | "rises_by";
  /**
   * In the unit of the series: a price (price, close), how far from or beyond one (vwap, high, low), percent
   * (rise, fall; conditions rises_by, falls_by), a multiple (volume, trades), seconds (silence)
   */
  threshold: N;
  repeat?: "every" | "once";
  /** How far the value must go back before it may fire again */
  rearm?: N;
  /** After a firing, what would fire within this time is passed over */
  cooldownMs?: number;
  /** Milliseconds since the epoch from which on it is over; 0: never */
  expiresAt?: number;
  note?: string;
  /** What the rule looks at */
  series?: "close" | "fall" | "high" | "low" | "price" | "rise" | "silence" | "trades" | "volume" | "vwap";
  /** close: the bar's interval; rise, fall, high, low, volume, trades, vwap: the window */
  window?: "" | "15m" | "1D" | "1W" | "1h" | "1m" | "4h" | "52w" | "5m" | "day";
}

/**
 * When the rule would have fired. `complete` is false where there were more trades than are looked at;
 * `until` says how far they went.
 */
export interface PreviewAnswer<N = number> {
  firings: PreviewFiring<N>[];
  trades: number;
  complete: boolean;
  /** Milliseconds since the epoch, UTC */
  until: number;
}

export interface PreviewFiring<N = number> {
  /** Milliseconds since the epoch, UTC */
  timestamp: number;
  price: N;
  sequence: number;
  /** Of the series, which passed the threshold */
  value: N;
}

/** A rule, and the past that it is tried on: trades from startTime on, 200,000 at most. */
export interface PreviewBody<N = number> {
  /** As the venue writes it */
  symbol: string;
  condition: "above" | "below" | "crosses_above" | "crosses_below" | "falls_by" | "rises_by";
  /**
   * In the unit of the series: a price (price, close), how far from or beyond one (vwap, high, low), percent
   * (rise, fall; conditions rises_by, falls_by), a multiple (volume, trades), seconds (silence)
   */
  threshold: N;
  repeat?: "every" | "once";
  /** How far the value must go back before it may fire again */
  rearm?: N;
  /** After a firing, what would fire within this time is passed over */
  cooldownMs?: number;
  /** Milliseconds since the epoch from which on it is over; 0: never */
  expiresAt?: number;
  note?: string;
  /** What the rule looks at */
  series?: "close" | "fall" | "high" | "low" | "price" | "rise" | "silence" | "trades" | "volume" | "vwap";
  /** close: the bar's interval; rise, fall, high, low, volume, trades, vwap: the window */
  window?: "" | "15m" | "1D" | "1W" | "1h" | "1m" | "4h" | "52w" | "5m" | "day";
  /** Milliseconds since the epoch, UTC */
  startTime: number;
  /** Milliseconds since the epoch, UTC */
  endTime: number;
}

/**
 * The last price. `volume`, `open`, `high` and `low` are of the current UTC day; what begins at `bidSize` is
 * null where the symbol has no quotes.
 */
export interface PriceAnswer<N = number> {
  /** As the venue writes it */
  symbol: string;
  price: N;
  bid: N | null;
  ask: N | null;
  volume: N | null;
  open: N | null;
  high: N | null;
  low: N | null;
  previousClose: N | null;
  change: N | null;
  changePercent: N | null;
  /** Milliseconds since the epoch, UTC */
  timestamp: number;
  /** Rises with every trade of the symbol; the stream counts the same */
  sequence: number;
  exchange: string;
  /** The source is down and this is the last that is known */
  stale: boolean;
  bidSize: N | null;
  askSize: N | null;
  mid: N | null;
  spread: N | null;
  quoteTimestamp: number | null;
  quoteSequence: number | null;
}

/** Exact figures over [startTime, endTime]. All prices are null where no trade fell into the period. */
export interface StatsAnswer<N = number> {
  /** As the venue writes it */
  symbol: string;
  period: Period;
  open: N | null;
  high: N | null;
  low: N | null;
  close: N | null;
  volume: N;
  /** VWAP at scale 10, half-even */
  avgPrice: N | null;
  /** Trades, those of size 0 included, as bars count them */
  tickCount: number;
  /** Trades that moved a size above 0 */
  trades: number;
  /** Population standard deviation of prices, scale 10 */
  volatility: N | null;
  /** Milliseconds since the epoch, UTC */
  startTime: number;
  /** Milliseconds since the epoch, UTC */
  endTime: number;
  stale: boolean;
}

export interface Watchlist {
  id: string;
  name: string;
  symbols: string[];
  /** Milliseconds since the epoch, UTC */
  createdAt: number;
  /** Milliseconds since the epoch, UTC */
  updatedAt: number;
}

/** What a user writes: a name and symbols in the user's order. */
export interface WatchlistBody {
  name: string;
  symbols?: string[];
}

/** A final bar; the fields are those of the table `bars`. */
export interface ReportBar<N = number> {
  /** As the venue writes it */
  symbol: string;
  interval: string;
  /** Milliseconds since the epoch, UTC */
  time: number;
  open: N;
  high: N;
  low: N;
  close: N;
  volume: N;
  quoteVolume: N;
  vwap: N | null;
  tradeCount: number;
  buyVolume: N;
  stddev: N;
  revision: number;
  /** Rises with every trade of the symbol; the stream counts the same */
  sequence: number;
}

/** A pair of symbols, in the order of their names. */
export interface ReportCorrelation<N = number> {
  /** As the venue writes it */
  symbol: string;
  /** As the venue writes it */
  otherSymbol: string;
  /** Times at which both have a return */
  observations: number;
  /** Pearson's, -1 to 1; null where it isn't defined: under two, or no movement */
  correlation: N | null;
}

/** A name in a window. How long levels were held is told of windows of a minute alone. */
export interface ExposureRow<N = number> {
  scope: "book" | "lp" | "symbol" | "total";
  /** Symbol, provider or book; empty of the total */
  name: string;
  /** Start of the window */
  time: number;
  /** Of the topic */
  partition: number;
  /** Gross */
  totalExposure: N;
  netExposure: N;
  /** Greatest gross */
  peakExposure: N;
  /** Of the gross total */
  exposureLimit: N | null;
  utilizationPct: N | null;
  peakUtilizationPct: N | null;
  warningSeconds: N | null;
  criticalSeconds: N | null;
  /** Of a symbol: the last one of trades then */
  price: N | null;
  /** netExposure times price */
  marketValue: N | null;
}

/** One provider. What nothing was told of is null. */
export interface LpScore<N = number> {
  lpName: string;
  /** Orders that went to it */
  decisions: number;
  /** Of all decisions */
  share: N;
  volume: N;
  volumeShare: N;
  executionMeanMs: N | null;
  executionP50Ms: N | null;
  executionP90Ms: N | null;
  executionP99Ms: N | null;
  executionMaxMs: N | null;
  /** At the decision */
  spreadMean: N | null;
  /** Below 0 in the client's favour */
  slippageMean: N | null;
  slippageP50: N | null;
  slippageP99: N | null;
  /** Decisions with a slippage below 0 */
  favourable: number;
  /** Decisions with a slippage above 0 */
  adverse: number;
  /** Records that it told of itself */
  samples: number;
  /** Percent of the range, by status changes */
  uptime: N | null;
  statusChanges: number;
  avgSpread: N | null;
  executionQuality: N | null;
  latencyMeanMs: N | null;
  latencyP50Ms: N | null;
  latencyP99Ms: N | null;
  latencyMaxMs: N | null;
  quotesPerSecond: N | null;
  /** Of quotes */
  rejectRate: N | null;
}

/** One symbol's place among those that rose, or among those that fell. */
export interface ReportMover<N = number> {
  direction: "down" | "up";
  /** 1 moved most */
  rank: number;
  /** As the venue writes it */
  symbol: string;
  open: N;
  close: N;
  change: N;
  /** At scale 4, half-even */
  changePercent: N;
  high: N;
  low: N;
  volume: N;
  quoteVolume: N;
  tradeCount: number;
}

/** One range of prices: `priceLow` belongs to it, `priceHigh` to the next one. */
export interface ReportProfile<N = number> {
  /** As the venue writes it */
  symbol: string;
  priceLow: N;
  priceHigh: N;
  volume: N;
  buyVolume: N;
  sellVolume: N;
  quoteVolume: N;
  tradeCount: number;
  /** The range with the most volume */
  pointOfControl: boolean;
  /** Of those around it that hold 70 % of the volume */
  valueArea: boolean;
}

/** Figures of one symbol over the range of the report. */
export interface ReportStats<N = number> {
  /** As the venue writes it */
  symbol: string;
  open: N;
  high: N;
  low: N;
  close: N;
  volume: N;
  buyVolume: N;
  /** Sum of price × size */
  quoteVolume: N;
  /** At scale 10, half-even */
  vwap: N | null;
  /** Trades, those of size 0 included, as bars count them */
  tickCount: number;
  /** Trades that moved a size above 0 */
  trades: number;
  /** Population standard deviation of prices, scale 10 */
  volatility: N;
  /** Of the first trade, microseconds since the epoch */
  firstTimeUs: number;
  /** Of the last trade, microseconds since the epoch */
  lastTimeUs: number;
}

/** A trade; the fields are those of the table `trades`. */
export interface ReportTrade<N = number> {
  /** As the venue writes it */
  symbol: string;
  /** Microseconds since the epoch, UTC */
  eventTimeUs: number;
  price: N;
  size: N;
  side: "BUY" | "SELL" | "UNKNOWN";
  tradeId: string;
  exchange: string;
  /** Kafka partition */
  partition: number;
  /** Kafka offset */
  offset: number;
  /** Place among the trades of one record */
  index: number;
  /** Rises with every trade of the symbol; the stream counts the same */
  sequence: number;
}

/** One symbol over the range of the report. */
export interface ReportVolatility<N = number> {
  /** As the venue writes it */
  symbol: string;
  /** Returns: pairs of bars that follow one another */
  observations: number;
  /** Square root of the sum of squared returns, 9 decimals */
  volatility: N;
  /** Scaled to 365 days; null where there is no return */
  annualised: N | null;
}

/**
 * Exposure as it was at the end of a window's last minute in which a record came, and its peaks. The limit is
 * that of the gross total. How long levels were held is told of minutes alone, and a price of symbols.
 */
export interface ExposureWindow<N = number> {
  window: DeskWindow;
  /** Milliseconds since the epoch, UTC */
  startTime: number;
  by: ExposureScope;
  /** Symbol, provider or book; empty of the total */
  name: string;
  /** Of the topic: figures are of each */
  partition: number;
  /** Gross */
  totalExposure: N;
  netExposure: N;
  /** Greatest gross */
  peakExposure: N;
  exposureLimit: N | null;
  utilizationPct: N | null;
  peakUtilizationPct: N | null;
  warningSeconds: N | null;
  criticalSeconds: N | null;
  /** The last one of trades then */
  price: N | null;
  /** netExposure times price */
  marketValue: N | null;
}

/** A provider in a window. */
export interface LpWindow<N = number> {
  window: DeskWindow;
  /** Milliseconds since the epoch, UTC */
  startTime: number;
  lpName: string;
  /** Of the topic: figures are of each */
  partition: number;
  /** Of the last record in the window; empty where there is none */
  status: string;
  /** Records in the window */
  samples: number;
  /** Percent of the window */
  uptime: N;
  statusChanges: number;
  avgSpread: N;
  spread: WindowPercentiles<N>;
  executionQuality: N;
  latencyMs: WindowTimes<N>;
  quotesPerSecond: N;
  /** Of quotes */
  rejectRate: N;
}

/** At most 1/256 off. */
export interface WindowPercentiles<N = number> {
  p50: N;
  p90: N;
  p99: N;
}

/** Milliseconds. `max` is exact. */
export interface WindowTimes<N = number> {
  p50: N;
  p90: N;
  p99: N;
  mean: N;
  max: N;
}

/** Decisions of a window. share and volumeShare: of all that the question's filters leave in the window. */
export interface RoutingWindow<N = number> {
  window: DeskWindow;
  /** Milliseconds since the epoch, UTC */
  startTime: number;
  /** Null unless rows are by symbol */
  symbol: string | null;
  /** Null unless rows are by lp */
  lpSelected: string | null;
  /** Null unless rows are by decision */
  routingDecision: string | null;
  count: number;
  share: N;
  volume: N;
  volumeShare: N;
  executionTimeMs: WindowTimes<N>;
  spread: WindowSpreads<N>;
  slippage: WindowSlippages<N>;
}

export interface WindowSpreads<N = number> {
  p50: N;
  p90: N;
  p99: N;
  mean: N;
}

/** Below 0 in the client's favour. */
export interface WindowSlippages<N = number> {
  p50: N;
  p90: N;
  p99: N;
  mean: N;
  /** Decisions with a slippage below 0 */
  favourable: number;
  /** Decisions with a slippage above 0 */
  adverse: number;
}

/** One bar. `final` is false for the live bar; a final bar may come again with a higher revision. */
export interface BarAnswer<N = number> {
  /** As the venue writes it */
  symbol: string;
  /** Start of the bar, milliseconds since the epoch, UTC */
  time: number;
  open: N;
  high: N;
  low: N;
  close: N;
  volume: N;
  quoteVolume: N;
  vwap: N | null;
  tradeCount: number;
  final: boolean;
  revision: number;
  /** Rises with every trade of the symbol; the stream counts the same */
  sequence: number;
}

/** A symbol in the list of all: its ticker in brief. `volume` is of the current UTC day. */
export interface MarketAnswer<N = number> {
  /** As the venue writes it */
  symbol: string;
  price: N;
  changePercent: N | null;
  volume: N | null;
  /** Milliseconds since the epoch, UTC */
  timestamp: number;
  /** Rises with every trade of the symbol; the stream counts the same */
  sequence: number;
  exchange: string;
}

/** Bid and ask of an interval. Crossed quotes (bid above ask) are in all but `spread` and `mid`. */
export interface QuoteBarAnswer<N = number> {
  /** As the venue writes it */
  symbol: string;
  /** Milliseconds since the epoch, UTC */
  time: number;
  bidOpen: N;
  bidHigh: N;
  bidLow: N;
  bidClose: N;
  askOpen: N;
  askHigh: N;
  askLow: N;
  askClose: N;
  /** Of the last quote; null where it is crossed */
  mid: N | null;
  quoteCount: number;
  crossedCount: number;
  /** Null where every quote is crossed */
  spread: SpreadAnswer<N> | null;
  /** For how long quotes held that weren't crossed */
  quotedMs: N;
  /** For how long crossed ones did */
  crossedMs: N;
  /** Rises with every quote of the symbol, in the order of the quotes topic */
  sequence: number;
}

/** Spreads of a bar. Mean and percentiles are by the time for which spreads held; null where none did. */
export interface SpreadAnswer<N = number> {
  mean: N | null;
  min: N;
  max: N;
  p50: N | null;
  p90: N | null;
  p99: N | null;
}

export interface TradeAnswer<N = number> {
  /** As the venue writes it */
  symbol: string;
  price: N;
  volume: N;
  side: "BUY" | "SELL" | "UNKNOWN";
  /** Milliseconds since the epoch, UTC */
  timestamp: number;
  /** Rises with every trade of the symbol; the stream counts the same */
  sequence: number;
  tradeId: string;
  exchange: string;
}

/** A symbol that has ever traded. Times in milliseconds. */
export interface SymbolInfo {
  symbol: string;
  exchange: string;
  firstSeen: number;
  lastSeen: number;
}

export interface GetPricesQuery {
  /** Up to 500 symbols, with commas */
  symbols: string;
}

export interface GetBarsQuery {
  /** Most items */
  limit?: number;
  /** At or after this: milliseconds since the epoch; of bars, their start */
  startTime?: number;
  /** At or before this: milliseconds since the epoch; of bars, their start */
  endTime?: number;
  /**
   * desc: newest first. asc: oldest first, and with startTime the first ones from there on; without it the
   * newest ones all the same
   */
  order?: "asc" | "desc";
  timeframe?: Timeframe;
}

export interface GetTradesQuery {
  /** Most items */
  limit?: number;
  /** At or after this: milliseconds since the epoch; of bars, their start */
  startTime?: number;
  /** At or before this: milliseconds since the epoch; of bars, their start */
  endTime?: number;
  /**
   * desc: newest first. asc: oldest first, and with startTime the first ones from there on; without it the
   * newest ones all the same
   */
  order?: "asc" | "desc";
  /** Trades to pass over; cursor is cheaper */
  offset?: number;
  /** X-Next-Cursor of the page before */
  cursor?: string;
}

export interface GetStatsQuery {
  period?: Period;
}

export interface GetHistoricalQuery {
  /** Most items */
  limit?: number;
  /** At or after this: milliseconds since the epoch; of bars, their start */
  startTime?: number;
  /** At or before this: milliseconds since the epoch; of bars, their start */
  endTime?: number;
  /**
   * desc: newest first. asc: oldest first, and with startTime the first ones from there on; without it the
   * newest ones all the same
   */
  order?: "asc" | "desc";
  /** What to answer: as /api/ohlc or as /api/trades */
  kind?: "ohlc" | "trades";
  timeframe?: Timeframe;
  /** Trades to pass over; cursor is cheaper */
  offset?: number;
  /** X-Next-Cursor of the page before */
  cursor?: string;
}

export interface GetSymbolsQuery {
  /** Most symbols */
  limit?: number;
  /** Symbols to pass over */
  offset?: number;
}

export interface StreamEventsQuery {
  /** Resume after this id, for clients that cannot set Last-Event-ID */
  lastEventId?: string;
}

export interface GetReportResultQuery {
  /** How the rows are written */
  format?: "arrow" | "csv" | "json" | "parquet";
}

export interface GetPriceAlertsQuery {
  /** At or after this: milliseconds since the epoch; of bars, their start */
  startTime?: number;
  /** At or before this: milliseconds since the epoch; of bars, their start */
  endTime?: number;
  /** Most alerts */
  limit?: number;
}

export interface GetRoutingWindowsQuery {
  /** Most items */
  limit?: number;
  /** At or after this: milliseconds since the epoch; of bars, their start */
  startTime?: number;
  /** At or before this: milliseconds since the epoch; of bars, their start */
  endTime?: number;
  /**
   * desc: newest first. asc: oldest first, and with startTime the first ones from there on; without it the
   * newest ones all the same
   */
  order?: "asc" | "desc";
  window?: DeskWindow;
  /** X-Next-Cursor of the page before */
  cursor?: string;
  /** What each row is of: symbol, lp, decision, or several with commas; left out: all decisions of the window */
  by?: string;
  /** Only decisions of this symbol */
  symbol?: string;
  /** Only of this provider; empty: the desk's own */
  lp?: string;
  /** Only these: ABOOK, BBOOK, … */
  decision?: string;
}

export interface GetLpWindowsQuery {
  /** Most items */
  limit?: number;
  /** At or after this: milliseconds since the epoch; of bars, their start */
  startTime?: number;
  /** At or before this: milliseconds since the epoch; of bars, their start */
  endTime?: number;
  /**
   * desc: newest first. asc: oldest first, and with startTime the first ones from there on; without it the
   * newest ones all the same
   */
  order?: "asc" | "desc";
  window?: DeskWindow;
  /** X-Next-Cursor of the page before */
  cursor?: string;
  /** Only this provider */
  lp?: string;
}

export interface GetExposureWindowsQuery {
  /** Most items */
  limit?: number;
  /** At or after this: milliseconds since the epoch; of bars, their start */
  startTime?: number;
  /** At or before this: milliseconds since the epoch; of bars, their start */
  endTime?: number;
  /**
   * desc: newest first. asc: oldest first, and with startTime the first ones from there on; without it the
   * newest ones all the same
   */
  order?: "asc" | "desc";
  window?: DeskWindow;
  /** X-Next-Cursor of the page before */
  cursor?: string;
  by?: ExposureScope;
  /** Only this symbol, provider or book */
  name?: string;
}

export interface GetQuoteBarsQuery {
  /** Most items */
  limit?: number;
  /** At or after this: milliseconds since the epoch; of bars, their start */
  startTime?: number;
  /** At or before this: milliseconds since the epoch; of bars, their start */
  endTime?: number;
  /**
   * desc: newest first. asc: oldest first, and with startTime the first ones from there on; without it the
   * newest ones all the same
   */
  order?: "asc" | "desc";
  timeframe?: Timeframe;
}

export interface GetAlertsQuery {
  /** Most items */
  limit?: number;
  /** At or after this: milliseconds since the epoch; of bars, their start */
  startTime?: number;
  /** At or before this: milliseconds since the epoch; of bars, their start */
  endTime?: number;
  /**
   * desc: newest first. asc: oldest first, and with startTime the first ones from there on; without it the
   * newest ones all the same
   */
  order?: "asc" | "desc";
  /** Only these; several with commas */
  severity?: string;
  /** Only these; several with commas */
  category?: string;
  /** Only these; several with commas */
  source?: string;
  /** Only those that are now open, acknowledged or resolved; several with commas */
  state?: string;
  /** X-Next-Cursor of the page before */
  cursor?: string;
}

/** What each operation asks and answers, by its operationId. */
export interface RestOperations<N = number> {
  /** Last price. */
  getPrice: { path: { symbol: string }; query: Record<string, never>; body: undefined; answer: PriceAnswer<N> };
  /**
   * Last prices of several symbols. In the order asked; unknown symbols are left out. More than 50 symbols
   * are a large batch, of which a user has one per second.
   */
  getPrices: { path: Record<string, never>; query: GetPricesQuery; body: undefined; answer: PriceAnswer<N>[] };
  /**
   * Bars. Newest first, or by order=asc oldest first. The live bar is included and marked by final = false.
   * To splice with the stream: subscribe first, then ask here; bars with the same time are the same bar, and
   * the one with the higher tradeCount or revision is newer. The header X-Sequence is the highest sequence
   * included.
   */
  getBars: { path: { symbol: string }; query: GetBarsQuery; body: undefined; answer: BarAnswer<N>[] };
  /**
   * Trades. Newest first, or by order=asc oldest first. A full page has the headers X-Next-Cursor and Link;
   * give the cursor back to go on. Trades that arrive meanwhile do not shift the pages of a cursor.
   */
  getTrades: { path: { symbol: string }; query: GetTradesQuery; body: undefined; answer: TradeAnswer<N>[] };
  /** Figures over a period. Computed from the trades themselves, exactly. */
  getStats: { path: { symbol: string }; query: GetStatsQuery; body: undefined; answer: StatsAnswer<N> };
  /**
   * Bars or trades of a range. Another name for /api/ohlc (kind=ohlc, with timeframe) and /api/trades
   * (kind=trades, with offset and cursor): the same answers, headers and limits.
   */
  getHistorical: { path: { symbol: string }; query: GetHistoricalQuery; body: undefined; answer: BarAnswer<N>[] | TradeAnswer<N>[] };
  /** Symbols. By name. The header X-Total-Count says how many there are without the limit. */
  getSymbols: { path: Record<string, never>; query: GetSymbolsQuery; body: undefined; answer: SymbolInfo[] };
  /**
   * Every symbol's ticker in brief. By name, at most 2 s old. It is one request for the limit, however many
   * symbols there are; ask for it by gzip.
   */
  getMarket: { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: MarketAnswer<N>[] };
  /**
   * Events as they happen (Server-Sent Events). Events news, price_alert, system_status and alert, filtered
   * by what the token may see. The header Last-Event-ID resumes without loss while the log holds it; an event
   * gap says where not.
   */
  streamEvents: { path: Record<string, never>; query: StreamEventsQuery; body: undefined; answer: string };
  /** The user's watchlists. */
  getWatchlists: { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: Watchlist[] };
  /** Make a watchlist. A user has at most 100. */
  createWatchlist: { path: Record<string, never>; query: Record<string, never>; body: WatchlistBody; answer: Watchlist };
  /** One watchlist. */
  getWatchlist: { path: { id: string }; query: Record<string, never>; body: undefined; answer: Watchlist };
  /** Replace a watchlist. */
  replaceWatchlist: { path: { id: string }; query: Record<string, never>; body: WatchlistBody; answer: Watchlist };
  /** Delete a watchlist. */
  deleteWatchlist: { path: { id: string }; query: Record<string, never>; body: undefined; answer: undefined };
  /** The user's reports, newest first. */
  getReports: { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: ReportAnswer[] };
  /**
   * Ask for a report. The answer comes at once, the report is made meanwhile. Kinds: bars: final bars, by
   * symbol and start; trades: trades, by symbol and time; stats: figures over all trades, one row a symbol;
   * top-movers: the symbols that rose and fell most, by bars of interval; volume-profile: volume by ranges of
   * price; correlation: of the returns of each pair of symbols, by bars of interval; volatility: realised, of
   * each symbol's returns, by bars of interval; lp-scorecard: a desk's liquidity providers over the range,
   * one row each; exposure-history: a desk's exposure by windows of interval, by scope and name.
   */
  createReport: { path: Record<string, never>; query: Record<string, never>; body: ReportBody; answer: ReportAnswer };
  /** How far a report is. */
  getReport: { path: { id: string }; query: Record<string, never>; body: undefined; answer: ReportAnswer };
  /** Cancel and forget a report. */
  deleteReport: { path: { id: string }; query: Record<string, never>; body: undefined; answer: undefined };
  /**
   * The rows of a report. As JSON, CSV, Parquet or an Arrow stream, sent as it is read. An answer that breaks
   * off is not whole: ask again.
   */
  getReportResult: { path: { id: string }; query: GetReportResultQuery; body: undefined; answer: ReportBar<N>[] | ReportTrade<N>[] | ReportStats<N>[] | ReportMover<N>[] | ReportProfile<N>[] | ReportCorrelation<N>[] | ReportVolatility<N>[] | LpScore<N>[] | ExposureRow<N>[] };
  /** The user's rules. */
  getAlertRules: { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: AlertRuleAnswer<N>[] };
  /**
   * Make a rule. A user has at most 1000. Answered when the log has it; it is armed a moment later and fires
   * by the event price_alert of /api/events.
   */
  createAlertRule: { path: Record<string, never>; query: Record<string, never>; body: AlertRuleBody<N>; answer: AlertRuleAnswer<N> };
  /**
   * When a rule would have fired. The rule is run over the trades of the past in the order of the log, as it
   * would be live. Nothing is kept and nobody is told.
   */
  previewAlertRule: { path: Record<string, never>; query: Record<string, never>; body: PreviewBody<N>; answer: PreviewAnswer<N> };
  /** One rule. */
  getAlertRule: { path: { id: string }; query: Record<string, never>; body: undefined; answer: AlertRuleAnswer<N> };
  /** Replace a rule, and arm it anew. */
  replaceAlertRule: { path: { id: string }; query: Record<string, never>; body: AlertRuleBody<N>; answer: AlertRuleAnswer<N> };
  /** Delete a rule. */
  deleteAlertRule: { path: { id: string }; query: Record<string, never>; body: undefined; answer: undefined };
  /** What the user's rules fired. Newest first, each once, for ever. */
  getPriceAlerts: { path: Record<string, never>; query: GetPriceAlertsQuery; body: undefined; answer: FiredAlert<N>[] };
  /**
   * Decisions by windows. Counts, volumes, shares, execution times, spreads and slippages, over the symbols
   * that the token allows. Percentiles are at most 1/256 off. Newest first, or by order=asc oldest first; in
   * a window by name. A full page has the headers X-Next-Cursor and Link.
   */
  getRoutingWindows: { path: Record<string, never>; query: GetRoutingWindowsQuery; body: undefined; answer: RoutingWindow<N>[] };
  /**
   * Liquidity providers by windows. Spreads, quality, latencies, reject rates, and uptime by status changes.
   * Newest first, or by order=asc oldest first; in a window by name. A full page has the headers
   * X-Next-Cursor and Link.
   */
  getLpWindows: { path: Record<string, never>; query: GetLpWindowsQuery; body: undefined; answer: LpWindow<N>[] };
  /**
   * Exposure by windows. Windows in which a record came: totals as they were then, and peaks. By symbol:
   * those that the token allows. Newest first, or by order=asc oldest first; in a window by name. A full page
   * has the headers X-Next-Cursor and Link.
   */
  getExposureWindows: { path: Record<string, never>; query: GetExposureWindowsQuery; body: undefined; answer: ExposureWindow<N>[] };
  /**
   * Bars of quotes. Bid and ask of each interval that the quotes flow keeps (TAPEFLOW_QUOTE_INTERVALS), and
   * the spread by the time for which it held. Newest first, or by order=asc oldest first.
   */
  getQuoteBars: { path: { symbol: string }; query: GetQuoteBarsQuery; body: undefined; answer: QuoteBarAnswer<N>[] };
  /**
   * A desk's alerts. Newest first, or by order=asc oldest first, with the state that each has now. A full
   * page has the headers X-Next-Cursor and Link.
   */
  getAlerts: { path: Record<string, never>; query: GetAlertsQuery; body: undefined; answer: AlertAnswer[] };
  /**
   * Say that somebody looks after an alert. For roles that the gateway's setting names. It is written down
   * before it is answered, and told in the channel alerts. States only rise: asked again, or of one that is
   * resolved, nothing changes, and the answer says how it is.
   */
  acknowledgeAlert: { path: { alert: string }; query: Record<string, never>; body: undefined; answer: AlertAnswer };
  /** One alert. */
  getAlert: { path: { alert: string }; query: Record<string, never>; body: undefined; answer: AlertAnswer };
  /** Liveness. */
  getHealth: { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: Alive };
  /** Readiness, with each dependency. 503 with the same body where a needed dependency is down. */
  getReadiness: { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: Ready };
  /** Rooms and clients of the WebSocket gateways. */
  getWsStats: { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: WsStatsAnswer };
  /** Prometheus metrics. */
  getMetrics: { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: string };
  /**
   * Lag, rates, rejects and bars of the flows. By process, at most 2 s old, from the flows' metrics. One that
   * doesn't answer within a second is not up, and error says why.
   */
  getFlows: { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: FlowsAnswer };
  /** What this gateway is, and what a client has to know before it connects. */
  getAbout: { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: AboutAnswer };
}

/** Where each operation is. */
export const REST_OPERATIONS = {
  getPrice: { method: "GET", path: "/api/prices/{symbol}" },
  getPrices: { method: "GET", path: "/api/prices" },
  getBars: { method: "GET", path: "/api/ohlc/{symbol}" },
  getTrades: { method: "GET", path: "/api/trades/{symbol}" },
  getStats: { method: "GET", path: "/api/stats/{symbol}" },
  getHistorical: { method: "GET", path: "/api/historical/{symbol}" },
  getSymbols: { method: "GET", path: "/api/symbols" },
  getMarket: { method: "GET", path: "/api/market" },
  streamEvents: { method: "GET", path: "/api/events" },
  getWatchlists: { method: "GET", path: "/api/watchlists" },
  createWatchlist: { method: "POST", path: "/api/watchlists" },
  getWatchlist: { method: "GET", path: "/api/watchlists/{id}" },
  replaceWatchlist: { method: "PUT", path: "/api/watchlists/{id}" },
  deleteWatchlist: { method: "DELETE", path: "/api/watchlists/{id}" },
  getReports: { method: "GET", path: "/api/reports" },
  createReport: { method: "POST", path: "/api/reports" },
  getReport: { method: "GET", path: "/api/reports/{id}" },
  deleteReport: { method: "DELETE", path: "/api/reports/{id}" },
  getReportResult: { method: "GET", path: "/api/reports/{id}/result" },
  getAlertRules: { method: "GET", path: "/api/alert-rules" },
  createAlertRule: { method: "POST", path: "/api/alert-rules" },
  previewAlertRule: { method: "POST", path: "/api/alert-rules/preview" },
  getAlertRule: { method: "GET", path: "/api/alert-rules/{id}" },
  replaceAlertRule: { method: "PUT", path: "/api/alert-rules/{id}" },
  deleteAlertRule: { method: "DELETE", path: "/api/alert-rules/{id}" },
  getPriceAlerts: { method: "GET", path: "/api/price-alerts" },
  getRoutingWindows: { method: "GET", path: "/api/analytics/routing" },
  getLpWindows: { method: "GET", path: "/api/analytics/lp" },
  getExposureWindows: { method: "GET", path: "/api/analytics/exposure" },
  getQuoteBars: { method: "GET", path: "/api/quotes/{symbol}" },
  getAlerts: { method: "GET", path: "/api/alerts" },
  acknowledgeAlert: { method: "POST", path: "/api/alerts/{alert}/acknowledge" },
  getAlert: { method: "GET", path: "/api/alerts/{alert}" },
  getHealth: { method: "GET", path: "/health" },
  getReadiness: { method: "GET", path: "/health/ready" },
  getWsStats: { method: "GET", path: "/health/ws-stats" },
  getMetrics: { method: "GET", path: "/metrics" },
  getFlows: { method: "GET", path: "/health/flows" },
  getAbout: { method: "GET", path: "/api/about" },
} as const;
