// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.cluster;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Tuple;

/**
 * Writes a line {@code HOW SPOUT-TASK VALUE MILLIS} for each tuple, or for some, before it answers. HOW is {@code ack}, {@code fail}
 * or {@code drop}, MILLIS the time since the epoch.
 */
public final class SeenBolt extends BaseRichBolt {
    private static final long serialVersionUID = 1L;

    private final String dir;
    private final int failOneIn;
    private final int dropOneIn;
    private final int dropFirst;
    private final int sleepMs;
    private final int noteOneIn;
    private transient OutputCollector collector;
    private transient Notes notes;
    private transient Set<String> refused;
    private transient int dropped;

    /**
     * @param dir where its files go
     * @param failOneIn fail the first delivery of values, read as numbers, that are a multiple of this; 0 for none
     * @param dropOneIn the same, but with no answer at all
     * @param dropFirst no answer to so many tuples at the beginning
     * @param sleepMs before the answer
     * @param noteOneIn write lines for values that are a multiple of this alone
     */
    public SeenBolt(String dir, int failOneIn, int dropOneIn, int dropFirst, int sleepMs, int noteOneIn) {
        this.dir = dir;
        this.failOneIn = failOneIn;
        this.dropOneIn = dropOneIn;
        this.dropFirst = dropFirst;
        this.sleepMs = sleepMs;
        this.noteOneIn = noteOneIn;
    }

    // A raw Map is what compiles against Storm 1.x and 2.x alike.
    @Override
    @SuppressWarnings("rawtypes")
    public void prepare(Map conf, TopologyContext context, OutputCollector outputCollector) {
        collector = outputCollector;
        refused = new HashSet<>();
        notes = new Notes(dir, "seen", context.getThisTaskId());
    }

    @Override
    public void execute(Tuple tuple) {
        String value = tuple.getString(0);
        String how = answer(value);
        if (noteOneIn == 1 || Long.parseLong(value) % noteOneIn == 0) {
            notes.add(how + ' ' + tuple.getSourceTask() + ' ' + value + ' ' + System.currentTimeMillis());
        }
        try {
            if (sleepMs > 0) {
                Thread.sleep(sleepMs);
            }
        } catch (InterruptedException e) {
            // Storm ends the executor. The line stands, but there was no answer: as with a kill at this place.
            Thread.currentThread().interrupt();
            return;
        }
        switch (how) {
            case "ack" -> collector.ack(tuple);
            case "fail" -> collector.fail(tuple);
            default -> { }
        }
    }

    private String answer(String value) {
        if (dropped < dropFirst) {
            dropped++;
            return "drop";
        }
        long number = failOneIn > 0 || dropOneIn > 0 ? Long.parseLong(value) : 0;
        if (failOneIn > 0 && number % failOneIn == 0 && refused.add(value)) {
            return "fail";
        }
        return dropOneIn > 0 && number % dropOneIn == 0 && refused.add(value) ? "drop" : "ack";
    }

    @Override
    public void cleanup() {
        notes.close();
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        // The end of the line.
    }
}
