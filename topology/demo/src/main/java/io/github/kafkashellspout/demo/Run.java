// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;

/** The main job, end to end: Kafka, the native spout, a Storm topology, offsets in ZooKeeper, and what came of it. */
final class Run {
    static final String TOPIC = "lines";
    /** Topology and component, as DemoTopology names them. */
    private static final String OFFSETS = "/kafka-spout/demo-kafka";
    private static final long START_TIMEOUT_MS = 90_000;
    /** Storm's JVM speaks once a second; a loaded machine may keep it from that. */
    private static final long WORD_TIMEOUT_MS = 3000;
    private static final long STATUS_PERIOD_MS = 1000;

    private final DemoOptions options;
    private final Path dir;
    private final View view;
    private final StackProcess stack;
    private final SpoutLog spoutLog;
    private TopologyProcess topology;
    private Sampler sampler;
    private LineProducer producer;
    private boolean endedByStorm;
    private volatile boolean aborted;

    Run(DemoOptions options, Path dir, View view) throws IOException {
        this.options = options;
        this.dir = dir;
        this.view = view;
        spoutLog = new SpoutLog(dir.resolve("spout.log"));
        view.say("starting Kafka and ZooKeeper in " + dir);
        stack = new StackProcess(options.modules.resolve("stack/target/stack-0.1.0.jar"), dir);
    }

    /** Starts all and shows how it goes, until everything has arrived or too much time has passed. */
    void go() throws Exception {
        stack.awaitReady();
        view.say("Kafka " + stack.kafka() + ", ZooKeeper " + stack.zookeeper());
        makeTopic();
        view.say("starting Storm " + options.storm.number() + " (LocalCluster)");
        topology = new TopologyProcess(options.storm, options.modules, dir, topologyKeys());
        sampler = new Sampler(topology.handle(), options.spout, Set.of(port(stack.kafka()), port(stack.zookeeper())));
        awaitSpout();
        producer = new LineProducer(stack.kafka(), TOPIC, options.partitions, options.valueBytes);
        producer.start(options.records, options.rate);
        try (SecondsFile json = new SecondsFile(options.json)) {
            watch(json);
        }
    }

    /** From another thread: what waits for a process, and hears no interrupt, goes on. */
    void abort() {
        aborted = true;
        stack.abortStart();
    }

    private void makeTopic() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", stack.kafka()))) {
            admin.createTopics(List.of(new NewTopic(TOPIC, Optional.of(options.partitions), Optional.empty()))).all().get();
        }
    }

    private List<String> topologyKeys() {
        List<String> keys = new ArrayList<>(List.of(
                "spout=" + options.spout,
                "tasks=" + options.spoutTasks,
                "max.pending=" + options.maxPending,
                "fail.one.in=" + options.failOneIn,
                "kafka.spout.bootstrap.servers=" + stack.kafka(),
                "kafka.spout.topics=" + TOPIC,
                "kafka.spout.zookeeper.connect=" + stack.zookeeper(),
                "kafka.spout.log.file=" + dir.resolve("spout.log"),
                "kafka.spout.status.period.ms=" + STATUS_PERIOD_MS));
        options.conf.forEach((key, value) -> keys.add(key + "=" + value));
        return keys;
    }

    private void awaitSpout() throws IOException, InterruptedException {
        long deadline = System.nanoTime() + START_TIMEOUT_MS * 1_000_000;
        for (sampler.sample(); sampler.processes() < options.spoutTasks; sampler.sample()) {
            if (System.nanoTime() > deadline) {
                throw new IOException("Storm has started " + sampler.processes() + " of " + options.spoutTasks
                        + " processes of the spout in " + START_TIMEOUT_MS + " ms");
            }
            topology.await(100);
        }
    }

    private void watch(SecondsFile json) throws Exception {
        long begun = System.nanoTime();
        long lastProgress = begun;
        double secondsBefore = 0;
        TopologyStatus before = TopologyStatus.NONE;
        boolean producing = true;
        while (!aborted) {
            TopologyStatus counts = topology.await(WORD_TIMEOUT_MS);
            long produced = producer.produced();
            if (producer.failure() != null) {
                throw new IOException("producing to Kafka failed: " + producer.failure(), producer.failure());
            }
            long now = System.nanoTime();
            double seconds = (now - begun) / 1e9;
            if (producing && (producer.isDone() || options.records == Long.MAX_VALUE && seconds >= options.seconds)) {
                producer.stop();
                produced = producer.produced();
                producing = false;
                lastProgress = now;
            }
            sampler.sample();
            double rate = (counts.received() - before.received()) / (seconds - secondsBefore);
            Moment moment = Moment.of(seconds, progress(seconds, produced), goal(seconds, produced, counts), produced, rate, counts,
                    spoutLog.poll());
            view.show(moment);
            json.write(moment);
            lastProgress = counts.distinct() > before.distinct() ? now : lastProgress;
            before = counts;
            secondsBefore = seconds;
            boolean waitedEnough = now - lastProgress > options.timeout * 1_000_000_000L;
            if (!producing && (counts.distinct() >= produced || waitedEnough)) {
                return;
            }
        }
    }

    private double progress(double seconds, long produced) {
        return options.records == Long.MAX_VALUE ? seconds / options.seconds : (double) produced / options.records;
    }

    private String goal(double seconds, long produced, TopologyStatus counts) {
        boolean byTime = options.records == Long.MAX_VALUE;
        if (byTime ? seconds >= options.seconds : produced >= options.records) {
            return "produced, " + Math.max(0, produced - counts.distinct()) + " on the way";
        }
        return byTime ? (long) seconds + " of " + options.seconds + " s" : produced + " of " + options.records + " lines";
    }

    /** Ends producer and topology, in this order; everything that has been started so far. */
    void end() throws IOException, InterruptedException {
        if (producer != null) {
            producer.stop();
        }
        if (topology != null) {
            if (topology.isAlive()) {
                view.say("killing the topology");
            }
            endedByStorm = topology.end();
            sampler.noteEnd();
        }
    }

    /** Prints what came of it; true if every line arrived and nothing was left behind. */
    boolean summary(PrintStream out, boolean interrupted) throws Exception {
        if (producer == null) {
            out.println("Ended before the first line.");
            return false;
        }
        try (CommittedOffsets committed = new CommittedOffsets(stack.zookeeper(), OFFSETS, options.partitions)) {
            Summary summary = new Summary(options, producer.produced(), topology.status(), sampler, endedByStorm);
            return summary.print(out, committed, interrupted);
        }
    }

    void stopServers() throws IOException, InterruptedException {
        stack.close();
    }

    private static int port(String address) {
        return Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
    }
}
