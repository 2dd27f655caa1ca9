// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A local Kafka and ZooKeeper for tests and demonstrations. Prints one JSON line when both are ready, obeys commands on
 * stdin, and stops all it started when stdin ends or it is told to. Detached it hears signals alone.
 */
public final class Stack {
    private final Path dir;
    private final boolean removeDir;
    private final ZooKeeperServer zookeeper;
    private final List<KafkaServer> brokers;
    private final StackOptions options;
    private final PlainListeners plain;
    /** May be null. */
    private final SecureListeners secure;
    /** Null unless detached. */
    private StackState state;

    private Stack(StackOptions options) throws IOException {
        this.options = options;
        Ports ports = new Ports();
        removeDir = options.dir == null;
        dir = removeDir ? Files.createTempDirectory("kafka-shell-spout-stack-") : Files.createDirectories(options.dir).toRealPath();
        zookeeper = new ZooKeeperServer(options.zookeeperLib, dir, ports.get(options.zookeeperPort));
        secure = options.tls ? new SecureListeners(dir.resolve("tls"), ports.get(0), ports.get(0)) : null;
        plain = new PlainListeners(ports.get(options.listenerPort, options.listeners));
        brokers = brokers(ports);
    }

    private List<KafkaServer> brokers(Ports ports) throws IOException {
        if (options.brokers == 1) {
            return List.of(new KafkaServer(options.kafkaLib, dir, ports.get(options.kafkaPort), ports.get(0), options.brokerProperties,
                    plain, secure));
        }
        return KafkaServer.several(options.kafkaLib, dir, ports.get(options.kafkaPort, options.brokers),
                ports.get(0, options.brokers), options.brokerProperties);
    }

    /** @param args see {@code --help} */
    public static void main(String[] args) throws InterruptedException {
        StackOptions options;
        try {
            options = StackOptions.parse(args);
        } catch (IllegalArgumentException e) {
            System.err.println("stack: " + e.getMessage() + "; see --help");
            System.exit(64);
            return;
        }
        if (options.help) {
            System.out.println(StackOptions.HELP);
            return;
        }
        Stack stack;
        try {
            stack = new Stack(options);
        } catch (IOException e) {
            System.err.println("stack: " + e.getMessage());
            System.exit(2);
            return;
        }
        // Also the way of SIGTERM and SIGINT; System.exit below runs it, too.
        Runtime.getRuntime().addShutdownHook(new Thread(stack::stop, "stop"));
        try {
            if (options.detached) {
                stack.runDetached();
            } else {
                stack.start();
                stack.serve();
            }
        } catch (IOException e) {
            System.err.println("stack: " + e.getMessage());
            System.exit(2);
        }
    }

    private void runDetached() throws IOException, InterruptedException {
        state = StackState.starting(dir);
        state.write();
        start();
        state.put(brokers.get(0), Server.version(options.kafkaLib, "kafka_[0-9.]+-(.+)\\.jar"));
        state.put(zookeeper, Server.version(options.zookeeperLib, "zookeeper-([0-9].*)\\.jar"));
        state.write();
        if (options.untilEndOf != 0) {
            // One that is gone already has ended, too.
            ProcessHandle.of(options.untilEndOf).ifPresent(process -> process.onExit().join());
            System.exit(0);
        }
        new CountDownLatch(1).await();
    }

    private void start() throws IOException, InterruptedException {
        // All at once: of several brokers the first is not ready before it has found the others.
        List<FutureTask<Void>> starts = new ArrayList<>();
        for (Server server : servers()) {
            FutureTask<Void> start = new FutureTask<>(() -> {
                prepareAndStart(server);
                return null;
            });
            starts.add(start);
            new Thread(start, "start-" + server.name()).start();
        }
        for (FutureTask<Void> start : starts) {
            try {
                start.get();
            } catch (ExecutionException e) {
                throw new IOException(e.getCause().getMessage(), e.getCause());
            }
        }
        System.out.println("{\"kafka\":" + Json.quote(joined(brokers, Server::address))
                + ",\"zookeeper\":" + Json.quote(zookeeper.address())
                + plain.json()
                + (secure == null ? "" : secure.json())
                + ",\"dir\":" + Json.quote(dir.toString())
                + ",\"pids\":{" + joined(servers(), server -> Json.quote(server.name()) + ":" + server.pid()) + "}}");
        System.out.flush();
    }

    /** The brokers, then ZooKeeper. */
    private List<Server> servers() {
        List<Server> servers = new ArrayList<>(brokers);
        servers.add(zookeeper);
        return servers;
    }

    private static String joined(List<? extends Server> servers, Function<Server, String> text) {
        return servers.stream().map(text).collect(Collectors.joining(","));
    }

    /** Data of an earlier run in the same directory is used again. */
    private static void prepareAndStart(Server server) throws IOException, InterruptedException {
        server.prepare();
        server.start();
    }

    private void serve() throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            System.out.println(obey(line.trim()));
            System.out.flush();
        }
    }

    private String obey(String line) {
        String[] words = line.split("\\s+");
        try {
            if (words.length != 2) {
                throw new IOException("a command is two words: stop|kill|start|freeze|thaw kafka|zookeeper");
            }
            Server server = server(words[1]);
            switch (words[0]) {
                case "stop" -> server.stop();
                case "kill" -> server.kill();
                case "start" -> server.start();
                case "freeze" -> server.freeze();
                case "thaw" -> server.thaw();
                default -> throw new IOException("unknown command " + words[0]);
            }
            return "{\"ok\":" + Json.quote(line) + ",\"pid\":" + server.pid() + "}";
        } catch (IOException e) {
            return "{\"error\":" + Json.quote(e.getMessage()) + "}";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "{\"error\":\"interrupted\"}";
        }
    }

    private Server server(String name) throws IOException {
        for (Server server : servers()) {
            if (server.name().equals(name)) {
                return server;
            }
        }
        throw new IOException("unknown server " + name);
    }

    private void stop() {
        try {
            if (removeDir && brokers.size() > 1) {
                // The last of them would wait in vain for a controller, and nobody reads their data again.
                for (Server broker : brokers) {
                    broker.kill();
                }
            }
            for (Server server : servers()) {
                server.stop();
            }
            if (state != null) {
                state.delete();
            }
            if (removeDir) {
                remove(dir);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException | UncheckedIOException e) {
            System.err.println("stack: " + dir + " could not be removed: " + e.getMessage());
        }
    }

    /** A directory and all that is in it. */
    static void remove(Path dir) throws IOException {
        try (Stream<Path> files = Files.walk(dir)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }

    /** Where this class lies: topology/stack/target/classes, or a jar in topology/stack/target. */
    static Path ownCode() {
        try {
            return Path.of(Stack.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
