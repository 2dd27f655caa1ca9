// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooKeeper;

/** Reads the znodes that the spout writes. */
final class CommittedOffsets implements AutoCloseable {
    private static final int SESSION_TIMEOUT_MS = 10_000;
    private static final Pattern OFFSET = Pattern.compile("\"offset\":(\\d+)");

    private final ZooKeeper zookeeper;
    private final String prefix;
    private final int partitions;

    CommittedOffsets(String connect, String prefix, int partitions) throws IOException {
        zookeeper = new ZooKeeper(connect, SESSION_TIMEOUT_MS, event -> { });
        this.prefix = prefix;
        this.partitions = partitions;
    }

    /** Sum of the stored offsets: records that will not come again. */
    long total() throws InterruptedException, KeeperException {
        long total = 0;
        for (int partition = 0; partition < partitions; partition++) {
            try {
                Matcher offset = OFFSET.matcher(bytes(partition));
                total += offset.find() ? Long.parseLong(offset.group(1)) : 0;
            } catch (KeeperException.NoNodeException e) {
                // Nothing committed yet.
            }
        }
        return total;
    }

    /** What one znode holds. */
    String bytes(int partition) throws InterruptedException, KeeperException {
        return new String(zookeeper.getData(prefix + "/partition_" + partition, false, null), StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        try {
            zookeeper.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
