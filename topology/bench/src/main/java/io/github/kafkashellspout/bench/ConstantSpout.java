// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.bench;

import java.util.Map;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichSpout;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Values;

/** Emits one and the same string: as fast as Storm itself can be. */
public final class ConstantSpout extends BaseRichSpout {
    private static final long serialVersionUID = 1L;

    private final String value;
    private final boolean acked;
    private transient SpoutOutputCollector collector;
    private transient long id;

    /**
     * @param size of the string; 0 for a spout that never emits
     * @param acked whether tuples have an id
     */
    public ConstantSpout(int size, boolean acked) {
        this.value = "x".repeat(size);
        this.acked = acked;
    }

    @Override
    public void open(Map<String, Object> conf, TopologyContext context, SpoutOutputCollector outputCollector) {
        collector = outputCollector;
    }

    @Override
    public void nextTuple() {
        if (value.isEmpty()) {
            return;
        }
        if (acked) {
            collector.emit(new Values(value), id++);
        } else {
            collector.emit(new Values(value));
        }
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        declarer.declare(new Fields("value"));
    }
}
