// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The workers of one cluster and their children, as the kernel has them: whoever started them may be gone. */
final class Workers {
    private static final String LOG_WRITER = "org.apache.storm.LogWriter";
    /** A worker that hangs in its own end halts itself after 3 s. */
    private static final long STOP_TIMEOUT_S = 5;

    private final Path home;
    private final String mainClass;

    Workers(StormHome home, StormVersion version) {
        this.home = home.path();
        this.mainClass = version.worker();
    }

    /** A worker's JVM. @param topology its id @param id new at every start */
    record Worker(ProcessHandle process, String topology, int port, String id) {
        String json() {
            String children = process.children().filter(child -> !commandLine(child).isEmpty())
                    .map(child -> String.valueOf(child.pid())).collect(Collectors.joining(",", "[", "]"));
            return "{\"pid\":" + process.pid() + ",\"topology\":" + Json.quote(topology) + ",\"port\":" + port
                    + ",\"id\":" + Json.quote(id) + ",\"children\":" + children + "}";
        }
    }

    /** Those that live now. */
    List<Worker> living() {
        List<Worker> workers = new ArrayList<>();
        ProcessHandle.allProcesses().forEach(process -> {
            List<String> line = commandLine(process);
            int main = line.indexOf(mainClass);
            // The log writer has the worker's whole command line as its arguments.
            boolean ours = main > 0 && !line.contains(LOG_WRITER) && line.contains("-Dstorm.home=" + home);
            if (ours && line.size() >= main + 5) {
                workers.add(new Worker(process, line.get(main + 1), Integer.parseInt(line.get(line.size() - 2)), line.get(line.size() - 1)));
            }
        });
        return workers;
    }

    String json() {
        return living().stream().map(Worker::json).collect(Collectors.joining(",", "[", "]"));
    }

    /** SIGTERM, and SIGKILL after some seconds. The supervisor must be gone, or it starts them again. */
    void stop() throws InterruptedException {
        List<ProcessHandle> processes = living().stream().map(Worker::process).toList();
        processes.forEach(ProcessHandle::destroy);
        for (ProcessHandle process : processes) {
            try {
                process.onExit().get(STOP_TIMEOUT_S, TimeUnit.SECONDS);
            } catch (TimeoutException | ExecutionException e) {
                process.destroyForcibly();
            }
        }
    }

    /** All of it; {@link ProcessHandle.Info} has only the first page. Empty for a process that is gone. */
    private static List<String> commandLine(ProcessHandle process) {
        try {
            byte[] line = Files.readAllBytes(Path.of("/proc", String.valueOf(process.pid()), "cmdline"));
            return Stream.of(new String(line, StandardCharsets.UTF_8).split("\0")).filter(word -> !word.isEmpty()).toList();
        } catch (IOException e) {
            return List.of();
        }
    }
}
