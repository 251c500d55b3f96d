/** Everything that the package offers. */
export { useAnalytics, type UseAnalyticsOptions, type UseAnalyticsReturn } from "./analytics.ts";
export {
  useWebSocketCandles, type Candle, type UseWebSocketCandlesOptions, type UseWebSocketCandlesReturn,
} from "./candles.ts";
export { useConnection, type UseConnectionReturn } from "./connection.ts";
export { useEvents, type EventType, type ReceivedEvent, type UseEventsOptions, type UseEventsReturn } from "./events.ts";
export { ConnectionStatusIndicator, type ConnectionStatusIndicatorProps } from "./indicator.tsx";
export { configure, type Dialect, type PageOptions } from "./page.ts";
export { useRest } from "./rest.ts";
export { useCandleSeries, type UseCandleSeriesOptions } from "./series.ts";
export { useRealTimeStock, type UseRealTimeStockOptions, type UseRealTimeStockReturn } from "./stock.ts";
export { useTicker, useTickers } from "./tickers.ts";
