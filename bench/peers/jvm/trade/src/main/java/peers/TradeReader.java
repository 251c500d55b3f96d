package peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

/** Confluent-framed Avro by Avro's generic reader, as its documentation shows it. */
public final class TradeReader {
    private static final int FRAME = 5;
    private final GenericDatumReader<GenericRecord> reader;
    private BinaryDecoder decoder;
    private GenericRecord record;

    public TradeReader() {
        try {
            reader = new GenericDatumReader<>(new Schema.Parser().parse(Path.of(System.getenv("PEER_SCHEMA")).toFile()));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    public Trade read(byte[] value) {
        try {
            decoder = DecoderFactory.get().binaryDecoder(value, FRAME, value.length - FRAME, decoder);
            record = reader.read(record, decoder);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        long timeUs = (Long) record.get("event_time");
        return new Trade(record.get("symbol").toString(), number("price"), number("size"), timeUs / 1000);
    }

    private double number(String field) {
        ByteBuffer buffer = (ByteBuffer) record.get(field);
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return new BigDecimal(new BigInteger(bytes), 10).doubleValue();
    }
}
