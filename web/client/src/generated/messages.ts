export type Interval = "1m" | "5m" | "15m" | "1h" | "4h" | "1D" | "1W";
export type ErrorCode = string;
export interface PriceSnapshot { type: "snapshot"; symbol: string; price: number; bid: number | null; ask: number | null; volume: number; open: number; high: number; low: number; previousClose: number | null; change: number | null; changePercent: number | null; timestamp: number; sequence: number; exchange: string }
export interface PriceDelta { type: "delta"; symbol: string; price?: number; bid?: number|null; ask?: number|null; volume?: number; open?: number; high?: number; low?: number; previousClose?: number|null; change?: number|null; changePercent?: number|null; exchange?: string; timestamp: number; sequence: number; previous: number }
export interface PricesError { type: "error"; code: ErrorCode; message: string; timestamp: number }
export interface PricesPong { type: "pong"; timestamp: number }
export type PricesServerMessage = PriceSnapshot | PriceDelta | PricesError | PricesPong;
export interface Candle { time: string; open: number; high: number; low: number; close: number; volume: number; quoteVolume: number; final: boolean; revision: number; tradeCount: number; vwap: number | null }
export interface CandlesInitial { type: "initial"; symbol: string; interval: Interval; bars: Candle[] }
export interface CandleUpdate { type: "update"; symbol: string; interval: Interval; bar: Candle }
export interface CandlesError { type: "error"; message: string }
export interface CandlesPong { type: "pong" }
export type CandlesServerMessage = CandlesInitial | CandleUpdate | CandlesError | CandlesPong;
export interface Quote { symbol: string; price: number; change: number | null; changePercent: number | null; volume: number; high: number; low: number; open: number; previousClose: number | null; timestamp: string; source: string }
export interface SymbolQuote { symbol: string; data: Quote }
export interface QuotesConnected { type: "connected"; message: string; clientId: string; timestamp: string }
export interface PriceUpdate { type: "price_update"; symbol: string; data: Quote; timestamp: string }
export interface BatchUpdate { type: "batch_update"; updates: SymbolQuote[]; timestamp: string }
export interface QuotesError { type: "error"; code: ErrorCode; message: string; timestamp: string }
export interface QuotesPong { type: "pong"; timestamp: string; clientTimestamp?: unknown }
export type QuotesServerMessage = QuotesConnected | PriceUpdate | BatchUpdate | QuotesError | QuotesPong;
export type AnalyticsChannel = "routing-metrics" | "lp-performance" | "exposure-updates" | "alerts";
export interface RoutingDecision { symbol?: string; side?: string; volume?: number; routingDecision?: string; lpSelected?: string; executionTimeMs?: number; spread?: number; slippage?: number }
export interface LpMetrics { lpName?: string; status?: string; avgSpread?: number; executionQuality?: number; latencyMs?: number; quotesPerSecond?: number; rejectRate?: number; uptime?: number }
export interface Exposure { totalExposure?: number; netExposure?: number; exposureLimit?: number; utilizationPct?: number; riskLevel?: string; bySymbol?: Record<string, number>; byLP?: Record<string, number> }
export interface AlertEvent { title: string; id?: string; severity?: string; category?: string; message?: string; source?: string; symbols?: string[]; actionItems?: string[] }
export interface RoutingDecisionUpdate { type: "routing-decision"; timestamp: string; data: RoutingDecision }
export interface LpMetricsUpdate { type: "lp-metrics"; timestamp: string; data: LpMetrics }
export interface ExposureChange { type: "exposure-change"; timestamp: string; data: Exposure }
export interface AnalyticsAlert { type: "alert"; timestamp: string; data: AlertEvent }
export interface AnalyticsError { type: "error"; timestamp: string; data: { code: string; message: string } }
export interface AnalyticsPong { type: "pong"; timestamp: string; data: object }
export type AnalyticsServerMessage = RoutingDecisionUpdate | LpMetricsUpdate | ExposureChange | AnalyticsAlert | AnalyticsError | AnalyticsPong;
export interface NewsEvent { title: string; source?: string; timestamp?: number }
export interface PriceAlertEvent { symbol: string; price: number; alert_type: string; threshold: number }
export interface SystemStatusEvent { status: string; duration?: number; affected_symbols?: string[] }
export interface GapEvent { reason: "trimmed" | "reset"; lastEventId: string; firstAvailableId: string | null }
