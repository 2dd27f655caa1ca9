// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** The directory that Storm calls storm.home, as its tarball would have made it. */
final class StormHome {
    private final Path home;
    private final StormVersion version;

    /** @param dir of the cluster */
    StormHome(Path dir, StormVersion version) {
        home = dir.resolve("storm");
        this.version = version;
    }

    Path path() {
        return home;
    }

    /** Pid files, the extracted jars and resources. */
    Path localDir() {
        return home.resolve("storm-local");
    }

    /**
     * @param workerLib the jars of the workers' class path
     * @param guard the jar with {@link WorkerGuard}
     */
    void make(Path workerLib, Path guard) throws IOException {
        for (String name : List.of("conf", "extlib", "log4j2", "logs")) {
            Files.createDirectories(home.resolve(name));
        }
        if (!Files.isDirectory(workerLib)) {
            throw new IOException("no class path for workers at " + workerLib + "; build it with: mvn -f topology/pom.xml package");
        }
        Files.createSymbolicLink(home.resolve(version.workerLibName()), workerLib.toRealPath());
        Files.copy(guard, guardJar());
        copyResource("cluster.xml");
        copyResource("worker.xml");
    }

    /** @param slots one port for each worker there can be */
    void configure(String zookeeper, int nimbusPort, int supervisorPort, List<Integer> slots) throws IOException {
        long launcher = ProcessHandle.current().pid();
        String jvm = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";
        Files.writeString(configuration(), String.join("\n",
                "storm.zookeeper.servers: [" + Json.quote(zookeeper.substring(0, zookeeper.lastIndexOf(':'))) + "]",
                "storm.zookeeper.port: " + zookeeper.substring(zookeeper.lastIndexOf(':') + 1),
                // Two clusters can share a ZooKeeper.
                "storm.zookeeper.root: /storm-" + launcher,
                "storm.local.hostname: \"127.0.0.1\"",
                "storm.local.dir: " + Json.quote(localDir().toString()),
                "storm.log.dir: " + Json.quote(home.resolve("logs").toString()),
                "nimbus.seeds: [\"127.0.0.1\"]",
                "nimbus.thrift.port: " + nimbusPort,
                "supervisor.thrift.port: " + supervisorPort,
                "supervisor.slots.ports: " + slots.stream().map(String::valueOf).collect(Collectors.joining(", ", "[", "]")),
                // How long a submitted topology waits at most until it is scheduled; 10 otherwise.
                "nimbus.monitor.freq.secs: 2",
                // How long a worker takes at most to see that its topology is deactivated; 10 otherwise.
                "task.refresh.poll.secs: 1",
                // 1.1.3's own options are for a garbage collector that newer JVMs do not have.
                "worker.childopts: " + Json.quote("-Xmx256m " + jvm + " -javaagent:" + guardJar() + "=" + launcher),
                "topology.worker.logwriter.childopts: " + Json.quote("-Xmx32m " + jvm),
                ""));
    }

    /** JVM options of every daemon and command. */
    List<String> options() {
        return List.of("-Dstorm.home=" + home, "-Dstorm.log.dir=" + home.resolve("logs"), "-Dstorm.options=",
                "-Dstorm.conf.file=" + configuration(), "-Dlog4j.configurationFile=" + home.resolve("log4j2/cluster.xml"));
    }

    private Path configuration() {
        return home.resolve("conf/storm.yaml");
    }

    private Path guardJar() {
        return home.resolve("worker-guard.jar");
    }

    private void copyResource(String name) throws IOException {
        try (InputStream in = StormHome.class.getResourceAsStream("/log4j2/" + name)) {
            Files.copy(in, home.resolve("log4j2").resolve(name));
        }
    }
}
