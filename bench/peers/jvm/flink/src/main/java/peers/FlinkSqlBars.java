package peers;

import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/**
 * Bars of one minute by SQL's TUMBLE. The trades come through a DataStream, as no format of SQL skips the frame in front
 * of a record without a schema registry. Trades are counted as SQL takes them.
 */
public final class FlinkSqlBars {
    private static final String BARS =
            """
            SELECT symbol, window_start, FIRST_VALUE(price) AS opened, MAX(price) AS high, MIN(price) AS low,
                LAST_VALUE(price) AS closed, SUM(size) AS volume, COUNT(*) AS trades
            FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(traded_at), INTERVAL '1' MINUTE))
            GROUP BY symbol, window_start, window_end
            """;

    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment environment = FlinkJob.environment();
        StreamTableEnvironment tables = StreamTableEnvironment.create(environment);
        DataStream<Trade> trades = FlinkJob.trades(environment, new FlinkJob.Decoding()).map(trade -> {
            Marks.see();
            return trade;
        });
        Schema schema = Schema.newBuilder()
                .column("symbol", "STRING")
                .column("price", "DOUBLE")
                .column("size", "DOUBLE")
                .column("timeMs", "BIGINT")
                .columnByExpression("traded_at", "TO_TIMESTAMP_LTZ(timeMs, 3)")
                .watermark("traded_at", "SOURCE_WATERMARK()")
                .build();
        tables.createTemporaryView("trades", trades, schema);
        tables.toDataStream(tables.sqlQuery(BARS)).sinkTo(new Counting<>(0, row -> (Long) row.getField("trades")));
        environment.execute();
        Counting.end(1);
    }
}
