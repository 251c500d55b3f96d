package peers;

import java.time.Duration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;

/** Bars of one minute as the DataStream API is taught: keyBy, tumbling window, aggregate. */
public final class FlinkBars {
    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment environment = FlinkJob.environment();
        FlinkJob.trades(environment, new FlinkJob.Decoding())
                .keyBy(trade -> trade.symbol)
                .window(TumblingEventTimeWindows.of(Duration.ofMinutes(1)))
                .aggregate(new BarOfTrades())
                .sinkTo(new Counting<>(0, bar -> bar.trades));
        environment.execute();
        Counting.end(1);
    }
}
