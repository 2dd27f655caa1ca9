// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.storm.Config;
import org.apache.storm.LocalCluster;
import org.apache.storm.generated.KillOptions;
import org.apache.storm.topology.TopologyBuilder;

/** The main job, end to end: Kafka, the native spout, a Storm topology, offsets in ZooKeeper, and what came of it. */
public final class Demo {
    private static final String TOPIC = "lines";
    private static final String TOPOLOGY = "demo";
    private static final String SPOUT = "kafka";
    private static final long START_TIMEOUT_MS = 90_000;
    private static final long CLOSE_TIMEOUT_MS = 30_000;

    private final DemoOptions options;
    private final Path dir;
    private final Report report;
    private volatile StackProcess stack;

    private Demo(DemoOptions options, Path dir, Report report) {
        this.options = options;
        this.dir = dir;
        this.report = report;
    }

    /** @param args see {@code --help} */
    public static void main(String[] args) {
        DemoOptions options;
        try {
            options = DemoOptions.parse(args);
        } catch (IllegalArgumentException e) {
            System.err.println("demo: " + e.getMessage() + "; see --help");
            System.exit(64);
            return;
        }
        if (options.help) {
            System.out.println(DemoOptions.HELP);
            return;
        }
        System.exit(run(options));
    }

    private static int run(DemoOptions options) {
        Path dir;
        try {
            dir = Files.createTempDirectory("kafka-shell-spout-demo-");
        } catch (IOException e) {
            System.err.println("demo: no temporary directory can be made: " + e);
            return 2;
        }
        try {
            // Read by log4j2.xml, before the first logger is made.
            System.setProperty("demo.log", dir.resolve("storm.log").toString());
            try (Report report = new Report(System.out, options.json)) {
                Demo demo = new Demo(options, dir, report);
                // The one way out, Ctrl-C's too.
                Runtime.getRuntime().addShutdownHook(new Thread(demo::cleanUp, "clean-up"));
                return demo.run() ? 0 : 1;
            }
        } catch (Exception e) {
            options.keep = true;
            System.err.println("demo: " + e + "; logs are in " + dir);
            return 2;
        }
    }

    private boolean run() throws Exception {
        report.say("starting Kafka and ZooKeeper in " + dir);
        stack = new StackProcess(options.stack, dir);
        report.say("Kafka " + stack.kafka() + ", ZooKeeper " + stack.zookeeper());
        makeTopic(stack.kafka());
        String prefix = "/kafka-spout/" + TOPOLOGY + "-" + SPOUT;
        try (CommittedOffsets committed = new CommittedOffsets(stack.zookeeper(), prefix, options.partitions)) {
            return run(committed);
        }
    }

    private void cleanUp() {
        try {
            if (stack != null) {
                stack.close();
            }
        } catch (IOException e) {
            System.err.println("demo: Kafka and ZooKeeper could not be stopped: " + e);
        }
        if (!options.keep) {
            remove(dir);
        }
    }

    private boolean run(CommittedOffsets committed) throws Exception {
        LineProducer producer = new LineProducer(stack.kafka(), TOPIC, options.partitions, options.valueBytes);
        Sampler sampler = new Sampler(options.spout, Set.of(port(stack.kafka()), port(stack.zookeeper())));
        report.say("starting Storm (LocalCluster " + LocalCluster.class.getPackage().getImplementationVersion() + ")");
        try (LocalCluster cluster = new LocalCluster()) {
            cluster.submitTopology(TOPOLOGY, topologyConf(), topology().createTopology());
            sampler.awaitStart(options.spoutTasks, START_TIMEOUT_MS);
            producer.start(options.records, options.rate);
            watch(producer, sampler, committed);
            producer.stop();
            KillOptions kill = new KillOptions();
            // Storm deactivates the spout at once and ends it after this: time for its last commit.
            kill.set_wait_secs(2);
            cluster.killTopologyWithOpts(TOPOLOGY, kill);
            sampler.awaitEnd(CLOSE_TIMEOUT_MS);
        }
        return report.summary(producer.produced(), CountingBolt.counts(), committed, sampler);
    }

    /** Prints a line a second until everything has arrived, or too much time has passed. */
    private void watch(LineProducer producer, Sampler sampler, CommittedOffsets committed) throws Exception {
        long begun = System.nanoTime();
        long lastProgress = begun;
        long before = -1;
        boolean producing = true;
        while (true) {
            Thread.sleep(1000);
            if (producer.failure() != null) {
                throw new IOException("producing to Kafka failed", producer.failure());
            }
            long now = System.nanoTime();
            boolean timeIsOver = options.records == Long.MAX_VALUE && now - begun >= options.seconds * 1_000_000_000L;
            if (producing && (timeIsOver || producer.isDone())) {
                producer.stop();
                producing = false;
                lastProgress = now;
            }
            sampler.sample();
            CountingBolt.Snapshot counts = CountingBolt.counts();
            report.second((now - begun) / 1e9, producer.produced(), counts, committed.total(), sampler);
            if (counts.distinct() > before) {
                before = counts.distinct();
                lastProgress = now;
            }
            boolean waitedEnough = now - lastProgress > options.timeout * 1_000_000_000L;
            if (!producing && (counts.distinct() >= producer.produced() || waitedEnough)) {
                return;
            }
        }
    }

    private void makeTopic(String kafka) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", kafka))) {
            admin.createTopics(List.of(new NewTopic(TOPIC, Optional.of(options.partitions), Optional.empty()))).all().get();
        }
    }

    private TopologyBuilder topology() {
        KafkaShellSpout spout = new KafkaShellSpout(List.of(options.spout.toString()), "value")
                .with("kafka.spout.bootstrap.servers", stack.kafka())
                .with("kafka.spout.topics", TOPIC)
                .with("kafka.spout.zookeeper.connect", stack.zookeeper())
                .with("kafka.spout.log.file", dir.resolve("spout.log").toString());
        options.conf.forEach(spout::with);
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout(SPOUT, spout, options.spoutTasks);
        builder.setBolt("count", new CountingBolt(options.failOneIn), 1).shuffleGrouping(SPOUT);
        return builder;
    }

    private Config topologyConf() {
        Config conf = new Config();
        conf.setMaxSpoutPending(options.maxPending);
        conf.setNumAckers(1);
        conf.setMessageTimeoutSecs(60);
        return conf;
    }

    private static int port(String address) {
        return Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
    }

    private static void remove(Path dir) {
        try (Stream<Path> files = Files.walk(dir)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).collect(Collectors.toList())) {
                Files.deleteIfExists(file);
            }
        } catch (IOException | UncheckedIOException e) {
            new PrintStream(System.err).println("demo: " + dir + " could not be removed: " + e);
        }
    }
}
