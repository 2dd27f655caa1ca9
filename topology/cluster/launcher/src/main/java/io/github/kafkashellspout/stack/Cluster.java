// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A local Storm cluster for tests: what {@link Stack} is for Kafka and ZooKeeper, whose servers it starts, too. In the
 * same package so as to use them.
 */
public final class Cluster {
    private static final String SPOUT = "kafka";
    private static final String FLUX = "org.apache.storm.flux.Flux";

    private final ClusterOptions options;
    private final Path dir;
    private final boolean removeDir;
    private final StormHome home;
    private final Workers workers;
    private final Map<String, Server> servers = new TreeMap<>();
    private final StormDaemon nimbus;
    private final StormDaemon supervisor;
    private final String kafka;
    private final String zookeeper;
    /** May be null. */
    private final SecureListeners secure;
    private final List<Integer> slots;

    private Cluster(ClusterOptions options) throws IOException {
        this.options = options;
        removeDir = options.dir == null;
        dir = removeDir ? Files.createTempDirectory("kafka-shell-spout-cluster-") : Files.createDirectories(options.dir).toRealPath();
        List<Integer> ports = Ports.free(7 + options.slots);
        slots = ports.subList(7, ports.size());
        Path topology = ClusterOptions.topologyDir();
        secure = options.tls ? new SecureListeners(dir.resolve("tls"), ports.get(5), ports.get(6)) : null;
        if (options.kafka == null) {
            add(new KafkaServer(topology.resolve("kafka/target/lib"), dir, ports.get(0), ports.get(1), List.of(),
                    secure));
        }
        if (options.zookeeper == null) {
            add(new ZooKeeperServer(topology.resolve("zookeeper/target/lib"), dir, ports.get(2)));
        }
        kafka = options.kafka == null ? servers.get("kafka").address() : options.kafka;
        zookeeper = options.zookeeper == null ? servers.get("zookeeper").address() : options.zookeeper;
        home = new StormHome(dir, options.storm);
        workers = new Workers(home, options.storm);
        Path lib = options.storm.daemonLib(topology);
        nimbus = StormDaemon.nimbus(options.storm, lib, home, ports.get(3));
        supervisor = StormDaemon.supervisor(options.storm, lib, home, ports.get(4));
        add(nimbus);
        add(supervisor);
    }

    private void add(Server server) {
        servers.put(server.name(), server);
    }

    /** @param args see {@code --help} */
    public static void main(String[] args) throws InterruptedException {
        ClusterOptions options;
        try {
            options = ClusterOptions.parse(args);
        } catch (IllegalArgumentException e) {
            System.err.println("cluster: " + e.getMessage() + "; see --help");
            System.exit(64);
            return;
        }
        if (options.help) {
            System.out.println(ClusterOptions.HELP);
            return;
        }
        try {
            Cluster cluster = new Cluster(options);
            // Also the way of SIGTERM and SIGINT; System.exit below runs it, too.
            Runtime.getRuntime().addShutdownHook(new Thread(cluster::stop, "stop"));
            cluster.start();
            cluster.serve();
        } catch (IOException e) {
            System.err.println("cluster: " + e.getMessage());
            System.exit(2);
        }
    }

    private void start() throws IOException, InterruptedException {
        if (Files.exists(home.path())) {
            throw new IOException(home.path() + " is there already: a cluster needs a directory of its own");
        }
        home.make(options.storm.workerLib(ClusterOptions.topologyDir()), ClusterOptions.ownCode());
        home.configure(zookeeper, nimbus.port(), supervisor.port(), slots);
        together(Stream.of("kafka", "zookeeper").map(servers::get).filter(Objects::nonNull).toList());
        together(List.of(nimbus, supervisor));
        System.out.println("{\"kafka\":" + Json.quote(kafka) + ",\"zookeeper\":" + Json.quote(zookeeper)
                + ",\"nimbus\":" + Json.quote(nimbus.address()) + ",\"storm\":" + Json.quote(options.storm.number())
                + (secure == null ? "" : secure.json())
                + ",\"dir\":" + Json.quote(dir.toString()) + ",\"pids\":" + pids() + "}");
        System.out.flush();
    }

