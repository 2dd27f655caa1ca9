// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.cluster;

import java.util.HashMap;
import java.util.Map;
import org.apache.storm.Config;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.IRichSpout;
import org.apache.storm.topology.OutputFieldsDeclarer;

/** Has a {@link Watch} on what passes between a spout and Storm, and changes nothing of it. */
public final class WatchedSpout implements IRichSpout {
    private static final long serialVersionUID = 1L;

    private final IRichSpout spout;
    private final String dir;
    private final int toldAckers;
    private transient Watch watch;

    /**
     * @param spout what is watched
     * @param dir where its files go
     * @param toldAckers what the spout is to take for topology.acker.executors; below 0 it is told the truth
     */
    public WatchedSpout(IRichSpout spout, String dir, int toldAckers) {
        this.spout = spout;
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
        spout.open(told, context, watch.around(collector));
    }

    @Override
    public void nextTuple() {
        watch.next();
        spout.nextTuple();
    }

    @Override
    public void activate() {
        watch.activate();
        spout.activate();
    }

    @Override
    public void deactivate() {
        watch.deactivate();
        spout.deactivate();
    }

    @Override
    public void ack(Object id) {
        watch.done(id);
        spout.ack(id);
    }

    @Override
    public void fail(Object id) {
        watch.done(id);
        spout.fail(id);
    }

    @Override
    public void close() {
        spout.close();
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        spout.declareOutputFields(declarer);
    }

    @Override
    public Map<String, Object> getComponentConfiguration() {
        return spout.getComponentConfiguration();
    }
}
