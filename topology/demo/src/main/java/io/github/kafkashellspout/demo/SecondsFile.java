// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** {@code --json FILE}: a line a second for programs. */
final class SecondsFile implements AutoCloseable {
    private final Writer file;

    /** @param path null for none */
    SecondsFile(Path path) throws IOException {
        file = path == null ? null : Files.newBufferedWriter(path);
    }

    private record Second(double second, long produced, long received, long distinct, long rate, long lag, Long committed, long rss,
            double cpu, Map<String, Integer> sockets, List<SpoutStatus.Partition> partitions) {
    }

    void write(Moment moment) throws IOException {
        if (file != null) {
            List<SpoutStatus.Partition> partitions = moment.partitions().stream().map(Moment.Row::status).toList();
            Second second = new Second(tenths(moment.seconds()), moment.produced(), moment.topology().received(),
                    moment.topology().distinct(), Math.round(moment.rate()), moment.lag(), moment.committed(), moment.rssBytes(),
                    moment.cpuShare(), moment.sockets(), partitions);
            file.write(Json.MAPPER.writeValueAsString(second) + "\n");
            file.flush();
        }
    }

    private static double tenths(double number) {
        return Math.round(number * 10) / 10.0;
    }

    @Override
    public void close() throws IOException {
        if (file != null) {
            file.close();
        }
    }
}
