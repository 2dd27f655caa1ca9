// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** Who listens on a port, from /proc: neither ss nor lsof need be there. */
final class PortOwner {
    private static final String LISTEN = "0A";
    private static final int LOCAL_ADDRESS = 1;
    private static final int STATE = 3;
    private static final int UID = 7;
    private static final int INODE = 9;
    private static final int COMMAND_SHOWN = 120;

    private PortOwner() {
    }

    /** For an error message: {@code pid 42 (java ...)}, or what else is known. */
    static String describe(int port) {
        Set<String> inodes = new TreeSet<>();
        Set<String> users = new TreeSet<>();
        for (String[] row : rows()) {
            if (row[STATE].equals(LISTEN) && row[LOCAL_ADDRESS].endsWith(String.format(":%04X", port))) {
                inodes.add("socket:[" + row[INODE] + "]");
                users.add(row[UID]);
            }
        }
        if (inodes.isEmpty()) {
            return "a process that cannot be seen from here";
        }
        Set<String> owners = new LinkedHashSet<>();
        for (long pid : pids()) {
            if (holds(pid, inodes)) {
                owners.add("pid " + pid + " (" + command(pid) + ")");
            }
        }
        return owners.isEmpty() ? "a process of the user with id " + String.join(", ", users) + ", whose pid only root sees"
                : String.join(" and ", owners);
    }

    /** The table's rows, in words. */
    private static List<String[]> rows() {
        List<String[]> rows = new ArrayList<>();
        for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
            try (Stream<String> lines = Files.lines(Path.of(table))) {
                lines.skip(1).map(line -> line.trim().split("\\s+")).filter(row -> row.length > INODE).forEach(rows::add);
            } catch (IOException | UncheckedIOException e) {
                // A kernel without IPv6 has one table.
            }
        }
        return rows;
    }

    private static List<Long> pids() {
        return ProcessHandle.allProcesses().map(ProcessHandle::pid).sorted().toList();
    }

    private static boolean holds(long pid, Set<String> inodes) {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc", String.valueOf(pid), "fd"))) {
            return descriptors.anyMatch(descriptor -> inodes.contains(target(descriptor)));
        } catch (IOException | UncheckedIOException e) {
            // Another user's, or gone.
            return false;
        }
    }

    private static String target(Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString();
        } catch (IOException e) {
            return "";
        }
    }

    /** What a process was started as: the program, and the end, where a JVM has what tells it from others. */
    private static String command(long pid) {
        String command = commandLine(pid);
        if (command.length() <= COMMAND_SHOWN) {
            return command;
        }
        String end = command.substring(command.length() - COMMAND_SHOWN);
        String program = command.substring(0, Math.min(COMMAND_SHOWN, (command + " ").indexOf(' ')));
        return program + " ... " + end.substring(end.indexOf(' ') + 1);
    }

    /** All of it; empty if there is no such process. */
    static String commandLine(long pid) {
        try {
            byte[] bytes = Files.readAllBytes(Path.of("/proc", String.valueOf(pid), "cmdline"));
            return new String(bytes, StandardCharsets.UTF_8).replace('\0', ' ').trim();
        } catch (IOException e) {
            return "";
        }
    }
}
