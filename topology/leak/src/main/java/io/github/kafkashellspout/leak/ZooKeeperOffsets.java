// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.leak;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;

/** The offset of each partition as a bare number in a node of its own, all by one session. */
final class ZooKeeperOffsets implements AutoCloseable {
    private static final int SESSION_TIMEOUT_MS = 20_000;
    private static final int ANY_VERSION = -1;

    private final ZooKeeper zookeeper;
    private final String path;

    private ZooKeeperOffsets(ZooKeeper zookeeper, String path) {
        this.zookeeper = zookeeper;
        this.path = path;
    }

    /** No session, or the nodes above the offsets cannot be made. */
    static final class Unavailable extends Exception {
        private static final long serialVersionUID = 1L;

        private Unavailable(Settings settings, Exception cause) {
            super("no offsets in ZooKeeper " + settings.zookeeper() + " under " + settings.offsets() + ": " + cause, cause);
        }
    }

    static ZooKeeperOffsets connect(Settings settings) throws Unavailable {
        try {
            ZooKeeper zookeeper = new ZooKeeper(settings.zookeeper(), SESSION_TIMEOUT_MS, event -> { });
            ZooKeeperOffsets offsets = new ZooKeeperOffsets(zookeeper, settings.offsets());
            offsets.createParents();
            return offsets;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Unavailable(settings, e);
        } catch (IOException | KeeperException | IllegalArgumentException e) {
            throw new Unavailable(settings, e);
        }
    }

    /** 0 if there is none. */
    long read(int partition) throws IOException, KeeperException, InterruptedException {
        byte[] data;
        try {
            data = zookeeper.getData(node(partition), false, null);
        } catch (KeeperException.NoNodeException e) {
            return 0;
        }
        String text = new String(data, StandardCharsets.UTF_8).strip();
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new IOException(node(partition) + " holds no number but " + text, e);
        }
    }

    void save(int partition, long offset) throws KeeperException, InterruptedException {
        byte[] data = String.valueOf(offset).getBytes(StandardCharsets.UTF_8);
        try {
            zookeeper.setData(node(partition), data, ANY_VERSION);
        } catch (KeeperException.NoNodeException e) {
            zookeeper.create(node(partition), data, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        }
    }

    @Override
    public void close() {
        try {
            zookeeper.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void createParents() throws KeeperException, InterruptedException {
        for (int end = path.indexOf('/', 1); end >= 0; end = path.indexOf('/', end + 1)) {
            create(path.substring(0, end));
        }
        create(path);
    }

    private void create(String parent) throws KeeperException, InterruptedException {
        try {
            zookeeper.create(parent, new byte[0], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        } catch (KeeperException.NodeExistsException e) {
            // As it should be.
        }
    }

    private String node(int partition) {
        return path + "/partition_" + partition;
    }
}
