// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** The JVM of Storm, one version or the other, and the lines it prints. */
final class TopologyProcess {
    private static final int END_TIMEOUT_S = 45;
    private static final int SHOWN_LINES = 5;
    private static final int SHOWN_CHARACTERS = 400;

    private final Child child;
    private final Path dir;
    private final Object news = new Object();
    private TopologyStatus status = TopologyStatus.NONE;
    private long count;
    private boolean over;

    /** @param storm which @param modules topology/ @param dir for what it leaves @param keys see DemoTopology */
    TopologyProcess(StormVersion storm, Path modules, Path dir, List<String> keys) throws IOException {
        this.dir = dir;
        // LocalCluster leaves directories there.
        Path temporary = Files.createDirectories(dir.resolve("tmp"));
        List<String> arguments = new ArrayList<>(storm.jvmOptions());
        arguments.addAll(List.of("-Djava.io.tmpdir=" + temporary, "-Ddemo.log=" + dir.resolve("storm.log"),
                "-cp", storm.classPath(modules), "io.github.kafkashellspout.DemoTopology"));
        arguments.addAll(keys);
        child = new Child(arguments, dir, ProcessBuilder.Redirect.to(dir.resolve("storm.err").toFile()));
        Thread reader = new Thread(this::read, "topology");
        reader.setDaemon(true);
        reader.start();
    }

    ProcessHandle handle() {
        return child.process().toHandle();
    }

    private void read() {
        try (BufferedReader out = child.process().inputReader(StandardCharsets.UTF_8)) {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                take(line);
            }
        } catch (IOException e) {
            // The same as its end.
        }
        synchronized (news) {
            over = true;
            news.notifyAll();
        }
    }

    private void take(String line) {
        try {
            TopologyStatus read = Json.MAPPER.readValue(line, TopologyStatus.class);
            synchronized (news) {
                status = read;
                count++;
                news.notifyAll();
            }
        } catch (JsonProcessingException e) {
            // Printed past DemoTopology; it is no word of ours.
        }
    }

    /** What it said last. */
    TopologyStatus status() {
        synchronized (news) {
            return status;
        }
    }

    /** Waits for the next word, but not for ever. */
    TopologyStatus await(long timeoutMillis) throws IOException, InterruptedException {
        synchronized (news) {
            long before = count;
            long deadline = System.nanoTime() + timeoutMillis * 1_000_000;
            for (long left = timeoutMillis; count == before && !over && left > 0; left = (deadline - System.nanoTime()) / 1_000_000) {
                news.wait(left);
            }
            if (over && !status.ended()) {
                throw new IOException(why());
            }
            return status;
        }
    }

    /** Has the topology killed; true if Storm has ended the spout by then. */
    boolean end() throws IOException, InterruptedException {
        child.close(END_TIMEOUT_S);
        synchronized (news) {
            // The reader may be a line behind.
            for (int i = 0; i < 10 && !over; i++) {
                news.wait(100);
            }
            return status.ended() && status.children() == 0;
        }
    }

    boolean isAlive() {
        return child.process().isAlive();
    }

    /** A component's error ends a LocalCluster and its JVM: the spout's own words are the last in its log. */
    private String why() throws IOException {
        String code = "";
        try {
            code = child.process().waitFor(1, TimeUnit.SECONDS) ? " with code " + child.process().exitValue() : "";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        List<String> errors = errors();
        return "Storm's JVM ended" + code + (errors.isEmpty() ? "" : ":\n  " + String.join("\n  ", errors));
    }

    /** The exceptions, without where they were thrown; what the JVM itself said, if it came to none. */
    private List<String> errors() throws IOException {
        List<String> errors = lines("storm.log", line -> line.contains("Exception: ") && !line.startsWith("\t"));
        return errors.isEmpty() ? lines("storm.err", line -> true) : errors;
    }

    private List<String> lines(String log, Predicate<String> wanted) throws IOException {
        if (!Files.exists(dir.resolve(log))) {
            return List.of();
        }
        try (Stream<String> lines = Files.lines(dir.resolve(log), StandardCharsets.ISO_8859_1)) {
            return lines.filter(wanted).distinct().limit(SHOWN_LINES)
                    .map(line -> line.substring(0, Math.min(SHOWN_CHARACTERS, line.length()))).toList();
        }
    }
}
