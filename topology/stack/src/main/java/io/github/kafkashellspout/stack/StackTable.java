// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** What {@code scripts/stack status} prints: each server was asked in its own protocol just now. */
final class StackTable {
    private static final String ROW = "%-10s %-8s %-16s %-8s %-10s %-8s %s%n";
    private static final String NONE = "-";

    private final StringBuilder text = new StringBuilder(String.format(ROW, "SERVER", "STATE", "ADDRESS", "PID", "UPTIME", "VERSION", "DATA"));
    private final List<String> remarks = new ArrayList<>();
    private boolean allAnswer = true;

    /** @param state null if there is none */
    StackTable(Path dir, StackState state, ControlOptions options) {
        boolean isUp = state != null && state.launcherRuns();
        boolean isReady = isUp && state.isReady();
        int kafkaPort = isReady ? state.port("kafka") : options.kafkaPort;
        int zookeeperPort = isReady ? state.port("zookeeper") : options.zookeeperPort;
        // No jars are needed to ask.
        add(new KafkaServer(dir, dir, kafkaPort, 0, List.of(), null), isReady ? state : null, isUp);
        add(new ZooKeeperServer(dir, dir, zookeeperPort), isReady ? state : null, isUp);
        if (!isUp) {
            remarks.add("It is not up. Start it with: scripts/stack up");
        } else if (!allAnswer) {
            remarks.add("Not all of it answers. Logs are in " + dir + "; scripts/stack down, then scripts/stack up starts it afresh.");
        }
    }

    private void add(Server server, StackState state, boolean launcherRuns) {
        String data = server.dir().resolve(server.name() + "-data").toString();
        if (state != null && state.serverRuns(server.name())) {
            boolean answers = server.answers();
            allAnswer &= answers;
            long pid = state.pid(server.name());
            row(server, answers ? "up" : "silent", String.valueOf(pid), uptime(pid), state.version(server.name()), data);
            return;
        }
        allAnswer = false;
        row(server, launcherRuns && state == null ? "starting" : "down", NONE, NONE, NONE, data);
        if (!launcherRuns) {
            try {
                Ports.checkFree(server.port());
            } catch (IOException e) {
                remarks.add("Port " + server.port() + " is taken by " + PortOwner.describe(server.port()) + ".");
            }
        }
    }

    private void row(Server server, String state, String pid, String uptime, String version, String data) {
        text.append(String.format(ROW, server.name(), state, server.address(), pid, uptime, version, data));
    }

    private static String uptime(long pid) {
        Instant begun = ProcessHandle.of(pid).flatMap(process -> process.info().startInstant()).orElse(Instant.now());
        Duration time = Duration.between(begun, Instant.now());
        if (time.toHours() > 0) {
            return time.toHours() + "h" + time.toMinutesPart() + "m";
        }
        return time.toMinutes() > 0 ? time.toMinutes() + "m" + time.toSecondsPart() + "s" : Math.max(0, time.toSeconds()) + "s";
    }

    boolean allAnswer() {
        return allAnswer;
    }

    @Override
    public String toString() {
        StringBuilder all = new StringBuilder(text);
        remarks.forEach(remark -> all.append(remark).append(System.lineSeparator()));
        return all.toString();
    }
}
