package peers;

import java.time.Duration;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;

/**
 * Bars as fast as a user can make the DataStream API: a decoder written by hand, objects used again, and no shuffle, as
 * the topic is keyed by symbol already. With "all", seven intervals, each rolled up from the one before.
 */
public final class FlinkTunedBars {
    private static final Duration[] INTERVALS = {
        Duration.ofMinutes(1),
        Duration.ofMinutes(5),
        Duration.ofMinutes(15),
        Duration.ofHours(1),
        Duration.ofHours(4),
        Duration.ofDays(1),
        Duration.ofDays(7)
    };
    private static final Duration MONDAY = Duration.ofDays(4);

    public static void main(String[] arguments) throws Exception {
        int intervals = arguments[0].equals("all") ? INTERVALS.length : 1;
        StreamExecutionEnvironment environment = FlinkJob.environment();
        environment.getConfig().enableObjectReuse();
        DataStream<Bar> bars = keyed(FlinkJob.trades(environment, new TunedDecoding()))
                .window(TumblingEventTimeWindows.of(INTERVALS[0]))
                .aggregate(new BarOfTrades());
        bars.sinkTo(new Counting<>(0, bar -> bar.trades));
        for (int each = 1; each < intervals; each++) {
            Duration offset = INTERVALS[each].toDays() == 7 ? MONDAY : Duration.ZERO;
            bars = DataStreamUtils.reinterpretAsKeyedStream(bars, bar -> bar.symbol, Types.STRING)
                    .window(TumblingEventTimeWindows.of(INTERVALS[each], offset))
                    .aggregate(new BarOfBars());
            bars.sinkTo(new Counting<>(each, bar -> bar.trades));
        }
        environment.execute();
        Counting.end(intervals);
    }

    private static KeyedStream<Trade, String> keyed(DataStream<Trade> trades) {
        return DataStreamUtils.reinterpretAsKeyedStream(trades, trade -> trade.symbol, Types.STRING);
    }
}
