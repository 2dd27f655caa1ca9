// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Looks at the spout's processes, children of Storm's JVM that run its binary, with eyes of our own: what they say of
 * themselves ends before they do.
 */
final class Sampler {
    private final ProcessHandle storm;
    private final Path binary;
    private final Set<Integer> serverPorts;
    private final Set<Long> pids = new TreeSet<>();
    private final Map<String, Integer> mostSockets = new TreeMap<>();
    private final Map<Long, Double> cpuByPid = new TreeMap<>();
    private long mostRssBytes;
    private boolean ended;

    Sampler(ProcessHandle storm, Path binary, Set<Integer> serverPorts) throws IOException {
        this.storm = storm;
        this.binary = binary.toRealPath();
        this.serverPorts = serverPorts;
    }

    private void find() {
        storm.children().filter(this::isSpout).forEach(child -> pids.add(child.pid()));
    }

    int processes() {
        return pids.size();
    }

    /** Takes one look. */
    void sample() throws IOException {
        find();
        Map<String, Integer> sockets = new TreeMap<>();
        long rssBytes = 0;
        for (long pid : pids) {
            ProcessStatus status = ProcessStatus.of(pid);
            status.sockets().forEach((state, count) -> sockets.merge(state, count, Integer::sum));
            rssBytes += status.rssBytes();
            cpuByPid.merge(pid, status.cpuSeconds(), Math::max);
        }
        sockets.forEach((state, count) -> mostSockets.merge(state, count, Math::max));
        mostRssBytes = Math.max(mostRssBytes, rssBytes);
    }

    private boolean isSpout(ProcessHandle child) {
        return child.info().command().map(command -> Path.of(command).equals(binary)).orElse(false);
    }

    /** Looks whether the processes are gone. */
    void noteEnd() {
        ended = pids.stream().noneMatch(pid -> ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false));
    }

    /** Sockets that the processes hold now. */
    int socketsNow() throws IOException {
        int count = 0;
        for (long pid : pids) {
            count += ProcessStatus.of(pid).sockets().values().stream().mapToInt(Integer::intValue).sum();
        }
        return count;
    }

    int timeWait() throws IOException {
        return ProcessStatus.timeWaitTo(serverPorts);
    }

    boolean ended() {
        return ended;
    }

    Map<String, Integer> mostSockets() {
        return mostSockets;
    }

    long mostRssBytes() {
        return mostRssBytes;
    }

    double cpuSeconds() {
        return cpuByPid.values().stream().mapToDouble(Double::doubleValue).sum();
    }
}
