// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The local Kafka and ZooKeeper, started by their launcher in a process of its own: their class paths are not ours. */
final class StackProcess implements AutoCloseable {
    private static final Pattern READY =
            Pattern.compile("\\{\"kafka\":\"([^\"]+)\",\"zookeeper\":\"([^\"]+)\",\"dir\":\"[^\"]+\",\"pids\":.*}");
    private static final long STOP_TIMEOUT_S = 30;

    private final Process process;
    private final String kafka;
    private final String zookeeper;

    /** Starts both and waits until they answer. @param jar the launcher @param dir for data and logs */
    StackProcess(Path jar, Path dir) throws IOException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        List<String> command = List.of(java, "-Xmx64m", "-XX:TieredStopAtLevel=1", "-cp", jar.toString(),
                "io.github.kafkashellspout.stack.Stack", "--dir", dir.toString());
        process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
        String line = out.readLine();
        Matcher ready = READY.matcher(line == null ? "" : line);
        if (!ready.matches()) {
            process.destroy();
            throw new IOException("Kafka and ZooKeeper did not start; what they said stands above and in " + dir);
        }
        kafka = ready.group(1);
        zookeeper = ready.group(2);
    }

    String kafka() {
        return kafka;
    }

    String zookeeper() {
        return zookeeper;
    }

    /** The end of its stdin tells the launcher to stop both; so does our own end, whatever brings it about. */
    @Override
    public void close() throws IOException {
        process.getOutputStream().close();
        try {
            if (!process.waitFor(STOP_TIMEOUT_S, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
