// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.cluster;

import io.github.kafkashellspout.KafkaShellSpout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.storm.Config;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.TopologyContext;

/** Has a {@link Watch} on what passes between the spout and Storm, and changes nothing of it. */
public final class WatchedSpout extends KafkaShellSpout {
    private static final long serialVersionUID = 1L;

    private final String dir;
    private final int toldAckers;
    private transient Watch watch;

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
        watch = new Watch(dir, context.getThisTaskId());
        Map told = new HashMap(conf);
        if (toldAckers >= 0) {
            told.put(Config.TOPOLOGY_ACKER_EXECUTORS, toldAckers);
        }
        super.open(told, context, watch.around(collector));
    }

    @Override
    public void nextTuple() {
        watch.next();
        super.nextTuple();
    }

    @Override
    public void activate() {
        watch.activate();
        super.activate();
    }

    @Override
    public void deactivate() {
        watch.deactivate();
        super.deactivate();
    }

    @Override
    public void ack(Object id) {
        watch.done(id);
        super.ack(id);
    }

    @Override
    public void fail(Object id) {
        watch.done(id);
        super.fail(id);
    }
}
