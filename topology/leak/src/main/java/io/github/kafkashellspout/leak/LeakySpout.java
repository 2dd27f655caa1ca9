// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.leak;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;

/**
 * THE BAD EXAMPLE: do not use this and do not copy it. A spout as many were written around Kafka's old SimpleConsumer: each
 * {@code next} opens one connection for each partition and, in the form {@code leak}, closes none of them. It is here so
 * that the demonstration can show what becomes of the sockets, beside a spout that has none to lose. It also loses
 * records when tuples fail: an offset is saved as soon as its record is emitted.
 *
 * <p>It speaks Storm's multilang protocol on stdin and stdout, and takes the native spout's own keys from the handshake; see
 * {@link Settings}. {@code next} does something between {@code activate} and {@code deactivate} alone. It ends with 0 at the
 * end of stdin, and SIGTERM ends it as any JVM: 143. Other exit codes: 64 wrong argument, 69 no partitions or no
 * ZooKeeper to begin with, 78 wrong configuration.
 */
public final class LeakySpout {
    private static final int OK = 0;
    private static final int USAGE = 64;
    private static final int UNAVAILABLE = 69;
    private static final int CONFIG = 78;

    private final Multilang wire;
    private final Form form;

    private LeakySpout(Multilang wire, Form form) {
        this.wire = wire;
        this.form = form;
    }

    /** @param args the form: {@code leak}, {@code close} or {@code reuse} */
    public static void main(String[] args) throws IOException {
        Form form = args.length == 1 ? Form.named(args[0]) : null;
        if (form == null) {
            System.err.println("LeakySpout (the bad example): one argument is needed, how it fetches:");
            for (Form each : Form.values()) {
                System.err.println("  " + each + "  " + each.meaning());
            }
            System.exit(USAGE);
        }
        System.exit(new LeakySpout(Multilang.onStdio(), form).run());
    }

    private int run() throws IOException {
        JsonNode handshake = wire.read();
        if (handshake == null) {
            return OK;
        }
        wire.answerHandshake(handshake);
        Settings settings;
        try {
            settings = Settings.of(handshake);
        } catch (IllegalArgumentException e) {
            return refuse(e.getMessage(), CONFIG);
        }
        try (ZooKeeperOffsets offsets = ZooKeeperOffsets.connect(settings)) {
            return run(settings, offsets);
        } catch (ZooKeeperOffsets.Unavailable e) {
            return refuse(e.getMessage(), UNAVAILABLE);
        }
    }

    private int run(Settings settings, ZooKeeperOffsets offsets) throws IOException {
        int partitions;
        try {
            partitions = TopicPartitions.count(settings);
        } catch (TopicPartitions.Unavailable e) {
            return refuse(e.getMessage(), UNAVAILABLE);
        }
        LeakyWalk walk = new LeakyWalk(form, settings, partitions, offsets, wire);
        wire.log(Multilang.WARN, "THE BAD EXAMPLE, form " + form + ": " + form.meaning() + "; " + partitions + " partitions of "
                + settings.topic() + " at " + settings.host() + ":" + settings.port());
        serve(walk);
        return OK;
    }

    /** Answers each command with exactly one sync. Anything else, as task ids, wants no answer. */
    private void serve(LeakyWalk walk) throws IOException {
        boolean active = false;
        for (JsonNode message = wire.read(); message != null; message = wire.read()) {
            switch (message.path("command").asText()) {
                case "activate" -> active = true;
                case "deactivate" -> active = false;
                case "next" -> {
                    if (active) {
                        walk.nextTuple();
                    }
                }
                case "ack", "fail" -> {
                    // The offset was saved long ago.
                }
                default -> {
                    continue;
                }
            }
            wire.sync();
        }
    }

    /** On stderr and, in the answer to the first command, to Storm UI: before that Storm would not read it. */
    private int refuse(String problem, int code) throws IOException {
        System.err.println("LeakySpout (the bad example): " + problem);
        if (wire.read() != null) {
            wire.error(problem);
            wire.sync();
        }
        return code;
    }
}
