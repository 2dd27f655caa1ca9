// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.cluster;

import io.github.kafkashellspout.KafkaShellSpout;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.storm.Config;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.TopologyContext;

/**
 * Notes what passes between the spout and Storm, and changes nothing of it: {@code with-id} and {@code without-id} when
 * the first such tuple is emitted, {@code in-flight N} and {@code nested N} when there are more of them than ever,
 * {@code twice ID} when a tuple comes again that Storm has neither acked nor failed.
 */
public final class WatchedSpout extends KafkaShellSpout {
    private static final long serialVersionUID = 1L;

    private final String dir;
    private final int toldAckers;
    private transient Notes notes;
    private transient Set<Object> inFlight;
    private transient int mostInFlight;
    private transient int depth;
    private transient int deepest;
    private transient boolean withId;
    private transient boolean withoutId;

    /**
     * @param dir where its files go
     * @param toldAckers what the spout's process is to take for topology.acker.executors; below 0 it is told the truth
     */
    public WatchedSpout(String dir, int toldAckers, List<String> command, String... outputFields) {
        super(command, outputFields);
        this.dir = dir;
        this.toldAckers = toldAckers;
    }

    // A raw Map is what compiles against Storm 1.x and 2.x alike.
    @Override
    @SuppressWarnings({"rawtypes", "unchecked"})
    public void open(Map conf, TopologyContext context, SpoutOutputCollector collector) {
        notes = new Notes(dir, "watch", context.getThisTaskId());
        inFlight = new HashSet<>();
        Map told = new HashMap(conf);
        if (toldAckers >= 0) {
            told.put(Config.TOPOLOGY_ACKER_EXECUTORS, toldAckers);
        }
        super.open(told, context, new SpoutOutputCollector(collector) {
            @Override
            public List<Integer> emit(String stream, List<Object> tuple, Object id) {
                begin(id);
                // Without ackers Storm acks in here, and what the spout answers to that is read in here, too.
                List<Integer> tasks = super.emit(stream, tuple, id);
                depth--;
                return tasks;
            }
        });
    }

    private void begin(Object id) {
        if (id == null) {
            if (!withoutId) {
                notes.add("without-id");
            }
            withoutId = true;
        } else {
            if (!withId) {
                notes.add("with-id");
            }
            withId = true;
            if (!inFlight.add(id)) {
                notes.add("twice " + id);
            }
        }
        if (inFlight.size() > mostInFlight) {
            mostInFlight = inFlight.size();
            notes.add("in-flight " + mostInFlight);
        }
        depth++;
        if (depth > deepest) {
            deepest = depth;
            notes.add("nested " + (deepest - 1));
        }
    }

    @Override
    public void ack(Object id) {
        inFlight.remove(id);
        super.ack(id);
    }

    @Override
    public void fail(Object id) {
        inFlight.remove(id);
        super.fail(id);
    }
}
