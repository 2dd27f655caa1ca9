// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** What scripts/stack does: starts and stops a detached {@link Stack}, and tells how it is. */
public final class StackControl {
    private static final long START_TIMEOUT_MS = 120_000;
    private static final long STOP_TIMEOUT_MS = 30_000;
    private static final int NOT_DONE = 2;
    private static final int NOT_UP = 3;
    private static final List<String> SERVERS = List.of("kafka", "zookeeper");

    private final ControlOptions options;
    private final Path dir;

    private StackControl(ControlOptions options) throws IOException {
        this.options = options;
        boolean willExist = options.command.equals("up") || Files.exists(options.dir);
        dir = willExist ? Files.createDirectories(options.dir).toRealPath() : options.dir.toAbsolutePath();
    }

    /** @param args see {@code --help} */
    public static void main(String[] args) throws InterruptedException {
        ControlOptions options;
        try {
            options = ControlOptions.parse(args);
        } catch (IllegalArgumentException e) {
            System.err.println("stack: " + e.getMessage() + "; see --help");
            System.exit(64);
            return;
        }
        if (options.help) {
            System.out.println(ControlOptions.HELP);
            return;
        }
        try {
            System.exit(new StackControl(options).obey());
        } catch (IOException e) {
            System.err.println("stack: " + e.getMessage());
            System.exit(NOT_DONE);
        }
    }

