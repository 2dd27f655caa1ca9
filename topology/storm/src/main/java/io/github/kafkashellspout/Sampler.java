// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** Looks at the spout's processes: children of this JVM that run its binary. */
final class Sampler {
    private final Path binary;
    private final Set<Integer> serverPorts;
    private final Set<Long> pids = new TreeSet<>();
    private final Map<String, Integer> mostSockets = new TreeMap<>();
    private final Map<Long, Double> cpuByPid = new TreeMap<>();
    private Map<String, Integer> sockets = Map.of();
    private long rssBytes;
    private long mostRssBytes;
    private double cpuSeconds;
    private double cpuShare;
    private long sampledAt = System.nanoTime();
    private long closeMillis = -1;

    Sampler(Path binary, Set<Integer> serverPorts) {
        this.binary = binary;
        this.serverPorts = serverPorts;
    }

    /** Waits until so many processes run. */
    void awaitStart(int processes, long timeoutMillis) throws IOException, InterruptedException {
        long begun = System.nanoTime();
        for (find(); pids.size() < processes; find()) {
            if ((System.nanoTime() - begun) / 1_000_000 > timeoutMillis) {
                throw new IOException("Storm has started " + pids.size() + " of " + processes + " spout processes in " + timeoutMillis + " ms");
            }
            Thread.sleep(100);
        }
    }

    private void find() {
        ProcessHandle.current().children().filter(this::isSpout).forEach(child -> pids.add(child.pid()));
    }

    int processes() {
        return pids.size();
    }

    /** Takes one look. */
    void sample() throws IOException {
        find();
        Map<String, Integer> sum = new TreeMap<>();
        rssBytes = 0;
        for (long pid : pids) {
            ProcessStatus status = ProcessStatus.of(pid);
            status.sockets().forEach((state, count) -> sum.merge(state, count, Integer::sum));
            rssBytes += status.rssBytes();
            cpuByPid.merge(pid, status.cpuSeconds(), Math::max);
        }
        sockets = sum;
        sum.forEach((state, count) -> mostSockets.merge(state, count, Math::max));
        mostRssBytes = Math.max(mostRssBytes, rssBytes);
        double cpu = cpuByPid.values().stream().mapToDouble(Double::doubleValue).sum();
        long now = System.nanoTime();
        cpuShare = (cpu - cpuSeconds) / ((now - sampledAt) / 1e9);
        cpuSeconds = cpu;
        sampledAt = now;
    }

    private boolean isSpout(ProcessHandle child) {
        return child.info().command().map(command -> Path.of(command).equals(binary)).orElse(false);
    }

    /** Waits until the processes are gone. */
    void awaitEnd(long timeoutMillis) throws InterruptedException {
        long begun = System.nanoTime();
        while ((System.nanoTime() - begun) / 1_000_000 < timeoutMillis) {
            if (pids.stream().noneMatch(pid -> ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false))) {
                closeMillis = (System.nanoTime() - begun) / 1_000_000;
                return;
            }
            Thread.sleep(10);
        }
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
        return closeMillis >= 0;
    }

    Map<String, Integer> sockets() {
        return sockets;
    }

    Map<String, Integer> mostSockets() {
        return mostSockets;
    }

    long rssBytes() {
        return rssBytes;
    }

    long mostRssBytes() {
        return mostRssBytes;
    }

    double cpuSeconds() {
        return cpuSeconds;
    }

    double cpuShare() {
        return cpuShare;
    }
}
