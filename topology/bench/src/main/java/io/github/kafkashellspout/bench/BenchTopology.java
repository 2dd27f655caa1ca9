// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.bench;

import java.nio.file.Path;
import java.util.Map;
import org.apache.storm.Config;
import org.apache.storm.StormSubmitter;
import org.apache.storm.topology.TopologyBuilder;

/** Submits one row of the benchmark: a spout, and a bolt that acks and counts. Rows differ in the spout alone. */
public final class BenchTopology {
    private static final String USAGE = """
            Arguments: NAME FILE, whose lines are KEY=VALUE:
              dir=DIR              where the bolt writes its counts; required
              spout=KIND           java-constant, java-idle, java-kafka, shell or companion; required
              ackers=N             1 (default): at least once; 0: tuples without ids
              tasks=N              of the spout; default 1
              bolts=N              default 1
              size=N               bytes of the string that java-constant emits; default 100
              latency=1            values begin with the time they were made at; the bolt writes how old they came
              command.0=PROGRAM    what shell and companion run; command.1 and so on are its arguments
              kafka.spout.KEY=...  configuration of these two
              java.KEY=...         bootstrap, topic and group of java-kafka; JavaKafka has the rest
              topology.KEY=...     configuration of the topology; a whole number becomes one""";
    private static final String SPOUT = "kafka";

    private BenchTopology() {
    }

    /** @param args see {@link #USAGE} */
    public static void main(String[] args) throws Exception {
        try {
            if (args.length != 2) {
                throw new IllegalArgumentException("a name and a file are needed");
            }
            submit(args[0], Settings.read(Path.of(args[1])));
        } catch (IllegalArgumentException e) {
            System.err.println(USAGE + "\n" + e.getMessage());
            System.exit(64);
        }
    }

    private static void submit(String name, Settings settings) throws Exception {
        int ackers = settings.number("ackers", 1);
        Config conf = new Config();
        conf.setNumWorkers(1);
        conf.setNumAckers(ackers);
        // All of it is in one worker: no way out is left that could be measured instead.
        conf.setNumEventLoggers(0);
        for (Map.Entry<String, String> entry : settings.with("topology.").entrySet()) {
            String value = entry.getValue();
            conf.put(entry.getKey(), value.matches("\\d+") ? (Object) Long.valueOf(value) : value);
        }
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout(SPOUT, Spouts.make(settings, ackers > 0), settings.number("tasks", 1));
        CountBolt bolt = new CountBolt(settings.text("dir"), settings.number("latency", 0) > 0);
        builder.setBolt("count", bolt, settings.number("bolts", 1)).shuffleGrouping(SPOUT);
        StormSubmitter.submitTopology(name, conf, builder.createTopology());
    }
}
