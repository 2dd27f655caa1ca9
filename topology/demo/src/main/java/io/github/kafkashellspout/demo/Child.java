// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A JVM that we start, and that ends when its stdin does: when we close it, and when we are gone. */
final class Child {
    private static final int KILL_TIMEOUT_S = 15;

    private final Process process;

    /** @param dir where it runs: Storm 1.1.3 makes directories there @param errors where its stderr goes */
    Child(List<String> arguments, Path dir, ProcessBuilder.Redirect errors) throws IOException {
        // Out of the terminal's reach: Ctrl-C is ours to hear, and they end in the right order.
        List<String> command = new ArrayList<>(List.of("setsid", Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(arguments);
        process = new ProcessBuilder(command).directory(dir.toFile()).redirectError(errors).start();
    }

    Process process() {
        return process;
    }

    /** Ends its stdin and waits. */
    void close(long timeoutSeconds) throws IOException, InterruptedException {
        process.getOutputStream().close();
        if (!process.waitFor(timeoutSeconds, TimeUnit.SECONDS)) {
            kill();
        }
    }

    /** Ends it and all that it has started at once. */
    void kill() {
        List<ProcessHandle> all = Stream.concat(process.toHandle().descendants(), Stream.of(process.toHandle())).toList();
        process.destroyForcibly();
        all.forEach(ProcessHandle::destroyForcibly);
        all.forEach(handle -> handle.onExit().completeOnTimeout(handle, KILL_TIMEOUT_S, TimeUnit.SECONDS).join());
    }
}
