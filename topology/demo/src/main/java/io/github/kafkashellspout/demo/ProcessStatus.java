// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What /proc says of a process.
 *
 * @param sockets its TCP sockets by state, in the kernel's names
 * @param rssBytes resident memory
 * @param cpuSeconds user and system time since its start
 */
record ProcessStatus(Map<String, Integer> sockets, long rssBytes, double cpuSeconds) {
    /** In the order of the kernel's numbers, from 1 on (include/net/tcp_states.h). */
    private static final List<String> STATES = List.of("ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",
            "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "SYN_RECV");
    private static final long TICKS_PER_SECOND = 100;
    private static final int REMOTE = 2;
    private static final int STATE = 3;
    private static final int INODE = 9;

    /** Looks at a process; empty if it is gone. */
    static ProcessStatus of(long pid) throws IOException {
        Path proc = Path.of("/proc", Long.toString(pid));
        try {
            Set<String> inodes = socketInodes(proc.resolve("fd"));
            Map<String, Integer> sockets = new TreeMap<>();
            for (String[] row : tcpRows(proc)) {
                if (inodes.contains(row[INODE])) {
                    sockets.merge(state(row), 1, Integer::sum);
                }
            }
            return new ProcessStatus(sockets, rss(proc), cpu(proc));
        } catch (NoSuchFileException e) {
            return new ProcessStatus(Map.of(), 0, 0);
        }
    }

    /** Sockets of this machine in TIME_WAIT toward one of these local servers; they belong to no process. */
    static int timeWaitTo(Set<Integer> ports) throws IOException {
        int count = 0;
        for (String[] row : tcpRows(Path.of("/proc/self"))) {
            int port = Integer.parseInt(row[REMOTE].substring(row[REMOTE].indexOf(':') + 1), 16);
            if (state(row).equals("TIME_WAIT") && ports.contains(port)) {
                count++;
            }
        }
        return count;
    }

    int established() {
        return sockets.getOrDefault("ESTABLISHED", 0);
    }

    private static Set<String> socketInodes(Path descriptors) throws IOException {
        Set<String> inodes = new HashSet<>();
        try (DirectoryStream<Path> links = Files.newDirectoryStream(descriptors)) {
            for (Path link : links) {
                try {
                    String target = Files.readSymbolicLink(link).toString();
                    if (target.startsWith("socket:[")) {
                        inodes.add(target.substring("socket:[".length(), target.length() - 1));
                    }
                } catch (NoSuchFileException e) {
                    // Closed while we look.
                }
            }
        }
        return inodes;
    }

    private static List<String[]> tcpRows(Path proc) throws IOException {
        List<String[]> rows = new java.util.ArrayList<>();
        for (String table : List.of("net/tcp", "net/tcp6")) {
            Path file = proc.resolve(table);
            if (Files.exists(file)) {
                Files.readAllLines(file).stream().skip(1).map(line -> line.trim().split("\\s+")).forEach(rows::add);
            }
        }
        return rows;
    }

    private static String state(String[] row) {
        return STATES.get(Integer.parseInt(row[STATE], 16) - 1);
    }

    private static long rss(Path proc) throws IOException {
        for (String line : Files.readAllLines(proc.resolve("status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
            }
        }
        return 0;
    }

    /** Fields 14 and 15 of /proc/PID/stat, counted after the command's name, which may hold anything. */
    private static double cpu(Path proc) throws IOException {
        String stat = Files.readString(proc.resolve("stat"));
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / (double) TICKS_PER_SECOND;
    }
}
