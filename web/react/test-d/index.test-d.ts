import type { ReactNode } from "react";
import { expectAssignable, expectError, expectType } from "tsd";
import {
  configure, ConnectionStatusIndicator, useAnalytics, useCandleSeries, useEvents, useRealTimeStock, useTicker, useTickers,
  useWebSocketCandles, type ConnectionStatusIndicatorProps, type UseRealTimeStockOptions, type UseRealTimeStockReturn,
} from "..";

// As it was published.
interface StockQuote {
  symbol: string;
  price: number;
  change: number | null;
  changePercent: number | null;
  volume: number;
  high: number;
  low: number;
  open: number;
  previousClose: number | null;
  timestamp: string;
  source: string;
}
interface DeclaredOptions {
  symbol: string;
  enableWebSocket?: boolean;
  fallbackToPolling?: boolean;
  pollingInterval?: number;
  onUpdate?: (data: StockQuote) => void;
  onError?: (error: Error) => void;
}
interface DeclaredReturn {
  data: StockQuote | null;
  loading: boolean;
  error: Error | null;
  isRealTime: boolean;
  isConnected: boolean;
  connectionState: "CONNECTING" | "OPEN" | "CLOSING" | "CLOSED" | "RECONNECTING";
  lastUpdate: Date | null;
  latency: number;
  refetch: () => Promise<void>;
}
interface DeclaredProps {
  isConnected: boolean;
  isRealTime: boolean;
  lastUpdate: Date | null;
  latency?: number;
  showDetails?: boolean;
  position?: "top-right" | "top-left" | "bottom-right" | "bottom-left";
}
interface DeclaredCandle {
  time: Date;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
  quoteVolume?: number;
}
declare const options: DeclaredOptions;
declare const ours: UseRealTimeStockOptions;
declare const props: DeclaredProps;
expectAssignable<UseRealTimeStockOptions>(options);
expectAssignable<DeclaredOptions>(ours);
expectAssignable<DeclaredReturn>(useRealTimeStock(options));
expectType<UseRealTimeStockReturn>(useRealTimeStock({ symbol: "A" }));
expectAssignable<ConnectionStatusIndicatorProps>(props);
expectType<ReactNode>(ConnectionStatusIndicator(props));
expectError(ConnectionStatusIndicator({ isConnected: true, isRealTime: true, lastUpdate: null, position: "middle" }));

const { candles, isConnected } = useWebSocketCandles({ symbol: "BTC/USDT", interval: "5m", initialBars: 100 });
expectAssignable<readonly DeclaredCandle[]>(candles);
expectType<boolean>(isConnected);
declare const interval: string;
useWebSocketCandles({ symbol: "A", interval });

// Numbers are doubles, or what the caller says that `exact` makes of them.
expectType<number | undefined>(useTicker("A")?.price);
expectType<string | undefined>(useTicker<string>("A")?.price);
expectType<number | undefined>(useTickers(["A"]).get("A")?.volume);
expectType<string | undefined>(useRealTimeStock<string>({ symbol: "A", onUpdate: ({ price }) => price.length }).data?.price);
expectType<string>(useWebSocketCandles<string>({ symbol: "A", interval: "1m" }).candles[0]!.close);
expectType<number>(useCandleSeries({ symbol: "A", interval: "1m" })!.bars[0]!.open);
configure({ exact: true });
configure({ exact: (text) => BigInt(text), lingerMs: 0 });

useAnalytics({ channels: ["alerts"], onAlert: ({ title }) => expectType<string>(title) });
expectError(useAnalytics({ channels: ["news"] }));
const [event] = useEvents({ types: ["news", "gap"] }).events;
if (event?.type === "news") expectType<string>(event.data.title);
if (event?.type === "gap") expectType<string | null>(event.data.firstAvailableId);
