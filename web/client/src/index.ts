/** Everything that the package offers. */
export { AnalyticsClient, type AnalyticsCallbacks, type AnalyticsOptions } from "./analytics.ts";
export { barOfCandle, type Bar } from "./bar.ts";
export { BarList, type SeriesChange } from "./bar_list.ts";
export { CandlesClient, type CandlesRoom } from "./candles.ts";
export { feedChart, type ChartSeries } from "./chart.ts";
export type { Doubles, Exact, MsgpackDecode, NumberOf } from "./codec.ts";
export type {
  ConnectionMetrics, ConnectionOptions, ConnectionState, WebSocketConfig, WebSocketConstructor, WebSocketLike,
} from "./options.ts";
export { ApiError, ConnectionError, ServerError, TapeflowError } from "./errors.ts";
export { EventClient, type EventData, type EventOptions } from "./events.ts";
export type * from "./generated/messages.ts";
export { ANALYTICS_CHANNELS, CLOSE_CODES, INTERVALS } from "./generated/messages.ts";
export type * from "./generated/rest.ts";
export type { Unsubscribe } from "./listeners.ts";
export type { ListState } from "./lists.ts";
export { PricesClient, type TickerListener } from "./prices.ts";
export { QuotesClient, quoteOfRow } from "./quotes.ts";
export { RestClient, type Range, type RestOptions } from "./rest.ts";
export { withRetry } from "./retry.ts";
export { CandleSeries, type SeriesOptions } from "./series.ts";
export type { GetToken } from "./token.ts";
export type {
  BarRow, CandlesMessage, MarketRow, PriceRow, QuoteBarRow, QuotesMessage, StatsRow, StockQuote, Ticker, TradeRow,
} from "./values.ts";
/** The names under which two of these are known elsewhere. */
export { AnalyticsClient as AnalyticsWebSocket } from "./analytics.ts";
export { QuotesClient as WebSocketService } from "./quotes.ts";
