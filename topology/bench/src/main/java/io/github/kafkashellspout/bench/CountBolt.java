// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.bench;

import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Tuple;

/** Acks and counts. What it costs is the same in all rows, and little; {@link Counts} does the writing. */
public final class CountBolt extends BaseRichBolt {
    private static final long serialVersionUID = 1L;

    private final String dir;
    private final boolean latency;
    private transient OutputCollector collector;
    private transient AtomicLong counter;
    private transient long count;
    private transient Counts counts;
    private transient Ages ages;

    /**
     * @param dir where its files go
     * @param latency whether values begin with the time that they were made at
     */
    public CountBolt(String dir, boolean latency) {
        this.dir = dir;
        this.latency = latency;
    }

    @Override
    public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector outputCollector) {
        collector = outputCollector;
        counter = new AtomicLong();
        ages = latency ? new Ages() : null;
        counts = new Counts(dir, context.getThisTaskId(), counter, ages);
        counts.start();
    }

    @Override
    public void execute(Tuple tuple) {
        if (ages != null) {
            ages.add(tuple.getString(0));
        }
        collector.ack(tuple);
        // Nobody else writes it, so no bus lock is needed.
        counter.lazySet(++count);
    }

    @Override
    public void cleanup() {
        counts.interrupt();
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        // The end of the line.
    }
}
