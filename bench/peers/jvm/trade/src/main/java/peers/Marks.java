package peers;

/** What a peer tells the harness: a line at each twentieth of the trades, and one with what came out. */
public final class Marks {
    private static final long TRADES = Long.parseLong(System.getenv("PEER_TRADES"));
    private static final long STEP = TRADES / 20;
    private static long seen;

    private Marks() {}

    /** One trade more; called by one thread. */
    public static void see() {
        if (++seen % STEP == 0) {
            say("{\"trades\": " + seen + "}");
        }
    }

    public static boolean isOver() {
        return seen >= TRADES;
    }

    /** {@code tradesInBars}: the sum of counts of each interval's bars; {@code bars}: bars of one minute. */
    public static void end(long bars, long... tradesInBars) {
        say("{\"trades_in_bars\": " + java.util.Arrays.toString(tradesInBars) + ", \"bars\": " + bars + "}");
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
