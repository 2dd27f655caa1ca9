// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Produces numbered lines, round-robin over the partitions, at a rate or as fast as Kafka takes them. */
final class LineProducer {
    /** A line begins with its number, in so many digits; the bolt knows it. */
    private static final int DIGITS = 12;

    private final String bootstrap;
    private final String topic;
    private final int partitions;
    private final int valueBytes;
    private final AtomicLong acknowledged = new AtomicLong();
    private final AtomicReference<Exception> failure = new AtomicReference<>();
    private final AtomicBoolean stopped = new AtomicBoolean();
    private Thread thread;

    LineProducer(String bootstrap, String topic, int partitions, int valueBytes) {
        this.bootstrap = bootstrap;
        this.topic = topic;
        this.partitions = partitions;
        this.valueBytes = Math.max(valueBytes, DIGITS);
    }

    /**
     * Begins to produce on a thread of its own.
     *
     * @param records how many; {@link Long#MAX_VALUE} for as many as there is time for
     * @param ratePerSecond 0 for as fast as Kafka takes them
     */
    void start(long records, int ratePerSecond) {
        thread = new Thread(() -> produce(records, ratePerSecond), "producer");
        thread.setDaemon(true);
        thread.start();
    }

    /** Lines that Kafka has acknowledged. */
    long produced() {
        return acknowledged.get();
    }

    boolean isDone() {
        return !thread.isAlive();
    }

    /** Stops producing and waits until every line sent is acknowledged. */
    void stop() throws InterruptedException {
        stopped.set(true);
        thread.join();
    }

    /** Why it had to stop, or null. */
    Exception failure() {
        return failure.get();
    }

    private void produce(long records, int ratePerSecond) {
        Map<String, Object> properties = Map.of("bootstrap.servers", bootstrap, "linger.ms", 5, "batch.size", 1 << 17, "acks", "all");
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            long begun = System.nanoTime();
            for (long number = 0; number < records && !stopped.get() && failure.get() == null; number++) {
                if (ratePerSecond > 0) {
                    waitUntil(begun + number * 1_000_000_000L / ratePerSecond);
                }
                ProducerRecord<byte[], byte[]> line = new ProducerRecord<>(topic, (int) (number % partitions), null, line(number));
                producer.send(line, (metadata, exception) -> {
                    if (exception == null) {
                        acknowledged.incrementAndGet();
                    } else {
                        failure.compareAndSet(null, exception);
                    }
                });
            }
        } catch (RuntimeException e) {
            failure.compareAndSet(null, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Digit by digit: a formatter would cost more than all the rest. */
    private byte[] line(long number) {
        byte[] line = new byte[valueBytes];
        Arrays.fill(line, DIGITS, valueBytes, (byte) '.');
        for (int i = DIGITS - 1; i >= 0; i--) {
            line[i] = (byte) ('0' + number % 10);
            number /= 10;
        }
        return line;
    }

    private static void waitUntil(long nanoTime) throws InterruptedException {
        long millis = (nanoTime - System.nanoTime()) / 1_000_000;
        if (millis > 0) {
            Thread.sleep(millis);
        }
    }
}
