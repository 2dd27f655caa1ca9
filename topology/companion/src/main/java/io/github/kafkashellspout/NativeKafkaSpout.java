// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.io.EOFException;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.apache.storm.Config;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.IRichSpout;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.tuple.Fields;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The native Kafka spout at the speed of a Java spout: the program runs beside the worker as under a ShellSpout, but speaks
 * binary frames that neither side waits for (docs/wire.md). A thread of this class decodes tuples ahead; {@link #nextTuple}
 * only emits; acks travel many at a time.
 *
 * <pre>{@code
 * builder.setSpout("kafka", new NativeKafkaSpout()
 *     .with("kafka.spout.bootstrap.servers", "broker1:9092")
 *     .with("kafka.spout.topics", "clicks"), 4);
 * }</pre>
 *
 * <p>Runs on Storm 1.1 to 2.8, Java 8 and later. Keys are those of docs/configuration.md. The program is taken out of the
 * topology's jar, {@code resources/kafka-shell-spout}, unless a command is given.
 */
public class NativeKafkaSpout implements IRichSpout {
    private static final long serialVersionUID = 1L;
    private static final Logger LOG = LoggerFactory.getLogger(NativeKafkaSpout.class);
    /** Tuples of one {@link #nextTuple}, and acks of one frame. */
    private static final int BATCH = 256;
    /** Reads of the pipe, decoded and not yet emitted. */
    private static final int BLOCKS = 16;
    /** What has become of tuples is told after so long at the latest: a commit and a retry wait for it. */
    private static final long TELL_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
    /** While blocks are full, how often the watchdog is told so. */
    private static final long HEARD_MILLIS = 500;
    private static final int DEFAULT_TIMEOUT_S = 30;
    private static final int DEFAULT_METRICS_S = 60;
    private static final int DEFAULT_HOLD_MS = 50;
    /** With acks to come, which find this thread only between two nextTuple; Storm would sleep half of it by itself. */
    private static final long BUSY_HOLD_MS = 2;
    /** ShellSpout's, when its process does not answer. */
    private static final int WATCHDOG_EXIT_CODE = 11;

    private final ArrayList<String> command;
    private final LinkedHashMap<String, Object> configuration = new LinkedHashMap<>();
    private ArrayList<String> outputFields;

    private transient String name;
    private transient SpoutOutputCollector collector;
    private transient Child child;
    private transient CommandWriter writer;
    private transient Watchdog watchdog;
    private transient Thread reader;
    private transient BlockingQueue<List<Emit>> blocks;
    private transient Queue<String> errors;
    private transient volatile String death;
    private transient volatile boolean closed;
    private transient List<Emit> block;
    private transient int at;
    private transient int maxPending;
    private transient int pending;
    private transient long holdMillis;
    private transient boolean active;
    private transient Answers acks;
    private transient Answers fails;
    private transient long emitted;
    private transient long emittedTold;
    private transient long toldAt;

    /** With the program of the topology's jar. */
    public NativeKafkaSpout() {
        this(Collections.emptyList());
    }

    /** @param command what the worker runs in the topology's {@code resources/} directory */
    public NativeKafkaSpout(List<String> command) {
        this.command = new ArrayList<>(command);
    }

    /**
     * Sets a key of the component's configuration. Call it before {@code TopologyBuilder.setSpout}, which takes the
     * configuration as it is then.
     */
    public NativeKafkaSpout with(String key, Object value) {
        configuration.put(key, value);
        return this;
    }

    /** Names the tuple's values; else they are called as in {@code kafka.spout.fields}. */
    public NativeKafkaSpout withOutputFields(List<String> names) {
        outputFields = new ArrayList<>(names);
        return this;
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        Fields fields = new Fields(outputFields == null ? Settings.fields(configuration) : outputFields);
        declarer.declare(fields);
        for (String stream : Settings.streams(configuration)) {
            if (!"default".equals(stream)) {
                declarer.declareStream(stream, fields);
            }
        }
    }

    @Override
    public Map<String, Object> getComponentConfiguration() {
        return Settings.withSerializers(Settings.withLagKeys(configuration));
    }

    @Override
    public void open(Map conf, TopologyContext context, SpoutOutputCollector outputCollector) {
        collector = outputCollector;
        name = context.getThisComponentId() + "-" + context.getThisTaskId();
        blocks = new ArrayBlockingQueue<>(BLOCKS);
        errors = new ConcurrentLinkedQueue<>();
        block = Collections.emptyList();
        acks = new Answers(Wire.ACK, BATCH);
        fails = new Answers(Wire.FAIL, BATCH);
        Integer limit = Settings.number(conf, Config.TOPOLOGY_MAX_SPOUT_PENDING);
        maxPending = limit == null ? Integer.MAX_VALUE : limit;
        holdMillis = or(Settings.number(conf, Settings.PREFIX + "next.hold.ms"), DEFAULT_HOLD_MS);
        File resources = new File(context.getCodeDir());
        try {
            child = Child.start(Program.find(command, resources), resources, name, handshake(conf, context));
        } catch (IOException e) {
            throw new IllegalStateException("the Kafka spout's program cannot be started: " + e.getMessage(), e);
        }
        LOG.info("{}: pid {}", name, child.pid());
        writer = new CommandWriter(child.stdin());
        Figures figures = new Figures();
        context.registerMetric("kafka-shell-spout", figures, or(Settings.number(conf, Config.TOPOLOGY_BUILTIN_METRICS_BUCKET_SIZE_SECS),
                DEFAULT_METRICS_S));
        Integer timeout = Settings.number(conf, Config.TOPOLOGY_SUBPROCESS_TIMEOUT_SECS);
        int patience = or(timeout == null ? Settings.number(conf, Config.SUPERVISOR_WORKER_TIMEOUT_SECS) : timeout, DEFAULT_TIMEOUT_S);
        watchdog = new Watchdog(name, patience, () -> ping(figures), () -> die(patience));
        reader = new Thread(() -> read(figures), name + "-reader");
        reader.setDaemon(true);
        reader.start();
    }

    private static int or(Integer value, int otherwise) {
        return value == null ? otherwise : value;
    }

    /** Storm's own, and the versions of the wire. */
    private static String handshake(Map<?, ?> conf, TopologyContext context) {
        return "{\"pidDir\":" + Json.write(context.getPIDDir()) + ",\"conf\":" + Json.write(conf) + ",\"context\":"
                + context.toJSONString() + ",\"wire\":[" + Wire.VERSION + "]}";
    }

    // The reader's thread.

    private void read(Figures figures) {
        FrameReader frames = new FrameReader(child.stdout());
        FrameReader.Listener listener = new FrameReader.Listener() {
            @Override
            public void log(int level, String text) {
                logged(level, text);
            }

            @Override
            public void error(String text) {
                errors.add(text);
            }

            @Override
            public void status(List<Object> pairs) {
                figures.tell(pairs);
            }
        };
        try {
            while (true) {
                List<Emit> emits = frames.read(listener);
                watchdog.heard();
                if (!emits.isEmpty()) {
                    // Waits while the topology is slower: then the pipe fills, and the program stops. Its answers stand behind
                    // these tuples, so it is not silent.
                    while (!blocks.offer(emits, HEARD_MILLIS, TimeUnit.MILLISECONDS)) {
                        watchdog.heard();
                    }
                }
            }
        } catch (EOFException e) {
            death = child.account("has closed its stdout");
        } catch (IOException | RuntimeException e) {
            death = child.account("cannot be read (" + e + ")");
        } catch (InterruptedException e) {
            death = child.account("is not read any more");
            Thread.currentThread().interrupt();
        }
        if (!closed) {
            LOG.error("{}", death);
        }
    }

    private void logged(int level, String text) {
        switch (level) {
            case 0:
                LOG.trace("{} pid {}: {}", name, child.pid(), text);
                break;
            case 1:
                LOG.debug("{} pid {}: {}", name, child.pid(), text);
                break;
            case 3:
                LOG.warn("{} pid {}: {}", name, child.pid(), text);
                break;
            case 4:
                LOG.error("{} pid {}: {}", name, child.pid(), text);
                break;
            default:
                LOG.info("{} pid {}: {}", name, child.pid(), text);
                break;
        }
    }

    // The watchdog's thread.

    private void ping(Figures figures) {
        try {
            writer.ping(figures.areWanted());
        } catch (IOException e) {
            // The reader sees the end, too, and knows more of it.
            LOG.debug("{}: ping", name, e);
        }
    }

    /** As ShellSpout does: the executor may be stuck in a write, and only the worker's end mends that. */
    private void die(int patience) {
        String reason = child.account("has said nothing for " + patience + " s");
        LOG.error("{}; ending the worker", reason);
        child.kill();
        try {
            collector.reportError(new IllegalStateException(reason));
        } catch (RuntimeException e) {
            LOG.error("{}: not reported", name, e);
        } finally {
            System.exit(WATCHDOG_EXIT_CODE);
        }
    }

    // The executor's thread.

    @Override
    public void activate() {
        active = true;
        // First and, below, last: a write to a program that hangs is stuck.
        watchdog.watch(true);
        send(() -> writer.send(Wire.ACTIVATE));
    }

    @Override
    public void deactivate() {
        active = false;
        tell();
        send(() -> writer.send(Wire.DEACTIVATE));
        watchdog.watch(false);
    }

    @Override
    public void nextTuple() {
        reportErrors();
        int room = Math.min(BATCH, maxPending - pending);
        int count = emitFromBlocks(room);
        if (count == 0 && room > 0) {
            tell();
            if (isWorthWaitingFor(pending == 0 ? holdMillis : Math.min(holdMillis, BUSY_HOLD_MS))) {
                emitFromBlocks(room);
            }
        } else if (System.nanoTime() - toldAt >= TELL_NANOS) {
            // Behind a backlog there is always something to emit.
            tell();
        }
    }

    /** Storm would come back in a millisecond, a thousand times a second; a record wakes us at once. */
    private boolean isWorthWaitingFor(long millis) {
        try {
            List<Emit> next = blocks.poll(millis, TimeUnit.MILLISECONDS);
            if (next != null) {
                block = next;
                at = 0;
            }
            return next != null;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private int emitFromBlocks(int room) {
        for (int count = 0; count < room; count++) {
            if (at == block.size()) {
                List<Emit> next = blocks.poll();
                block = next == null ? Collections.emptyList() : next;
                at = 0;
                if (next == null) {
                    throwIfDead();
                    return count;
                }
            }
            emit(block.get(at++));
        }
        return room;
    }

    private void emit(Emit emit) {
        if (emit.isTracked()) {
            // First: Storm 1 acks inside the emit when nobody reads the stream.
            pending++;
            collector.emit(emit.stream, emit.take(), emit);
        } else {
            emitted++;
            collector.emit(emit.stream, emit.take());
        }
    }

    private void reportErrors() {
        for (String error = errors.poll(); error != null; error = errors.poll()) {
            collector.reportError(new IllegalStateException(error));
        }
    }

    /** What had come before its end has been emitted. */
    private void throwIfDead() {
        if (death != null) {
            throw new IllegalStateException(death);
        }
    }

    @Override
    public void ack(Object id) {
        answered(acks, (Emit) id);
    }

    @Override
    public void fail(Object id) {
        answered(fails, (Emit) id);
    }

    private void answered(Answers answers, Emit id) {
        pending--;
        answers.add(id);
        // While inactive nextTuple does not come, and the offsets are to be committed.
        if (answers.isFull() || !active) {
            tell();
        }
    }

    /** Tells the program what has become of its tuples. */
    private void tell() {
        toldAt = System.nanoTime();
        send(() -> {
            acks.send(writer);
            fails.send(writer);
            if (emitted != emittedTold) {
                writer.sendEmitted(emitted);
                emittedTold = emitted;
            }
        });
    }

    private interface Sending {
        void run() throws IOException;
    }

    private void send(Sending sending) {
        try {
            sending.run();
        } catch (IOException e) {
            throw new IllegalStateException(child.account("cannot be written to (" + e + ")"), e);
        }
    }

    @Override
    public void close() {
        closed = true;
        watchdog.stop();
        try {
            tell();
        } catch (IllegalStateException e) {
            LOG.warn("{}", e.getMessage());
        }
        child.close();
        // It may wait for room, which nobody makes any more.
        reader.interrupt();
    }
}
