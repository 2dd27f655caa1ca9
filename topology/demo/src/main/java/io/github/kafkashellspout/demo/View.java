// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.io.PrintStream;
import java.util.Locale;

/** Where the demonstration shows how it goes. */
interface View extends AutoCloseable {
    double MIB = 1 << 20;

    /** A word besides the table. */
    void say(String line);

    /** What there is to see now. */
    void show(Moment moment);

    /** Leaves the terminal as it was found. */
    @Override
    void close();

    /** A line a second, for files and pipes. */
    final class Plain implements View {
        private final PrintStream out;
        private boolean headed;

        Plain(PrintStream out) {
            this.out = out;
        }

        @Override
        public void say(String line) {
            out.println(line);
            out.flush();
        }

        @Override
        public void show(Moment moment) {
            if (!headed) {
                headed = true;
                out.printf("%6s %10s %10s %9s %8s %10s %7s %6s  %s%n", "second", "produced", "received", "per s", "lag",
                        "committed", "RSS MiB", "CPU", "sockets of the spout");
            }
            out.printf(Locale.ROOT, "%6.0f %10d %10d %9.0f %8d %10s %7.1f %5.0f%%  %s%n", moment.seconds(), moment.produced(),
                    moment.topology().received(), moment.rate(), moment.lag(), Moment.text(moment.committed()), moment.rssBytes() / MIB,
                    moment.cpuShare() * 100, moment.socketsText());
            out.flush();
        }

        @Override
        public void close() {
            // Nothing was changed.
        }
    }
}