    private int obey() throws IOException, InterruptedException {
        if (options.command.equals("status")) {
            return status();
        }
        if (!Files.exists(dir)) {
            System.out.println("It was not up.");
            return 0;
        }
        // One at a time: the second up finds what the first has started.
        try (FileChannel file = FileChannel.open(dir.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock lock = file.lock()) {
            assert lock.isValid();
            return options.command.equals("up") ? up() : down();
        }
    }

    private int up() throws IOException, InterruptedException {
        StackState state = StackState.read(dir);
        if (state != null && state.launcherRuns()) {
            return upAlready(state);
        }
        clearAway(state);
        List<String> taken = new ArrayList<>();
        for (int port : List.of(options.kafkaPort, options.zookeeperPort)) {
            try {
                Ports.checkFree(port);
            } catch (IOException e) {
                taken.add("port " + port + " is taken by " + PortOwner.describe(port));
            }
        }
        if (!taken.isEmpty()) {
            taken.forEach(line -> System.err.println("stack: " + line));
            System.err.println("stack: end that, or choose others: scripts/stack up --kafka-port PORT --zookeeper-port PORT");
            return NOT_DONE;
        }
        System.err.println("stack: starting Kafka and ZooKeeper; this takes some seconds");
        tellWhereTheyAre(started());
        return 0;
    }

    /** Perhaps half started yet: an up that was interrupted leaves its launcher at work. */
    private int upAlready(StackState half) throws IOException, InterruptedException {
        waitFor(START_TIMEOUT_MS, () -> readyOrGone(half));
        StackState state = StackState.read(dir);
        if (state == null || !state.isReady()) {
            throw new IOException("the launcher, pid " + half.launcherPid() + ", did not start them; see " + dir.resolve("launcher.log"));
        }
        if (options.portGiven && (state.port("kafka") != options.kafkaPort || state.port("zookeeper") != options.zookeeperPort)) {
            throw new IOException("it is up already on ports " + state.port("kafka") + " and " + state.port("zookeeper")
                    + "; run scripts/stack down first, or give another --dir");
        }
        StackTable table = new StackTable(dir, state, options);
        if (!table.allAnswer()) {
            System.out.print(table);
            throw new IOException("it is up, but not all of it answers; run: scripts/stack down, then scripts/stack up");
        }
        System.out.println("It is up already.");
        tellWhereTheyAre(state);
        return 0;
    }

    private StackState started() throws IOException, InterruptedException {
        Path log = dir.resolve("launcher.log");
        long before = Files.exists(log) ? Files.size(log) : 0;
        Process launcher = launch(log);
        waitFor(START_TIMEOUT_MS, () -> !launcher.isAlive() || isReady(launcher.pid()));
        if (!isReady(launcher.pid())) {
            launcher.destroy();
            throw new IOException("they did not start:\n" + textAfter(log, before));
        }
        return StackState.read(dir);
    }

    private Process launch(Path log) throws IOException {
        // A copy: the next build puts another jar in its place, and a JVM that runs from it would break.
        Path jar = Files.copy(Stack.ownCode(), dir.resolve("launcher.jar"), StandardCopyOption.REPLACE_EXISTING);
        StackOptions defaults = new StackOptions();
        List<String> command = new ArrayList<>(List.of("setsid", Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx64m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", jar.toString(), Stack.class.getName(),
                "--detached", "--dir", dir.toString(),
                "--kafka-port", String.valueOf(options.kafkaPort), "--zookeeper-port", String.valueOf(options.zookeeperPort),
                "--kafka-lib", defaults.kafkaLib.toString(), "--zookeeper-lib", defaults.zookeeperLib.toString()));
        if (options.untilEndOf != 0) {
            command.addAll(List.of("--until-end-of", String.valueOf(options.untilEndOf)));
        }
        return new ProcessBuilder(command).directory(dir.toFile()).redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile())).start();
    }

    private boolean isReady(long launcher) {
        try {
            StackState state = StackState.read(dir);
            return state != null && state.launcherPid() == launcher && state.isReady();
        } catch (IOException e) {
            return false;
        }
    }

    private boolean readyOrGone(StackState half) {
        return isReady(half.launcherPid()) || !half.launcherRuns();
    }

    private static String textAfter(Path log, long offset) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(log.toFile(), "r")) {
            byte[] text = new byte[(int) (file.length() - offset)];
            file.seek(offset);
            file.readFully(text);
            return new String(text, StandardCharsets.UTF_8).trim();
        }
    }

    private void tellWhereTheyAre(StackState state) {
        System.out.printf("Kafka %s listens on 127.0.0.1:%d, ZooKeeper %s on 127.0.0.1:%d.%n",
                state.version("kafka"), state.port("kafka"), state.version("zookeeper"), state.port("zookeeper"));
        System.out.println("Data and logs are in " + dir + ".");
        String where = options.dirGiven ? " --dir " + dir : "";
        System.out.println("What to do next, for example:");
        System.out.println("  scripts/stack run" + where + " kafka-topics --create --topic lines --partitions 12");
        System.out.println("  scripts/stack run" + where + " kafka-console-producer --topic lines");
        System.out.println("  scripts/stack status" + where);
        System.out.println("  scripts/stack down" + where);
    }

    private int down() throws IOException, InterruptedException {
        StackState state = StackState.read(dir);
        if (state == null || !state.launcherRuns()) {
            clearAway(state);
            System.out.println("It was not up.");
        } else {
            stop(state);
            System.out.println("Kafka and ZooKeeper are down." + (options.delete ? "" : " Their data stay in " + dir + "."));
        }
        if (options.delete) {
            delete();
            System.out.println("The data in " + dir + " are removed.");
        }
        return 0;
    }

    /** The launcher stops Kafka first, which may need the other no more, and then ZooKeeper. */
    private void stop(StackState state) throws InterruptedException {
        ProcessHandle.of(state.launcherPid()).ifPresent(ProcessHandle::destroy);
        for (String server : SERVERS) {
            long begun = System.nanoTime();
            if (waitFor(STOP_TIMEOUT_MS, () -> !state.serverRuns(server)) && state.pid(server) > 0) {
                System.out.printf("%s (pid %d) has stopped, after %.1f s.%n", server, state.pid(server), (System.nanoTime() - begun) / 1e9);
            }
        }
        if (!waitFor(STOP_TIMEOUT_MS, () -> !state.launcherRuns())) {
            System.err.println("stack: the launcher, pid " + state.launcherPid() + ", does not end; it is killed");
            ProcessHandle.of(state.launcherPid()).ifPresent(ProcessHandle::destroyForcibly);
            end(state);
        }
    }

    /** What a launcher that was killed has left: its servers end by themselves, but not at once. */
    private void clearAway(StackState state) throws IOException, InterruptedException {
        if (state != null) {
            end(state);
            state.delete();
        }
    }

    private static void end(StackState state) throws InterruptedException {
        for (String server : SERVERS) {
            if (!waitFor(STOP_TIMEOUT_MS / 2, () -> !state.serverRuns(server))) {
                ProcessHandle.of(state.pid(server)).ifPresent(ProcessHandle::destroyForcibly);
                waitFor(STOP_TIMEOUT_MS / 2, () -> !state.serverRuns(server));
            }
        }
    }

    private void delete() throws IOException {
        for (String name : StackState.FILES) {
            if (Files.exists(dir.resolve(name))) {
                Stack.remove(dir.resolve(name));
            }
        }
    }

    private int status() throws IOException {
        StackTable table = new StackTable(dir, StackState.read(dir), options);
        System.out.print(table);
        return table.allAnswer() ? 0 : NOT_UP;
    }

    private static boolean waitFor(long timeoutMs, BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                return false;
            }
            Thread.sleep(20);
        }
        return true;
    }
}
