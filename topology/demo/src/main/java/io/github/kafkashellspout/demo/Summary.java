// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.io.PrintStream;
import java.util.Locale;
import org.apache.kafka.common.utils.AppInfoParser;
import org.apache.zookeeper.Version;

/** What came of a run, to be pasted wherever somebody asks. */
final class Summary {
    private final DemoOptions options;
    private final long produced;
    private final TopologyStatus counts;
    private final Sampler sampler;
    private final boolean spoutEnded;

    Summary(DemoOptions options, long produced, TopologyStatus counts, Sampler sampler, boolean endedByStorm) {
        this.options = options;
        this.produced = produced;
        this.counts = counts;
        this.sampler = sampler;
        spoutEnded = endedByStorm && sampler.ended();
    }

    /** True if every line arrived and nothing was left behind. */
    boolean print(PrintStream out, CommittedOffsets committed, boolean interrupted) throws Exception {
        long missing = produced - counts.distinct();
        int socketsLeft = sampler.socketsNow();
        out.println();
        out.println(title());
        row(out, "lines", "%s", lines());
        row(out, "produced", "%d", produced);
        row(out, "received", "%d (%d failed on purpose)", counts.received(), counts.failed());
        row(out, "distinct", "%d", counts.distinct());
        row(out, interrupted ? "on the way" : "lost", "%d", missing);
        row(out, "duplicates", "%d", counts.duplicates());
        row(out, "committed in ZooKeeper", "%d", committed.total());
        if (!interrupted) {
            row(out, "one znode", "%s", committed.bytes(0));
        }
        row(out, "tuples a second", "%.0f over %.1f s", counts.seconds() > 0 ? counts.received() / counts.seconds() : 0, counts.seconds());
        row(out, "spout processes", "%d: at most %.1f MiB RSS, %.1f s CPU", sampler.processes(), sampler.mostRssBytes() / View.MIB,
                sampler.cpuSeconds());
        row(out, "sockets while running", "at most %s", Moment.text(sampler.mostSockets()));
        row(out, "sockets after close", "%d; %d in TIME_WAIT to Kafka and ZooKeeper, ours included", socketsLeft, sampler.timeWait());
        row(out, "spout ended", "%s", spoutEnded ? "yes" : "NO: Storm was gone before it");
        out.println(verdict(missing, interrupted));
        out.flush();
        return missing == 0 && spoutEnded && socketsLeft == 0;
    }

    private String title() {
        return String.format("kafka-shell-spout with Storm %s, Kafka %s, ZooKeeper %s", counts.storm(), AppInfoParser.getVersion(),
                Version.getVersion());
    }

    private String lines() {
        boolean byTime = options.records == Long.MAX_VALUE;
        String speed = options.rate == 0 ? "full speed" : options.rate + "/s";
        return String.format("%s of %d bytes, %d partitions", byTime ? options.seconds + " s at " + speed : Long.toString(options.records),
                options.valueBytes, options.partitions);
    }

    private static String verdict(long missing, boolean interrupted) {
        if (interrupted) {
            return "Ended by a signal; " + (missing == 0 ? "every line so far arrived." : missing + " lines were still on the way.");
        }
        return missing == 0 ? "Every line arrived." : missing + " LINES ARE MISSING.";
    }

    private static void row(PrintStream out, String name, String format, Object... values) {
        out.printf(Locale.ROOT, "%-24s %s%n", name, String.format(Locale.ROOT, format, values));
    }
}
