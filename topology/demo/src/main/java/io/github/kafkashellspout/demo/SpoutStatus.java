// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.util.List;
import java.util.Map;

/**
 * What a spout's process says of itself in its log, once in {@code kafka.spout.status.period.ms}.
 *
 * @param pid the process; several may write to one log
 * @param rssBytes resident memory
 * @param cpuMs user and system time since its start
 * @param sockets its TCP sockets by state
 * @param partitionCount how many partitions are its task's
 * @param partitions them, or those with the most lag, if they are too many for a line
 */
record SpoutStatus(long pid, long rssBytes, long cpuMs, Map<String, Integer> sockets, int partitionCount, List<Partition> partitions) {
    SpoutStatus {
        sockets = sockets == null ? Map.of() : sockets;
        partitions = partitions == null ? List.of() : partitions;
    }

    /**
     * One partition; what is not known yet is null.
     *
     * @param topic its topic
     * @param partition its number
     * @param position next offset to read
     * @param acked lowest offset that is not done
     * @param committed stored offset
     * @param end of the log
     * @param lag from {@code acked} to {@code end}
     */
    record Partition(String topic, int partition, long position, long acked, Long committed, Long end, Long lag) {
        String name() {
            return topic + "/" + partition;
        }
    }
}
