// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Nimbus or Supervisor. */
final class StormDaemon extends Server {
    private static final int TIMEOUT_MS = 1000;

    private final StormHome home;
    private final String mainClass;
    private final String readyLine;
    private final boolean listens;
    private final Path lib;
    private long logBegin;

    private StormDaemon(String name, Path lib, StormHome home, int port, String mainClass, String readyLine, boolean listens) {
        super(name, lib, home.path().getParent(), port);
        this.home = home;
        this.mainClass = mainClass;
        this.readyLine = readyLine;
        this.listens = listens;
        this.lib = lib;
    }

    static StormDaemon nimbus(StormVersion version, Path lib, StormHome home, int port) {
        // After a kill it first has to wait for the end of its predecessor's ZooKeeper session.
        return new StormDaemon("nimbus", lib, home, port, version.nimbus(), "Accepting leadership", true);
    }

    static StormDaemon supervisor(StormVersion version, Path lib, StormHome home, int port) {
        boolean listens = version != StormVersion.V1_1_3;
        return new StormDaemon("supervisor", lib, home, port, version.supervisor(), "Starting supervisor with id", listens);
    }

    @Override
    List<String> command() {
        logBegin = log().length();
        List<String> command = new ArrayList<>(List.of("-Xmx256m", "-Ddaemon.name=" + name(), "-Dlogfile.name=" + name() + ".log",
                "-Djava.deserialization.disabled=true"));
        command.addAll(home.options());
        command.addAll(List.of(Guard.class.getName(), mainClass));
        return command;
    }

    /** The home is made for both daemons at once. */
    @Override
    void prepare() {
    }

    /** It has said so since it was started, and answers where it listens. */
    @Override
    boolean isReady() throws IOException {
        if (!newLog().contains(readyLine)) {
            return false;
        }
        if (!listens) {
            return true;
        }
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress("127.0.0.1", port()), TIMEOUT_MS);
            return true;
        }
    }

    /** Runs a command of {@code bin/storm} to its end. */
    void run(String mainClass, List<String> arguments) throws IOException, InterruptedException {
        runGuarded(List.of(), mainClass, arguments);
    }

    /** Runs the main class of a topology with its jar on the class path, as {@code storm jar} does. */
    void runJar(Path jar, String mainClass, List<String> arguments) throws IOException, InterruptedException {
        String classPath = String.join(File.pathSeparator, lib.toAbsolutePath().resolve("*").toString(), jar.toString(),
                Stack.ownCode().toString());
        // Of two class paths the JVM takes the last.
        runGuarded(List.of("-Dstorm.jar=" + jar, "-Dstorm.dependency.jars=", "-Dstorm.dependency.artifacts={}", "-cp", classPath),
                mainClass, arguments);
    }

    private void runGuarded(List<String> options, String mainClass, List<String> arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("-Xmx128m"));
        command.addAll(home.options());
        command.addAll(options);
        command.addAll(List.of(Guard.class.getName(), mainClass));
        command.addAll(arguments);
        runTool(command);
    }

    private String newLog() throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(log(), "r")) {
            file.seek(logBegin);
            byte[] bytes = new byte[(int) (file.length() - logBegin)];
            file.readFully(bytes);
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }

    private File log() {
        return dir().resolve(name() + ".log").toFile();
    }
}
