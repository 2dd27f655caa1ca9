// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** What the demonstration prints. */
final class Report implements AutoCloseable {
    private static final double MIB = 1 << 20;

    private final PrintStream out;
    private final PrintWriter json;
    private long receivedBefore;
    private double secondsBefore;
    private boolean headed;

    Report(PrintStream out, Path json) throws IOException {
        this.out = out;
        this.json = json == null ? null : new PrintWriter(Files.newBufferedWriter(json));
    }

    void say(String line) {
        out.println(line);
        out.flush();
    }

    /** One line a second. */
    void second(double seconds, long produced, CountingBolt.Snapshot counts, long committed, Sampler sampler) {
        if (!headed) {
            headed = true;
            out.printf("%6s %10s %10s %9s %8s %10s %7s %6s  %s%n", "second", "produced", "received", "per s", "lag",
                    "committed", "RSS MiB", "CPU", "sockets of the spout");
        }
        double rate = (counts.received() - receivedBefore) / (seconds - secondsBefore);
        long lag = produced - counts.distinct();
        out.printf(Locale.ROOT, "%6.0f %10d %10d %9.0f %8d %10d %7.1f %5.0f%%  %s%n", seconds, produced, counts.received(), rate,
                lag, committed, sampler.rssBytes() / MIB, sampler.cpuShare() * 100, states(sampler.sockets()));
        out.flush();
        if (json != null) {
            String sockets = sampler.sockets().entrySet().stream()
                    .map(entry -> "\"" + entry.getKey() + "\":" + entry.getValue()).collect(Collectors.joining(","));
            json.printf(Locale.ROOT, "{\"second\":%.1f,\"produced\":%d,\"received\":%d,\"distinct\":%d,\"rate\":%.0f,\"lag\":%d,"
                    + "\"committed\":%d,\"rss\":%d,\"cpu\":%.2f,\"sockets\":{%s}}%n", seconds, produced, counts.received(),
                    counts.distinct(), rate, lag, committed, sampler.rssBytes(), sampler.cpuShare(), sockets);
            json.flush();
        }
        receivedBefore = counts.received();
        secondsBefore = seconds;
    }

    /** The end; true if every line arrived and nothing was left behind. */
    boolean summary(long produced, CountingBolt.Snapshot counts, CommittedOffsets committed, Sampler sampler) throws Exception {
        long lost = produced - counts.distinct();
        double seconds = (counts.lastNanos() - counts.firstNanos()) / 1e9;
        out.println();
        row("produced", "%d", produced);
        row("received", "%d (%d failed on purpose)", counts.received(), counts.failed());
        row("distinct", "%d", counts.distinct());
        row("lost", "%d", lost);
        row("duplicates", "%d", counts.duplicates());
        row("committed in ZooKeeper", "%d", committed.total());
        row("one znode", "%s", committed.bytes(0));
        row("tuples a second", "%.0f over %.1f s", counts.received() / seconds, seconds);
        row("spout processes", "%d: at most %.1f MiB RSS, %.1f s CPU", sampler.processes(), sampler.mostRssBytes() / MIB, sampler.cpuSeconds());
        row("sockets while running", "at most %s", states(sampler.mostSockets()));
        row("sockets after close", "%d (and %d in TIME_WAIT toward Kafka and ZooKeeper, demonstration's own included)",
                sampler.socketsNow(), sampler.timeWait());
        row("spout ended", "%s", sampler.ended() ? "yes" : "NO: the process is still there");
        out.println(lost == 0 ? "Every line arrived." : lost + " LINES ARE MISSING.");
        out.flush();
        return lost == 0 && sampler.ended() && sampler.socketsNow() == 0;
    }

    private void row(String name, String format, Object... values) {
        out.printf(Locale.ROOT, "%-24s %s%n", name, String.format(Locale.ROOT, format, values));
    }

    private static String states(Map<String, Integer> sockets) {
        if (sockets.isEmpty()) {
            return "none";
        }
        return sockets.entrySet().stream().map(entry -> entry.getValue() + " " + entry.getKey()).collect(Collectors.joining(", "));
    }

    @Override
    public void close() {
        if (json != null) {
            json.close();
        }
    }
}
