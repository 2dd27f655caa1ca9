// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** One server in a JVM of its own, with its own class path, directory and log file. */
abstract class Server {
    private static final long START_TIMEOUT_MS = 90_000;
    private static final long STOP_TIMEOUT_S = 10;
    private static final int LOG_LINES_SHOWN = 20;

    private final String name;
    private final Path lib;
    private final Path dir;
    private final int port;
    private Process process;

    Server(String name, Path lib, Path dir, int port) {
        this.name = name;
        this.lib = lib;
        this.dir = dir;
        this.port = port;
    }

    /** JVM options, main class and arguments. */
    abstract List<String> command();

    /** Whether the server does its work, asked in its own protocol. An exception means: not yet. */
    abstract boolean isReady() throws IOException;

    /** Writes the configuration, which may have other ports than last time, and formats storage where there is none. */
    abstract void prepare() throws IOException, InterruptedException;

    final String name() {
        return name;
    }

    final int port() {
        return port;
    }

    final Path dir() {
        return dir;
    }

    final String address() {
        return "127.0.0.1:" + port;
    }

    /** From the name of the one jar that fits. */
    static String version(Path lib, String jar) throws IOException {
        Pattern pattern = Pattern.compile(jar);
        try (Stream<Path> files = Files.list(lib)) {
            return files.map(file -> pattern.matcher(file.getFileName().toString())).filter(Matcher::matches)
                    .map(matcher -> matcher.group(1)).findFirst().orElse("unknown");
        }
    }

    final synchronized long pid() {
        return process == null ? -1 : process.pid();
    }

    /** Starts the JVM and waits until {@link #isReady()}. */
    final synchronized void start() throws IOException, InterruptedException {
        if (process != null && process.isAlive()) {
            throw new IOException(name + " runs already, pid " + process.pid());
        }
        process = java(command(), log());
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(START_TIMEOUT_MS);
        while (!answers()) {
            if (!process.isAlive()) {
                throw new IOException(name + " ended with code " + process.exitValue() + " while it started" + logTail());
            }
            if (System.nanoTime() > deadline) {
                kill();
                throw new IOException(name + " was not ready on " + address() + " in " + START_TIMEOUT_MS + " ms" + logTail());
            }
            Thread.sleep(20);
        }
    }

    /** {@link #isReady()} without the reason why not. */
    final boolean answers() {
        try {
            return isReady();
        } catch (IOException e) {
            return false;
        }
    }

    /** SIGTERM, and SIGKILL after some seconds. */
    final synchronized void stop() throws InterruptedException {
        if (process != null) {
            if (process.isAlive()) {
                // A frozen one would not hear it.
                resume();
            }
            process.destroy();
            if (!process.waitFor(STOP_TIMEOUT_S, TimeUnit.SECONDS)) {
                kill();
            }
        }
    }

    private void resume() throws InterruptedException {
        try {
            thaw();
        } catch (IOException e) {
            System.err.println("stack: " + e.getMessage());
        }
    }

    /** SIGKILL. */
    final synchronized void kill() throws InterruptedException {
        if (process != null) {
            process.destroyForcibly().waitFor();
        }
    }

    /** SIGSTOP: its sockets stay open, and nobody answers. */
    final synchronized void freeze() throws IOException, InterruptedException {
        signal("STOP");
    }

    /** SIGCONT. */
    final synchronized void thaw() throws IOException, InterruptedException {
        signal("CONT");
    }

    private void signal(String signal) throws IOException, InterruptedException {
        if (process == null || !process.isAlive()) {
            throw new IOException(name + " does not run");
        }
        // The shell's own kill: there need be no other.
        int code = new ProcessBuilder("sh", "-c", "kill -" + signal + " " + process.pid()).inheritIO().start().waitFor();
        if (code != 0) {
            throw new IOException("kill -" + signal + " of " + name + " ended with code " + code);
        }
    }

    /** Runs a class of this server's class path to its end. */
    final void runTool(List<String> command) throws IOException, InterruptedException {
        Path toolLog = dir.resolve(name + "-tool.log");
        int code = java(command, toolLog.toFile()).waitFor();
        if (code != 0) {
            throw new IOException(String.join(" ", command) + " ended with code " + code + tail(toolLog));
        }
    }

    /** The guard's own class path stands last: it has no dependencies to collide. */
    private Process java(List<String> command, File log) throws IOException {
        if (!Files.isDirectory(lib)) {
            throw new IOException("no class path for " + name + " at " + lib + "; build it with: mvn -f topology/pom.xml package");
        }
        List<String> full = new ArrayList<>();
        full.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        full.add("-XX:TieredStopAtLevel=1");
        full.add("-XX:+UseSerialGC");
        full.add("-cp");
        full.add(lib.toAbsolutePath().resolve("*") + File.pathSeparator + Stack.ownCode());
        full.addAll(command);
        ProcessBuilder builder = new ProcessBuilder(full).directory(dir.toFile());
        return builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.appendTo(log)).start();
    }

    private File log() {
        return dir.resolve(name + ".log").toFile();
    }

    private String logTail() throws IOException {
        return tail(log().toPath());
    }

    private static String tail(Path file) throws IOException {
        if (!Files.exists(file)) {
            return "";
        }
        List<String> lines = Files.readAllLines(file);
        List<String> last = lines.subList(Math.max(0, lines.size() - LOG_LINES_SHOWN), lines.size());
        return "; the end of " + file + ":\n  " + String.join("\n  ", last);
    }
}
