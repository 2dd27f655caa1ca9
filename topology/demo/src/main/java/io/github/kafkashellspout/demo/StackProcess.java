// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** The local Kafka and ZooKeeper, started by their launcher in a process of its own: their class paths are not ours. */
final class StackProcess {
    private static final int STOP_TIMEOUT_S = 30;

    /** What the launcher says when both answer. */
    private record Ready(String kafka, String zookeeper) {
    }

    private final Child child;
    private final Path dir;
    private volatile Ready ready;

    /** @param jar the launcher @param dir for data and logs */
    StackProcess(Path jar, Path dir) throws IOException {
        this.dir = dir;
        child = new Child(List.of("-Xmx64m", "-XX:TieredStopAtLevel=1", "-cp", jar.toString(),
                "io.github.kafkashellspout.stack.Stack", "--dir", dir.toString()), dir, ProcessBuilder.Redirect.INHERIT);
    }

    /** Waits until both answer; nothing but {@link #abortStart()} interrupts that. */
    void awaitReady() throws IOException {
        BufferedReader out = child.process().inputReader(StandardCharsets.UTF_8);
        String line = out.readLine();
        if (line == null) {
            throw new IOException("Kafka and ZooKeeper did not start; what they said stands above and in " + dir);
        }
        ready = Json.MAPPER.readValue(line, Ready.class);
    }

    String kafka() {
        return ready.kafka();
    }

    String zookeeper() {
        return ready.zookeeper();
    }

    /** From another thread. */
    void abortStart() {
        if (ready == null) {
            child.kill();
        }
    }

    /** In order, or at once if they are not even ready; their data is of no use to anybody. */
    void close() throws IOException, InterruptedException {
        if (ready == null) {
            child.kill();
        } else {
            child.close(STOP_TIMEOUT_S);
        }
    }
}
