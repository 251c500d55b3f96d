package peers;

/** What a bar needs of a record. A plain object with public fields, so that engines know its shape. */
public class Trade {
    public String symbol;
    public double price;
    public double size;
    public long timeMs;

    public Trade() {}

    public Trade(String symbol, double price, double size, long timeMs) {
        this.symbol = symbol;
        this.price = price;
        this.size = size;
        this.timeMs = timeMs;
    }
}
