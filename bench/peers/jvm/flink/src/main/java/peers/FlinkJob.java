package peers;

import java.io.IOException;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** What all jobs share: one task slot, checkpoints of state on the heap, the topic from its first record to its end. */
final class FlinkJob {
    private FlinkJob() {}

    static StreamExecutionEnvironment environment() {
        Configuration configuration = new Configuration();
        configuration.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofSeconds(10));
        configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, "file://" + System.getenv("PEER_FOLDER"));
        return StreamExecutionEnvironment.createLocalEnvironment(1, configuration);
    }

    static DataStream<Trade> trades(StreamExecutionEnvironment environment, AbstractDeserializationSchema<Trade> schema) {
        KafkaSource<Trade> source = KafkaSource.<Trade>builder()
                .setBootstrapServers(System.getenv("PEER_BOOTSTRAP"))
                .setTopics(System.getenv("PEER_TOPIC"))
                .setGroupId(System.getenv("PEER_NAME"))
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setBounded(OffsetsInitializer.latest())
                .setProperty("max.poll.records", "10000")
                .setProperty("partition.discovery.interval.ms", "-1")
                .setValueOnlyDeserializer(schema)
                .build();
        Duration outOfOrder = Duration.ofMillis(Long.parseLong(System.getenv("PEER_OUT_OF_ORDER_MS")));
        WatermarkStrategy<Trade> watermarks = WatermarkStrategy.<Trade>forBoundedOutOfOrderness(outOfOrder)
                .withTimestampAssigner((trade, before) -> trade.timeMs);
        return environment.fromSource(source, watermarks, "trades");
    }

    /** A trade by Avro's generic reader. */
    static final class Decoding extends AbstractDeserializationSchema<Trade> {
        private transient TradeReader reader;

        @Override
        public void open(InitializationContext context) {
            reader = new TradeReader();
        }

        @Override
        public Trade deserialize(byte[] value) throws IOException {
            return reader.read(value);
        }
    }
}
