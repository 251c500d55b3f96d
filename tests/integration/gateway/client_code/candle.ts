interface Candle {
  time: Date;           // ISO 8601 timestamp of candle start
  open: number;         // Opening price
  high: number;         // Highest price
  low: number;          // Lowest price
  close: number;        // Closing price (current price if in-progress)
  volume: number;       // Base currency volume
  quoteVolume?: number; // Quote currency volume (optional)
}
