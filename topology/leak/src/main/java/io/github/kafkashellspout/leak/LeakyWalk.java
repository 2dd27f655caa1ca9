// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.leak;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import kafka.api.FetchRequest;
import kafka.api.FetchRequestBuilder;
import kafka.javaapi.FetchResponse;
import kafka.javaapi.consumer.SimpleConsumer;
import kafka.message.MessageAndOffset;
import org.apache.kafka.common.protocol.Errors;

/**
 * THE BAD EXAMPLE's {@code nextTuple}: one walk over all partitions. A SimpleConsumer connects at its first request and stays
 * connected for the next one. Whoever drops it unclosed leaves a healthy, idle connection behind that nobody can close any
 * more: a SocketChannel has no finalizer. After {@code connections.max.idle.ms} the broker closes its end, and the
 * process keeps a socket in CLOSE_WAIT for as long as it lives. With one walk a second over 12 partitions, 12 more each second.
 */
@SuppressWarnings("deprecation") // SimpleConsumer was deprecated when this was still written.
final class LeakyWalk {
    private static final int SO_TIMEOUT_MS = 30_000;
    private static final int BUFFER_BYTES = 64 * 1024;

    private final Form form;
    private final Settings settings;
    private final int partitions;
    private final ZooKeeperOffsets offsets;
    private final Multilang wire;
    private final Map<Integer, SimpleConsumer> kept = new HashMap<>();

    LeakyWalk(Form form, Settings settings, int partitions, ZooKeeperOffsets offsets, Multilang wire) {
        this.form = form;
        this.settings = settings;
        this.partitions = partitions;
        this.offsets = offsets;
        this.wire = wire;
    }

    /** A partition that cannot be read is logged, and its turn comes again with the next call. */
    void nextTuple() {
        for (int partition = 0; partition < partitions; partition++) {
            try {
                visit(partition);
            } catch (Exception e) { // Scala declares none of what it throws.
                wire.log(Multilang.WARN, "the bad example could not read partition " + partition + " of " + settings.topic() + " from "
                        + settings.host() + ":" + settings.port() + ": " + e);
            }
        }
    }

    private void visit(int partition) throws Exception {
        switch (form) {
            // The mistake that all this is about: nobody closes it.
            case LEAK -> readOnce(newConsumer(partition), partition);
            case CLOSE -> {
                SimpleConsumer consumer = newConsumer(partition);
                try {
                    readOnce(consumer, partition);
                } finally {
                    consumer.close();
                }
            }
            case REUSE -> readOnce(kept.computeIfAbsent(partition, this::newConsumer), partition);
        }
    }

    private SimpleConsumer newConsumer(int partition) {
        return new SimpleConsumer(settings.host(), settings.port(), SO_TIMEOUT_MS, BUFFER_BYTES, settings.clientId() + partition);
    }

    /** Offset, one fetch, all that came of it, offset. */
    private void readOnce(SimpleConsumer consumer, int partition) throws Exception {
        long offset = offsets.read(partition);
        FetchRequest request = new FetchRequestBuilder().clientId(settings.clientId() + partition)
                .addFetch(settings.topic(), partition, offset, BUFFER_BYTES).build();
        FetchResponse response = consumer.fetch(request);
        if (response.hasError()) {
            throw new IOException("fetch from offset " + offset + ": " + Errors.forCode(response.errorCode(settings.topic(), partition)));
        }
        for (MessageAndOffset record : response.messageSet(settings.topic(), partition)) {
            // Of a compressed batch the broker sends the records before it, too.
            if (record.offset() >= offset) {
                wire.emit(partition + ":" + record.offset(), text(record.message().payload()));
                offset = record.nextOffset();
            }
        }
        offsets.save(partition, offset);
    }

    /** @param payload null for a tombstone */
    private static String text(ByteBuffer payload) {
        return payload == null ? null : StandardCharsets.UTF_8.decode(payload).toString();
    }
}
