// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.cluster;

import io.github.kafkashellspout.NativeKafkaSpout;
import java.util.Map;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.TopologyContext;

/** Has a {@link Watch} on what passes between the spout and Storm, and changes nothing of it. */
public final class WatchedNativeSpout extends NativeKafkaSpout {
    private static final long serialVersionUID = 1L;

    private final String dir;
    private transient Watch watch;

    /** @param dir where its files go */
    public WatchedNativeSpout(String dir) {
        this.dir = dir;
    }

    // A raw Map is what compiles against Storm 1.x and 2.x alike.
    @Override
    @SuppressWarnings("rawtypes")
    public void open(Map conf, TopologyContext context, SpoutOutputCollector collector) {
        watch = new Watch(dir, context.getThisTaskId());
        super.open(conf, context, watch.around(collector));
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
