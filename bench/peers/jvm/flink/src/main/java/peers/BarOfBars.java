package peers;

import org.apache.flink.api.common.functions.AggregateFunction;

/** The window's aggregate of a roll-up: a bar out of bars of a shorter interval. */
final class BarOfBars implements AggregateFunction<Bar, Bar, Bar> {
    @Override
    public Bar createAccumulator() {
        return new Bar();
    }

    @Override
    public Bar add(Bar shorter, Bar bar) {
        return bar.add(shorter);
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
