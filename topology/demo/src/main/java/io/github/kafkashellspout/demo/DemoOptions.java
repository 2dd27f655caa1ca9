// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** The command line of {@link Demo}. */
final class DemoOptions {
    static final String HELP = """
            Reads numbered lines from a real Kafka into a Storm topology (LocalCluster) through the native spout.

              --storm VERSION      2.8.3 (default) or 1.1.3
              --seconds N          produce for N seconds (default 30), then wait for the rest
              --rate N             lines a second (default 5000; 0: as fast as Kafka takes them)
              --records N          instead: produce N lines as fast as Kafka takes them, then stop
              --partitions N       of the topic (default 12)
              --value-bytes N      length of a line (default 100)
              --fail-one-in N      the bolt fails the first delivery of each line whose number is a multiple of N
              --spout-tasks N      processes of the spout (default 1)
              --max-pending N      topology.max.spout.pending (default 2000)
              --conf KEY=VALUE     a key of the spout's configuration; may come more than once
              --timeout N          give up when not everything has arrived N seconds after the last line (default 60)
              --plain              a line a second, on a terminal, too; the same as --view plain
              --view live          a table that is drawn again over itself, not on a terminal, too
              --columns N          of the table, --lines N: its height; default: the terminal's, whenever it changes
              --json FILE          also write one JSON line a second
              --keep               keep the directory with data and logs
              --help
            Ctrl-C ends all in order, with a summary of what has arrived. Colours obey NO_COLOR.
            Exit codes: 0 every line arrived; 1 lines are missing; 2 something could not be started;
            64 wrong command line; 130 Ctrl-C.""";

    Path spout;
    Path modules;
    StormVersion storm = StormVersion.V2;
    long seconds = 30;
    int rate = 5000;
    long records = Long.MAX_VALUE;
    int partitions = 12;
    int valueBytes = 100;
    int failOneIn;
    int spoutTasks = 1;
    int maxPending = 2000;
    long timeout = 60;
    Path json;
    boolean live;
    int columns;
    int lines;
    boolean keep;
    boolean help;
    final Map<String, String> conf = new LinkedHashMap<>();

    static DemoOptions parse(String[] args) {
        DemoOptions options = new DemoOptions();
        for (int i = 0; i < args.length; i++) {
            switch (args[i]) {
                case "--help" -> options.help = true;
                case "--keep" -> options.keep = true;
                case "--plain" -> options.live = false;
                default -> {
                    if (i + 1 == args.length) {
                        throw new IllegalArgumentException(args[i] + " is unknown or needs a value");
                    }
                    options.set(args[i], args[++i]);
                }
            }
        }
        if (!options.help && (options.modules == null || !options.storm.isBuilt(options.modules))) {
            throw new IllegalArgumentException("the topology for Storm " + options.storm.number() + " is not in " + options.modules
                    + "; build it with: mvn -f topology/pom.xml package");
        }
        if (!options.help && (options.spout == null || !Files.isExecutable(options.spout))) {
            throw new IllegalArgumentException("--spout " + options.spout + " is no program; build it with: cargo build --release");
        }
        return options;
    }

    private void set(String option, String value) {
        switch (option) {
            case "--spout" -> spout = Path.of(value).toAbsolutePath();
            case "--modules" -> modules = Path.of(value).toAbsolutePath();
            case "--storm" -> storm = StormVersion.of(value);
            case "--view" -> live = isLive(value);
            case "--columns" -> columns = (int) number(option, value, 1);
            case "--lines" -> lines = (int) number(option, value, 1);
            case "--seconds" -> seconds = number(option, value, 1);
            case "--rate" -> rate = (int) number(option, value, 0);
            case "--records" -> {
                records = number(option, value, 1);
                rate = 0;
            }
            case "--partitions" -> partitions = (int) number(option, value, 1);
            case "--value-bytes" -> valueBytes = (int) number(option, value, 1);
            case "--fail-one-in" -> failOneIn = (int) number(option, value, 2);
            case "--spout-tasks" -> spoutTasks = (int) number(option, value, 1);
            case "--max-pending" -> maxPending = (int) number(option, value, 1);
            case "--timeout" -> timeout = number(option, value, 1);
            case "--json" -> json = Path.of(value);
            case "--conf" -> {
                int equals = value.indexOf('=');
                if (equals < 1) {
                    throw new IllegalArgumentException("--conf " + value + " is not KEY=VALUE");
                }
                conf.put(value.substring(0, equals), value.substring(equals + 1));
            }
            default -> throw new IllegalArgumentException("unknown option " + option);
        }
    }

    private static boolean isLive(String value) {
        return switch (value) {
            case "live" -> true;
            case "plain" -> false;
            default -> throw new IllegalArgumentException("--view " + value + " is not live or plain");
        };
    }

    private static long number(String option, String value, long least) {
        try {
            long number = Long.parseLong(value);
            if (number >= least && number <= Integer.MAX_VALUE) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Falls through to the one message for both.
        }
        throw new IllegalArgumentException(option + " " + value + " is no number from " + least + " on");
    }
}
