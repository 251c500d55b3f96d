package peers;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;

/** The fields of a bar read straight out of the bytes, by their places in the schema; symbols are made once. */
final class TunedDecoding extends AbstractDeserializationSchema<Trade> {
    private static final int FRAME = 5;
    private static final double SCALE = 1e10;
    private final Map<Name, String> symbols = new HashMap<>();
    private final Name asked = new Name();
    private transient byte[] bytes;
    private transient int at;

    /** Bytes as a key. */
    private static final class Name implements java.io.Serializable {
        private byte[] bytes;
        private int from;
        private int to;

        @Override
        public int hashCode() {
            int hash = 1;
            for (int at = from; at < to; at++) {
                hash = 31 * hash + bytes[at];
            }
            return hash;
        }

        @Override
        public boolean equals(Object other) {
            Name name = (Name) other;
            return Arrays.equals(bytes, from, to, name.bytes, name.from, name.to);
        }
    }

    @Override
    public Trade deserialize(byte[] value) {
        bytes = value;
        at = FRAME;
        String symbol = symbol();
        double price = number();
        double size = number();
        readLong(); // side
        int id = (int) readLong();
        at += id;
        return new Trade(symbol, price, size, readLong() / 1000);
    }

    private String symbol() {
        int length = (int) readLong();
        asked.bytes = bytes;
        asked.from = at;
        asked.to = at + length;
        at += length;
        String known = symbols.get(asked);
        if (known == null) {
            Name name = new Name();
            name.bytes = Arrays.copyOfRange(bytes, asked.from, asked.to);
            name.to = length;
            known = new String(name.bytes, StandardCharsets.UTF_8);
            symbols.put(name, known);
        }
        return known;
    }

    /** A decimal of up to eight bytes, as prices and sizes of this topic are. */
    private double number() {
        int length = (int) readLong();
        if (length > Long.BYTES) {
            throw new IllegalArgumentException("a decimal of " + length + " bytes");
        }
        long unscaled = bytes[at];
        for (int next = at + 1; next < at + length; next++) {
            unscaled = unscaled << 8 | bytes[next] & 0xff;
        }
        at += length;
        return unscaled / SCALE;
    }

    private long readLong() {
        long value = 0;
        int shift = 0;
        byte next;
        do {
            next = bytes[at++];
            value |= (long) (next & 0x7f) << shift;
            shift += 7;
        } while (next < 0);
        return value >>> 1 ^ -(value & 1);
    }
}
