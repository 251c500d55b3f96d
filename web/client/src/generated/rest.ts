import type { Interval } from "./messages.ts";
export interface PriceAnswer { symbol: string; price: number; bid: number | null; ask: number | null; volume: number; open: number; high: number; low: number; previousClose: number | null; change: number | null; changePercent: number | null; timestamp: number; sequence: number; exchange: string; stale: boolean }
export interface BarAnswer { symbol: string; time: number; open: number; high: number; low: number; close: number; volume: number; quoteVolume: number; vwap: number | null; tradeCount: number; final: boolean; revision: number; sequence: number }
export interface TradeAnswer { symbol: string; price: number; volume: number; side: "BUY" | "SELL" | "UNKNOWN"; timestamp: number; sequence: number; tradeId: string; exchange: string }
export interface StatsAnswer { symbol: string; period: string; open: number; high: number; low: number; close: number; volume: number; avgPrice: number; tickCount: number; trades: number; volatility: number; startTime: number; endTime: number; stale: boolean }
export interface SymbolInfo { symbol: string; exchange: string; firstSeen: number; lastSeen: number }
export interface Watchlist { id: string; name: string; symbols: string[]; createdAt: number; updatedAt: number }
export interface WatchlistBody { name: string; symbols: string[] }
export interface Ready { status: string; dependencies: Record<string, { status: string; needed: boolean; latencyMs: number | null; breaker: string; error: string }> }
export type { Interval };
