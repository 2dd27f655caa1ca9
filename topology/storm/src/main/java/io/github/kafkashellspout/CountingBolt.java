// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.util.BitSet;
import java.util.Map;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Tuple;

/**
 * Counts numbered lines, each number once and the repeats apart. The counts are static: with LocalCluster the program
 * that looks at them is in the same JVM.
 */
public final class CountingBolt extends BaseRichBolt {
    private static final long serialVersionUID = 1L;
    private static final Counts COUNTS = new Counts();
    /** A line begins with its number, in so many digits. */
    private static final int DIGITS = 12;

    private final int failOneIn;
    private transient OutputCollector collector;

    /** @param failOneIn fail the first delivery of every line whose number is a multiple of this; 0 for none */
    public CountingBolt(int failOneIn) {
        this.failOneIn = failOneIn;
    }

    /** What has arrived in this JVM so far. */
    static Snapshot counts() {
        return COUNTS.snapshot();
    }

    // A raw Map is what compiles against Storm 1.x and 2.x alike.
    @Override
    @SuppressWarnings("rawtypes")
    public void prepare(Map conf, TopologyContext context, OutputCollector outputCollector) {
        collector = outputCollector;
    }

    @Override
    public void execute(Tuple tuple) {
        long number = Long.parseLong(tuple.getString(0).substring(0, DIGITS));
        boolean failing = failOneIn > 0 && number % failOneIn == 0;
        if (COUNTS.delivered(number, failing)) {
            collector.fail(tuple);
        } else {
            collector.ack(tuple);
        }
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        // The end of the line.
    }

    /**
     * The counts at one moment.
     *
     * @param received deliveries, the failed ones included
     * @param distinct different lines that were acked
     * @param duplicates deliveries of lines that had been acked before
     * @param failed deliveries failed on purpose
     * @param firstNanos {@link System#nanoTime()} of the first delivery
     * @param lastNanos and of the last
     */
    record Snapshot(long received, long distinct, long duplicates, long failed, long firstNanos, long lastNanos) {
    }

    private static final class Counts {
        private final BitSet acked = new BitSet();
        private final BitSet failedOnce = new BitSet();
        private long received;
        private long duplicates;
        private long failed;
        private long firstNanos;
        private long lastNanos;

        /** True if this delivery is to be failed. */
        private synchronized boolean delivered(long number, boolean failing) {
            int bit = Math.toIntExact(number);
            lastNanos = System.nanoTime();
            if (received++ == 0) {
                firstNanos = lastNanos;
            }
            if (failing && !failedOnce.get(bit)) {
                failedOnce.set(bit);
                failed++;
                return true;
            }
            if (acked.get(bit)) {
                duplicates++;
            }
            acked.set(bit);
            return false;
        }

        private synchronized Snapshot snapshot() {
            return new Snapshot(received, acked.cardinality(), duplicates, failed, firstNanos, lastNanos);
        }
    }
}
