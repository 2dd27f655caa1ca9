// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.storm.spout.ShellSpout;
import org.apache.storm.topology.IRichSpout;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.tuple.Fields;

/**
 * Runs the native spout as a Storm component: declares its output fields and carries its configuration, nothing more. Workers
 * of Storm 1.x run Java 8, so nothing newer is used.
 *
 * <pre>{@code
 * builder.setSpout("kafka", new KafkaShellSpout(Arrays.asList("sh", "launcher.sh"), "value")
 *     .with("kafka.spout.bootstrap.servers", "broker1:9092")
 *     .with("kafka.spout.topics", "clicks"), 4);
 * }</pre>
 */
public class KafkaShellSpout extends ShellSpout implements IRichSpout {
    private static final long serialVersionUID = 1L;

    private final String[] outputFields;
    private final LinkedHashMap<String, Object> configuration = new LinkedHashMap<>();

    /**
     * @param command what the worker runs in the topology's {@code resources/} directory
     * @param outputFields one name for each entry of {@code kafka.spout.fields}
     */
    public KafkaShellSpout(List<String> command, String... outputFields) {
        super(command.toArray(new String[0]));
        this.outputFields = outputFields.clone();
    }

    /**
     * Sets a key of the component's configuration; it reaches the spout in the handshake and is visible in Storm UI. Call it
     * before {@code TopologyBuilder.setSpout}, which takes the configuration as it is then.
     */
    public KafkaShellSpout with(String key, Object value) {
        configuration.put(key, value);
        return this;
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        declarer.declare(new Fields(outputFields));
    }

    @Override
    public Map<String, Object> getComponentConfiguration() {
        return configuration;
    }
}
