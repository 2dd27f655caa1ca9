// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a detached launcher says of itself in {@code DIR/stack.properties}, lines of key=value, for as long as it runs.
 * A file that a killed one has left is told from the truth by {@link #launcherRuns()}.
 */
final class StackState {
    private static final String FILE = "stack.properties";
    /** All that belongs to a stack; the directory may hold other things. */
    static final List<String> FILES = List.of(FILE, "launcher.jar", "launcher.log", "kafka-data", "kafka.properties", "kafka.log",
            "kafka-tool.log", "zookeeper-data", "zookeeper.properties", "zookeeper.log");

    private final Path dir;
    private final Map<String, String> values;

    private StackState(Path dir, Map<String, String> values) {
        this.dir = dir;
        this.values = values;
    }

    /** At the start of the launcher, which is this process. */
    static StackState starting(Path dir) {
        return new StackState(dir, new TreeMap<>(Map.of("launcher.pid", String.valueOf(ProcessHandle.current().pid()))));
    }

    /** Null if there is none. */
    static StackState read(Path dir) throws IOException {
        Map<String, String> values = new TreeMap<>();
        try {
            for (String line : Files.readAllLines(dir.resolve(FILE))) {
                int equals = line.indexOf('=');
                if (equals > 0) {
                    values.put(line.substring(0, equals), line.substring(equals + 1));
                }
            }
        } catch (NoSuchFileException e) {
            return null;
        }
        return new StackState(dir, values);
    }

    void put(Server server, String version) {
        values.put(server.name() + ".port", String.valueOf(server.port()));
        values.put(server.name() + ".address", server.address());
        values.put(server.name() + ".pid", String.valueOf(server.pid()));
        values.put(server.name() + ".version", version);
    }

    /** At once or not at all: it is read while it is written. */
    void write() throws IOException {
        Path next = dir.resolve(FILE + ".next");
        Files.write(next, values.entrySet().stream().map(entry -> entry.getKey() + "=" + entry.getValue()).toList());
        Files.move(next, dir.resolve(FILE), StandardCopyOption.ATOMIC_MOVE);
    }

    void delete() throws IOException {
        Files.deleteIfExists(dir.resolve(FILE));
    }

    /** Both servers answered once. */
    boolean isReady() {
        return values.containsKey("zookeeper.pid");
    }

    long launcherPid() {
        return number("launcher.pid");
    }

    long pid(String server) {
        return number(server + ".pid");
    }

    int port(String server) {
        return (int) number(server + ".port");
    }

    String version(String server) {
        return values.getOrDefault(server + ".version", "-");
    }

    private long number(String key) {
        try {
            return Long.parseLong(values.getOrDefault(key, "-1"));
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    /** Whether the process with the launcher's id is the launcher: ids are given anew. */
    boolean launcherRuns() {
        String command = PortOwner.commandLine(launcherPid());
        return command.contains(Stack.class.getName()) && command.contains(" --dir " + dir + " ");
    }

    /** Whether the process with a server's id is that server. */
    boolean serverRuns(String server) {
        return PortOwner.commandLine(pid(server)).endsWith(" " + dir.resolve(server + ".properties"));
    }
}