    private static void together(List<Server> servers) throws IOException, InterruptedException {
        List<FutureTask<Void>> starts = new ArrayList<>();
        for (Server server : servers) {
            FutureTask<Void> start = new FutureTask<>(() -> {
                server.prepare();
                server.start();
                return null;
            });
            new Thread(start, "start-" + server.name()).start();
            starts.add(start);
        }
        for (FutureTask<Void> start : starts) {
            try {
                start.get();
            } catch (ExecutionException e) {
                throw new IOException(e.getCause().getMessage(), e.getCause());
            }
        }
    }

    private String pids() {
        return servers.values().stream().map(server -> Json.quote(server.name()) + ":" + pid(server))
                .collect(Collectors.joining(",", "{", "}"));
    }

    private static String pid(Server server) {
        boolean lives = ProcessHandle.of(server.pid()).map(ProcessHandle::isAlive).orElse(false);
        return lives ? String.valueOf(server.pid()) : "null";
    }

    private void serve() throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            System.out.println(answer(line.trim()));
            System.out.flush();
        }
    }

    private String answer(String line) {
        try {
            return "{\"ok\":" + Json.quote(line) + obey(List.of(line.split("\\s+"))) + "}";
        } catch (IOException e) {
            return "{\"error\":" + Json.quote(e.getMessage()) + "}";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "{\"error\":\"interrupted\"}";
        }
    }

    /** What the answer has beside "ok", each with a comma before it. */
    private String obey(List<String> words) throws IOException, InterruptedException {
        switch (words.get(0)) {
            case "submit" -> submit(words.subList(1, words.size()));
            case "submit-jar" -> nimbus.runJar(Path.of(argument(words, 1)), argument(words, 2), words.subList(3, words.size()));
            case "flux" -> flux(argument(words, 1), argument(words, 2));
            case "kill-topology" -> command("kill_topology", argument(words, 1), "-w", argument(words, 2));
            case "rebalance" -> command("rebalance", argument(words, 1), "-w", "1", "-n", argument(words, 2), "-e",
                    SPOUT + "=" + argument(words, 3));
            case "deactivate", "activate" -> command(words.get(0), argument(words, 1));
            case "processes" -> {
                return ",\"pids\":" + pids() + ",\"workers\":" + workers.json();
            }
            case "stop" -> server(words).stop();
            case "kill" -> server(words).kill();
            case "start" -> server(words).start();
            case "freeze" -> server(words).freeze();
            case "thaw" -> server(words).thaw();
            default -> throw new IOException("unknown command " + words.get(0) + "; see --help");
        }
        return "";
    }

    private void submit(List<String> arguments) throws IOException, InterruptedException {
        Path jar = jar("topology.jar", options.storm.topologyJar(ClusterOptions.topologyDir()), ClusterOptions.companionJar());
        nimbus.runJar(jar, TopologyJar.MAIN, arguments);
    }

    private void flux(String yaml, String properties) throws IOException, InterruptedException {
        nimbus.runJar(jar("flux.jar", options.fluxJar(), ClusterOptions.companionJar()), FLUX, List.of("--remote", "--filter", properties, yaml));
    }

    /** One for all topologies of the kind. */
    private Path jar(String name, Path... classes) throws IOException {
        Path jar = dir.resolve(name);
        if (!Files.exists(jar)) {
            TopologyJar.make(jar, List.of(classes), options.launcherScript(), options.spoutProgram());
        }
        return jar;
    }

    private void command(String name, String... arguments) throws IOException, InterruptedException {
        nimbus.run(options.storm.command(name), List.of(arguments));
    }

    private static String argument(List<String> words, int index) throws IOException {
        if (index >= words.size()) {
            throw new IOException(words.get(0) + " needs more words; see --help");
        }
        return words.get(index);
    }

    private Server server(List<String> words) throws IOException {
        Server server = servers.get(argument(words, 1));
        if (server == null) {
            throw new IOException("no server " + words.get(1) + " here, only " + String.join(", ", servers.keySet()));
        }
        return server;
    }

    /** The supervisor first: it would start the workers again. */
    private void stop() {
        try {
            supervisor.stop();
            workers.stop();
            nimbus.stop();
            for (Server server : servers.values()) {
                server.stop();
            }
            if (removeDir) {
                Stack.remove(dir);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException | UncheckedIOException e) {
            System.err.println("cluster: " + dir + " could not be removed: " + e.getMessage());
        }
    }
}
