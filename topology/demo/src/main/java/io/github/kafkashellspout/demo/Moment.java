// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * All there is to show of one second.
 *
 * @param seconds since the producer's start
 * @param progress how much of the run is done, 0 to 1
 * @param goal what the run's length is measured in, as text
 * @param produced lines that Kafka has acknowledged
 * @param rate deliveries a second since the moment before
 * @param topology what has arrived
 * @param processes of the spout that have told their status
 * @param rssBytes theirs
 * @param cpuShare theirs, of one processor
 * @param sockets theirs by state
 * @param partitions by name and number
 * @param unlisted partitions that the spout has and does not list, since others have more lag
 */
record Moment(double seconds, double progress, String goal, long produced, double rate, TopologyStatus topology, int processes,
        long rssBytes, double cpuShare, Map<String, Integer> sockets, List<Row> partitions, int unlisted) {

    /**
     * One partition.
     *
     * @param status what the spout says of it
     * @param ackedPerSecond between its two newest words
     */
    record Row(SpoutStatus.Partition status, double ackedPerSecond) {
        long lag() {
            return status.lag() == null ? 0 : status.lag();
        }
    }

    /** With what the spout's processes say added up. */
    static Moment of(double seconds, double progress, String goal, long produced, double rate, TopologyStatus topology,
            Collection<SpoutLog.Seen> spouts) {
        Map<String, Integer> sockets = new TreeMap<>();
        List<Row> partitions = new ArrayList<>();
        int told = 0;
        for (SpoutLog.Seen spout : spouts) {
            spout.now().sockets().forEach((state, count) -> sockets.merge(state, count, Integer::sum));
            told += spout.now().partitionCount();
            spout.now().partitions().forEach(status -> partitions.add(new Row(status, spout.ackedPerSecond(status))));
        }
        partitions.sort(Comparator.comparing((Row row) -> row.status().topic()).thenComparing(row -> row.status().partition()));
        long rss = spouts.stream().mapToLong(spout -> spout.now().rssBytes()).sum();
        double cpu = spouts.stream().mapToDouble(SpoutLog.Seen::cpuShare).sum();
        return new Moment(seconds, progress, goal, produced, rate, topology, spouts.size(), rss, cpu, sockets, partitions,
                Math.max(0, told - partitions.size()));
    }

    /** Lines that Kafka has and the bolt has not acked. */
    long lag() {
        return Math.max(0, produced - topology.distinct());
    }

    /** Sum of the stored offsets; null if it does not tell all of them. */
    Long committed() {
        return unlisted > 0 ? null : (Long) partitions.stream().map(row -> row.status().committed()).filter(offset -> offset != null).mapToLong(Long::longValue).sum();
    }

    String socketsText() {
        return text(sockets);
    }

    static String text(Long number) {
        return number == null ? "-" : number.toString();
    }

    static String text(Map<String, Integer> sockets) {
        if (sockets.isEmpty()) {
            return "none";
        }
        return sockets.entrySet().stream().map(entry -> entry.getValue() + " " + entry.getKey()).collect(Collectors.joining(", "));
    }
}
