package peers;

import org.apache.flink.api.common.functions.AggregateFunction;

/** The window's aggregate: a bar out of trades. */
final class BarOfTrades implements AggregateFunction<Trade, Bar, Bar> {
    @Override
    public Bar createAccumulator() {
        return new Bar();
    }

    @Override
    public Bar add(Trade trade, Bar bar) {
        Marks.see();
        return bar.add(trade);
    }

    @Override
    public Bar getResult(Bar bar) {
        return bar;
    }

    @Override
    public Bar merge(Bar one, Bar other) {
        return one.add(other);
    }
}
