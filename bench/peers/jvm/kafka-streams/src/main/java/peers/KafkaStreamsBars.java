package peers;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.Stores;

/** Bars of one minute by a windowed aggregation; its cache joins updates of a bar until the next commit. */
public final class KafkaStreamsBars {
    public static void main(String[] arguments) throws InterruptedException {
        Duration minute = Duration.ofMinutes(1);
        Duration grace = Duration.ofMillis(Long.parseLong(System.getenv("PEER_OUT_OF_ORDER_MS")));
        Map<Windowed<String>, Long> newest = new HashMap<>();
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(
                        System.getenv("PEER_TOPIC"),
                        Consumed.with(Serdes.String(), trades())
                                .withTimestampExtractor((record, before) -> ((Trade) record.value()).timeMs))
                .groupByKey(Grouped.with(Serdes.String(), trades()))
                .windowedBy(TimeWindows.ofSizeAndGrace(minute, grace))
                .aggregate(
                        Bar::new,
                        (symbol, trade, bar) -> {
                            Marks.see();
                            return bar.add(trade);
                        },
                        Materialized.<String, Bar>as(
                                        Stores.inMemoryWindowStore("bars", minute.plus(grace), minute, false))
                                .withKeySerde(Serdes.String())
                                .withValueSerde(bars())
                                .withLoggingDisabled()
                                .withCachingEnabled())
                .toStream()
                .foreach((window, bar) -> newest.put(window, bar.trades));

        KafkaStreams streams = new KafkaStreams(builder.build(), properties());
        streams.start();
        while (!Marks.isOver()) {
            Thread.sleep(20);
        }
        streams.close();
        Marks.end(newest.size(), newest.values().stream().mapToLong(Long::longValue).sum());
    }

    private static Properties properties() {
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, System.getenv("PEER_NAME"));
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv("PEER_BOOTSTRAP"));
        properties.put(StreamsConfig.STATE_DIR_CONFIG, System.getenv("PEER_FOLDER"));
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 2000);
        properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64 << 20);
        properties.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        properties.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);
        return properties;
    }

    private static Serde<Trade> trades() {
        TradeReader reader = new TradeReader();
        Deserializer<Trade> deserializer = (topic, value) -> reader.read(value);
        Serializer<Trade> serializer = (topic, trade) -> {
            throw new UnsupportedOperationException("trades are only read");
        };
        return Serdes.serdeFrom(serializer, deserializer);
    }

    private static Serde<Bar> bars() {
        Serializer<Bar> serializer = (topic, bar) -> ByteBuffer.allocate(48)
                .putDouble(bar.open)
                .putDouble(bar.high)
                .putDouble(bar.low)
                .putDouble(bar.close)
                .putDouble(bar.volume)
                .putLong(bar.trades)
                .array();
        Deserializer<Bar> deserializer = (topic, bytes) -> {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            Bar bar = new Bar();
            bar.open = buffer.getDouble();
            bar.high = buffer.getDouble();
            bar.low = buffer.getDouble();
            bar.close = buffer.getDouble();
            bar.volume = buffer.getDouble();
            bar.trades = buffer.getLong();
            return bar;
        };
        return Serdes.serdeFrom(serializer, deserializer);
    }
}
