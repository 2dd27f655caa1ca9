// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Ten times a second a line {@code COUNT NANOTIME MILLIS CPU} to {@code count-TASK}: tuples so far, the JVM's clock and the
 * time since the epoch, and CPU nanoseconds of this JVM so far. Ages go to {@code age-TASK}, two big-endian numbers of
 * eight bytes for each tuple: when it was made, and its age, in nanoseconds.
 */
final class Counts extends Thread {
    private static final int PERIOD_MS = 100;

    private final Path dir;
    private final int task;
    private final AtomicLong counter;
    /** May be null. */
    private final Ages ages;
    private final OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

    Counts(String dir, int task, AtomicLong counter, Ages ages) {
        super("counts");
        this.dir = Path.of(dir);
        this.task = task;
        this.counter = counter;
        this.ages = ages;
        setDaemon(true);
    }

    @Override
    public void run() {
        try (OutputStream lines = Files.newOutputStream(dir.resolve("count-" + task));
                OutputStream pairs = ages == null ? OutputStream.nullOutputStream() : Files.newOutputStream(dir.resolve("age-" + task))) {
            while (!isInterrupted()) {
                Thread.sleep(PERIOD_MS);
                String line = counter.get() + " " + System.nanoTime() + " " + System.currentTimeMillis() + " "
                        + system.getProcessCpuTime() + "\n";
                lines.write(line.getBytes(StandardCharsets.US_ASCII));
                if (ages != null) {
                    pairs.write(bytes(ages.take()));
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] bytes(long[] numbers) {
        ByteBuffer buffer = ByteBuffer.allocate(Long.BYTES * numbers.length);
        buffer.asLongBuffer().put(numbers);
        return buffer.array();
    }
}
