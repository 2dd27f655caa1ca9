// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
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
        removeDir = options.dir == null;
        dir = removeDir ? Files.createTempDirectory("kafka-shell-spout-stack-") : Files.createDirectories(options.dir).toRealPath();
        zookeeper = new ZooKeeperServer(options.zookeeperLib, dir, portOr(options.zookeeperPort));
        List<Integer> securePorts = freePorts(2);
        secure = options.tls ? new SecureListeners(dir.resolve("tls"), securePorts.get(0), securePorts.get(1)) : null;
        plain = new PlainListeners(ports(options.listenerPort, options.listeners));
        brokers = brokers(options);
    }

    private List<KafkaServer> brokers(StackOptions options) throws IOException {
        if (options.brokers == 1) {
            return List.of(new KafkaServer(options.kafkaLib, dir, portOr(options.kafkaPort), freePort(), options.brokerProperties,
                    plain, secure));
        }
        List<Integer> free = freePorts(2 * options.brokers);
        List<Integer> ports = options.kafkaPort == 0 ? free.subList(0, options.brokers) : ports(options.kafkaPort, options.brokers);
        List<Integer> controllerPorts = free.subList(options.brokers, free.size());
        return KafkaServer.several(options.kafkaLib, dir, ports, controllerPorts, options.brokerProperties);
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

    /** From the first one on, or free ones if it is 0. */
    private static List<Integer> ports(int first, int count) throws IOException {
        if (first == 0) {
            return freePorts(count);
        }
        List<Integer> ports = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            ports.add(portOr(first + i));
        }
        return ports;
    }

    private static int portOr(int wanted) throws IOException {
        if (wanted == 0) {
            return freePort();
        }
        checkFree(wanted);
        return wanted;
    }

    /** An error that says who has the port. */
    static void checkFree(int wanted) throws IOException {
        try (ServerSocket socket = new ServerSocket(wanted, 1, InetAddress.getLoopbackAddress())) {
            assert socket.isBound();
        } catch (IOException e) {
            throw new IOException("port " + wanted + " is taken by " + PortOwner.describe(wanted) + "; choose another one, or 0 for a free one", e);
        }
    }

    private static int freePort() throws IOException {
        return freePorts(1).get(0);
    }

    /** All are held until the last one is found, so no two are the same. */
    private static List<Integer> freePorts(int count) throws IOException {
        List<ServerSocket> sockets = new ArrayList<>();
        try {
            while (sockets.size() < count) {
                sockets.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
            }
            return sockets.stream().map(ServerSocket::getLocalPort).toList();
        } finally {
            for (ServerSocket socket : sockets) {
                socket.close();
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
