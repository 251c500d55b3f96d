package peers;

import java.util.concurrent.atomic.AtomicLongArray;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;

/** A sink that counts bars and the trades in them, and drops them. One of each number in a process. */
final class Counting<T> implements Sink<T> {
    private static final int INTERVALS = 7;
    private static final AtomicLongArray BARS = new AtomicLongArray(INTERVALS);
    private static final AtomicLongArray TRADES = new AtomicLongArray(INTERVALS);
    private final int number;
    private final TradesOf<T> tradesOf;

    /** How many trades a result has. */
    interface TradesOf<T> extends java.io.Serializable {
        long count(T result);
    }

    Counting(int number, TradesOf<T> tradesOf) {
        this.number = number;
        this.tradesOf = tradesOf;
    }

    static void end(int intervals) {
        long[] trades = new long[intervals];
        for (int each = 0; each < intervals; each++) {
            trades[each] = TRADES.get(each);
        }
        Marks.end(BARS.get(0), trades);
    }

    @Override
    public SinkWriter<T> createWriter(WriterInitContext context) {
        return new SinkWriter<>() {
            @Override
            public void write(T result, Context context) {
                BARS.incrementAndGet(number);
                TRADES.addAndGet(number, tradesOf.count(result));
            }

            @Override
            public void flush(boolean endOfInput) {}

            @Override
            public void close() {}
        };
    }
}
