// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.example;

import io.github.kafkashellspout.KafkaShellSpout;
import io.github.kafkashellspout.NativeKafkaSpout;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.storm.Config;
import org.apache.storm.StormSubmitter;
import org.apache.storm.topology.IRichSpout;
import org.apache.storm.topology.TopologyBuilder;

/**
 * Submits the native spout, which travels in the same jar's {@code resources/}, and a bolt that logs what it gets. A topology
 * of your own takes {@link NativeKafkaSpout} or {@link KafkaShellSpout}, and that directory.
 */
public final class ExampleTopology {
    private static final String USAGE = String.join(System.lineSeparator(),
            "Usage: storm jar JAR " + ExampleTopology.class.getName() + " NAME KEY=VALUE...",
            "  kafka.spout.KEY=...   configuration of the spout; bootstrap.servers and topics are required",
            "  topology.KEY=...      configuration of the topology; a whole number becomes one",
            "  spout=native|shell    NativeKafkaSpout, which is the faster one and the default, or Storm's own ShellSpout",
            "  tasks=N               of the spout, default 1",
            "  workers=N             default 1",
            "For example:",
            "  storm jar JAR " + ExampleTopology.class.getName() + " clicks \\",
            "    kafka.spout.bootstrap.servers=broker1:9092 kafka.spout.topics=clicks");
    private static final String SPOUT = "kafka";
    private static final String FIELDS = "kafka.spout.fields";

    private final Map<String, String> options = new TreeMap<>();

    private ExampleTopology(List<String> arguments) {
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
            if (args.length == 0 || args[0].startsWith("-") || args[0].indexOf('=') >= 0) {
                throw new IllegalArgumentException("NAME is missing");
            }
            new ExampleTopology(Arrays.asList(args).subList(1, args.length)).submit(args[0]);
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage() + System.lineSeparator() + USAGE);
            System.exit(64);
        }
    }

    private void submit(String name) throws Exception {
        int tasks = number("tasks", 1);
        Config conf = new Config();
        conf.setNumWorkers(number("workers", 1));
        for (String key : Arrays.asList("kafka.spout.bootstrap.servers", "kafka.spout.topics")) {
            if (!options.containsKey(key)) {
                throw new IllegalArgumentException(key + " is missing");
            }
        }
        String kind = options.remove("spout");
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
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout(SPOUT, spout(kind == null ? "native" : kind, configuration), tasks);
        builder.setBolt("log", new LogBolt()).shuffleGrouping(SPOUT);
        StormSubmitter.submitTopology(name, conf, builder.createTopology());
    }

    private static IRichSpout spout(String kind, Map<String, Object> configuration) {
        switch (kind) {
            case "native":
                NativeKafkaSpout nativeSpout = new NativeKafkaSpout();
                configuration.forEach(nativeSpout::with);
                return nativeSpout;
            case "shell":
                String fields = configuration.getOrDefault(FIELDS, "value").toString();
                // As the supervisor extracts it, the program is not executable; the script mends that.
                KafkaShellSpout shellSpout = new KafkaShellSpout(Arrays.asList("sh", "launcher.sh"), fields.split("\\s*,\\s*"));
                configuration.forEach(shellSpout::with);
                return shellSpout;
            default:
                throw new IllegalArgumentException("spout: there is no " + kind + "; it is native or shell");
        }
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
