// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.io.IOException;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.storm.Config;
import org.apache.storm.LocalCluster;
import org.apache.storm.generated.KillOptions;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.utils.VersionInfo;

/**
 * The topology of {@code scripts/demo} in a LocalCluster, in a JVM of its own: its class path is either Storm's, 1.1.3 or
 * 2.x. Prints one JSON line a second, and ends the topology, then the JVM, when stdin ends: so it outlives nobody.
 */
public final class DemoTopology {
    private static final String USAGE = """
            Arguments: KEY=VALUE...
              spout=PROGRAM         required
              tasks=N               of the spout, default 1
              max.pending=N         topology.max.spout.pending, default 2000
              fail.one.in=N         the bolt fails the first delivery of every Nth line; default 0, none
              kafka.spout.KEY=...   configuration of the spout""";
    /** Part of the offsets' path in ZooKeeper. */
    private static final String NAME = "demo";
    private static final String SPOUT = "kafka";
    private static final int PERIOD_MS = 1000;
    /** Storm deactivates the spout at once and ends it after this: time for its last commit. */
    private static final int KILL_WAIT_S = 2;
    private static final long END_TIMEOUT_MS = 30_000;

    private final PrintStream out;
    private final Map<String, String> options = new TreeMap<>();

    private DemoTopology(PrintStream out, List<String> arguments) {
        this.out = out;
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
        PrintStream out = System.out;
        // Whatever Storm or its libraries print is none of our lines.
        System.setOut(System.err);
        try {
            new DemoTopology(out, List.of(args)).run();
        } catch (IllegalArgumentException e) {
            System.err.println(USAGE + "\n" + e.getMessage());
            System.exit(64);
        }
    }

    private void run() throws Exception {
        Config conf = new Config();
        conf.setMaxSpoutPending(number("max.pending", 2000));
        conf.setNumAckers(1);
        conf.setMessageTimeoutSecs(60);
        TopologyBuilder builder = topology();
        LocalCluster cluster = new LocalCluster();
        cluster.submitTopology(NAME, conf, builder.createTopology());
        Thread ticker = new Thread(this::tick, "ticker");
        ticker.setDaemon(true);
        ticker.start();
        awaitEndOfInput();
        Thread halt = new Thread(() -> haltAfter(2 * END_TIMEOUT_MS), "halt");
        halt.setDaemon(true);
        halt.start();
        end(cluster);
    }

    private TopologyBuilder topology() {
        String program = options.remove("spout");
        if (program == null) {
            throw new IllegalArgumentException("spout is missing");
        }
        int tasks = number("tasks", 1);
        CountingBolt bolt = new CountingBolt(number("fail.one.in", 0));
        KafkaShellSpout spout = new KafkaShellSpout(List.of(program), "value");
        options.forEach((key, value) -> {
            if (!key.startsWith("kafka.spout.")) {
                throw new IllegalArgumentException("unknown key " + key);
            }
            spout.with(key, value);
        });
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout(SPOUT, spout, tasks);
        builder.setBolt("count", bolt, 1).shuffleGrouping(SPOUT);
        return builder;
    }

    private int number(String key, int otherwise) {
        String text = options.remove(key);
        try {
            return text == null ? otherwise : Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(key + ": " + text + " is no number", e);
        }
    }

    private void tick() {
        try {
            while (true) {
                print(children(), false);
                Thread.sleep(PERIOD_MS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void print(long children, boolean ended) {
        CountingBolt.Snapshot counts = CountingBolt.counts();
        out.printf(Locale.ROOT, "{\"storm\":\"%s\",\"received\":%d,\"distinct\":%d,\"duplicates\":%d,\"failed\":%d,\"seconds\":%.3f,"
                + "\"children\":%d,\"ended\":%b}%n", VersionInfo.getVersion(), counts.received(), counts.distinct(), counts.duplicates(),
                counts.failed(), (counts.lastNanos() - counts.firstNanos()) / 1e9, children, ended);
        out.flush();
    }

    private static long children() {
        return ProcessHandle.current().children().count();
    }

    private static void awaitEndOfInput() {
        try {
            while (System.in.read() >= 0) {
                // Nothing is ever said; only the end matters.
            }
        } catch (IOException e) {
            // A broken pipe is an end, too.
        }
    }

    private void end(LocalCluster cluster) throws Exception {
        KillOptions kill = new KillOptions();
        kill.set_wait_secs(KILL_WAIT_S);
        cluster.killTopologyWithOpts(NAME, kill);
        long deadline = System.nanoTime() + END_TIMEOUT_MS * 1_000_000;
        long left = children();
        while (left > 0 && System.nanoTime() < deadline) {
            Thread.sleep(10);
            left = children();
        }
        // Not counted anew: Storm 1.1.3 starts a `kill` for the pid of a spout that has ended.
        print(left, true);
        // Not LocalCluster's own end, which 1.1.3 and 2.x call by different names: what counts, the spout's, has been.
        Runtime.getRuntime().halt(0);
    }

    private static void haltAfter(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Runtime.getRuntime().halt(1);
    }
}
