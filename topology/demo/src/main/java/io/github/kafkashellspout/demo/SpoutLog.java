// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Follows the log file of the spout's processes: the status lines in it, the newest and the one before of each process. */
final class SpoutLog {
    /** {@code MILLIS Level status JSON}; the time is the spout's, so that ours of looking does not enter into rates. */
    private static final Pattern LINE = Pattern.compile("(\\d+) .*? ?status (\\{.*})");
    private static final int MAX_CHUNK = 1 << 20;

    private final Path file;
    private final Map<Long, Seen> byPid = new TreeMap<>();
    private final ByteArrayOutputStream unfinished = new ByteArrayOutputStream();
    private long offset;

    SpoutLog(Path file) {
        this.file = file;
    }

    /**
     * One process.
     *
     * @param millis when it wrote {@code now}
     * @param now its newest status
     * @param periodMs from the one before to it; 0 if there is none
     * @param before the one before, or the same
     */
    record Seen(long millis, SpoutStatus now, long periodMs, SpoutStatus before) {
        /** What has grown by so much, a second. */
        double perSecond(long growth) {
            return periodMs <= 0 ? 0 : growth * 1000.0 / periodMs;
        }

        double cpuShare() {
            return perSecond(now.cpuMs() - before.cpuMs()) / 1000;
        }

        double ackedPerSecond(SpoutStatus.Partition partition) {
            return before.partitions().stream().filter(old -> old.name().equals(partition.name()))
                    .mapToDouble(old -> perSecond(partition.acked() - old.acked())).findFirst().orElse(0);
        }
    }

    /** Reads on; gives the processes that have said something. */
    Collection<Seen> poll() throws IOException {
        for (String line : newLines()) {
            Matcher status = LINE.matcher(line);
            if (status.matches()) {
                take(Long.parseLong(status.group(1)), status.group(2));
            }
        }
        return byPid.values();
    }

    private void take(long millis, String json) {
        try {
            SpoutStatus status = Json.MAPPER.readValue(json, SpoutStatus.class);
            Seen last = byPid.get(status.pid());
            byPid.put(status.pid(), last == null ? new Seen(millis, status, 0, status)
                    : new Seen(millis, status, millis - last.millis(), last.now()));
        } catch (JsonProcessingException e) {
            // A line that only looks like one.
        }
    }

    private List<String> newLines() throws IOException {
        List<String> lines = new ArrayList<>();
        try (SeekableByteChannel channel = Files.newByteChannel(file)) {
            channel.position(offset);
            ByteBuffer chunk = ByteBuffer.allocate((int) Math.min(MAX_CHUNK, Math.max(1, channel.size() - offset)));
            for (int read = channel.read(chunk); read > 0; read = channel.read(chunk)) {
                offset += read;
                split(chunk.flip(), lines);
                chunk.clear();
            }
        } catch (NoSuchFileException e) {
            // The spout has not come to it yet.
        }
        return lines;
    }

    /** The end of a line may not be written yet. */
    private void split(ByteBuffer chunk, List<String> lines) {
        while (chunk.hasRemaining()) {
            byte b = chunk.get();
            if (b == '\n') {
                lines.add(unfinished.toString(StandardCharsets.UTF_8));
                unfinished.reset();
            } else {
                unfinished.write(b);
            }
        }
    }
}
