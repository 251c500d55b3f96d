package peers;

/** Open, high, low, close, volume and count, in doubles. */
public class Bar {
    public String symbol;
    public double open;
    public double high = Double.NEGATIVE_INFINITY;
    public double low = Double.POSITIVE_INFINITY;
    public double close;
    public double volume;
    public long trades;

    public Bar add(Trade trade) {
        if (trades == 0) {
            symbol = trade.symbol;
            open = trade.price;
        }
        high = Math.max(high, trade.price);
        low = Math.min(low, trade.price);
        close = trade.price;
        volume += trade.size;
        trades++;
        return this;
    }

    /** The bar of a longer interval takes up a later one of a shorter. */
    public Bar add(Bar later) {
        if (trades == 0) {
            symbol = later.symbol;
            open = later.open;
        }
        high = Math.max(high, later.high);
        low = Math.min(low, later.low);
        close = later.close;
        volume += later.volume;
        trades += later.trades;
        return this;
    }
}
