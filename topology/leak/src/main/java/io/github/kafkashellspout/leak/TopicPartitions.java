// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.leak;

import java.util.List;
import kafka.javaapi.TopicMetadata;
import kafka.javaapi.TopicMetadataRequest;
import kafka.javaapi.consumer.SimpleConsumer;
import org.apache.kafka.common.protocol.Errors;

/** How many partitions the topic has, asked once. This connection is closed: the walk alone is the bad example. */
final class TopicPartitions {
    private static final int SO_TIMEOUT_MS = 10_000;
    private static final int BUFFER_BYTES = 64 * 1024;

    private TopicPartitions() {
    }

    /** The broker does not answer, or does not know the topic. */
    static final class Unavailable extends Exception {
        private static final long serialVersionUID = 1L;

        private Unavailable(Settings settings, String reason, Exception cause) {
            super("no partitions of " + settings.topic() + " from " + settings.host() + ":" + settings.port() + ": " + reason, cause);
        }
    }

    @SuppressWarnings("deprecation") // As in LeakyWalk.
    static int count(Settings settings) throws Unavailable {
        SimpleConsumer consumer = new SimpleConsumer(settings.host(), settings.port(), SO_TIMEOUT_MS, BUFFER_BYTES,
                settings.clientId() + "setup");
        TopicMetadata topic;
        try {
            topic = consumer.send(new TopicMetadataRequest(List.of(settings.topic()))).topicsMetadata().get(0);
        } catch (Exception e) { // Scala declares none of what it throws.
            throw new Unavailable(settings, e.toString(), e);
        } finally {
            consumer.close();
        }
        if (topic.errorCode() != Errors.NONE.code()) {
            throw new Unavailable(settings, topic.error().toString(), null);
        }
        return topic.partitionsMetadata().size();
    }
}
