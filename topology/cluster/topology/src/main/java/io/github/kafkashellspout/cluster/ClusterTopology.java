// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.cluster;

import io.github.kafkashellspout.KafkaShellSpout;
import io.github.kafkashellspout.NativeKafkaSpout;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.storm.Config;
import org.apache.storm.StormSubmitter;
import org.apache.storm.metric.LoggingMetricsConsumer;
import org.apache.storm.topology.IRichSpout;
import org.apache.storm.topology.TopologyBuilder;

/**
 * Submits the native spout and a bolt that keeps a file of what it saw. Compiles against Storm 1.1.3 and 2.x; the spout
 * and its launcher script come out of the same jar's {@code resources/}.
 */
public final class ClusterTopology {
    private static final String USAGE = """
            Arguments: NAME KEY=VALUE...
              spout=native          NativeKafkaSpout, with the program of the jar; default: a ShellSpout with launcher.sh
              seen.dir=DIR          where the bolt, and the spout that is watched, write their files; required
              workers=N             default 1
              executors=N           of the spout, default 1
              tasks=N               of the spout, default as many as executors
              readers=N             executors of the bolt, default 1; with 0 nobody reads the spout's stream
              fail.one.in=N         the bolt fails the first delivery of every Nth value; default 0, none
              drop.one.in=N         neither acks nor fails it; default 0, none
              drop.first=N          the same with so many tuples at the beginning; default 0
              watch=1               note what passes between the spout and Storm; default 0
              told.ackers=N         the same, and the spout's process takes this for topology.acker.executors
              sleep.ms=N            how long the bolt takes for each tuple; default 0
              note.one.in=N         the bolt notes every Nth value alone, and is fast; default 1
              metrics=1             metrics go to the workers' logs; default 0
              kafka.spout.KEY=...   configuration of the spout
              topology.KEY=...      configuration of the topology; a whole number becomes one""";
    private static final String SPOUT = "kafka";

    private final Map<String, String> options = new TreeMap<>();

    private ClusterTopology(List<String> arguments) {
        for (String argument : arguments) {
            int equals = argument.indexOf('=');
            if (equals <= 0) {
                throw new IllegalArgumentException(argument + " is not KEY=VALUE");
            }
            options.put(argument.substring(0, equals), argument.substring(equals + 1));
        }
    }

    /** @param args see {@link #USAGE} */
    public static void main(String[] args) throws Exception {
        try {
            if (args.length == 0) {
                throw new IllegalArgumentException("no name");
            }
            new ClusterTopology(List.of(args).subList(1, args.length)).submit(args[0]);
        } catch (IllegalArgumentException e) {
            System.err.println(USAGE + "\n" + e.getMessage());
            System.exit(64);
        }
    }

    private void submit(String name) throws Exception {
        int executors = number("executors", 1);
        int tasks = number("tasks", executors);
        int readers = number("readers", 1);
        String dir = options.remove("seen.dir");
        if (dir == null) {
            throw new IllegalArgumentException("seen.dir is missing");
        }
        SeenBolt bolt = new SeenBolt(dir, number("fail.one.in", 0), number("drop.one.in", 0), number("drop.first", 0),
                number("sleep.ms", 0), number("note.one.in", 1));
        int toldAckers = number("told.ackers", -1);
        boolean watched = number("watch", 0) > 0 || toldAckers >= 0;
        String kind = options.remove("spout");
        Config conf = new Config();
        conf.setNumWorkers(number("workers", 1));
        if (number("metrics", 0) > 0) {
            conf.registerMetricsConsumer(LoggingMetricsConsumer.class, 1);
        }
        Map<String, Object> configuration = new TreeMap<>();
        options.forEach((key, value) -> {
            if (key.startsWith("kafka.spout.")) {
                configuration.put(key, value);
            } else if (key.startsWith("topology.")) {
                conf.put(key, value.matches("\\d+") ? (Object) Long.valueOf(value) : value);
            } else {
                throw new IllegalArgumentException("unknown key " + key);
            }
        });
        IRichSpout spout;
        if (kind == null) {
            List<String> command = List.of("sh", "launcher.sh");
            KafkaShellSpout shell = new KafkaShellSpout(command, "value");
            configuration.forEach(shell::with);
            spout = shell;
        } else if (kind.equals("native") && toldAckers < 0) {
            NativeKafkaSpout companion = new NativeKafkaSpout();
            configuration.forEach(companion::with);
            spout = companion;
        } else {
            throw new IllegalArgumentException("spout=" + kind + " is unknown, or cannot be told of ackers");
        }
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout(SPOUT, watched ? new WatchedSpout(spout, dir, toldAckers) : spout, executors).setNumTasks(tasks);
        if (readers > 0) {
            builder.setBolt("seen", bolt, readers).shuffleGrouping(SPOUT);
        }
        StormSubmitter.submitTopology(name, conf, builder.createTopology());
    }

    private int number(String key, int otherwise) {
        String text = options.remove(key);
        try {
            return text == null ? otherwise : Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(key + ": " + text + " is no number", e);
        }
    }
}
