// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.nio.file.Path;

/** What differs between the Storm versions that can be started. */
enum StormVersion {
    /** Class paths apart for daemons and workers. */
    V2_8_3("2.8.3", "daemon", "topology", "lib-worker"),
    /** One jar for everything, much of it Clojure. */
    V1_1_3("1.1.3", "topology-1.1.3", "topology-1.1.3", "lib");

    private final String number;
    private final String daemonModule;
    private final String topologyModule;
    private final String workerLibName;

    StormVersion(String number, String daemonModule, String topologyModule, String workerLibName) {
        this.number = number;
        this.daemonModule = daemonModule;
        this.topologyModule = topologyModule;
        this.workerLibName = workerLibName;
    }

    static StormVersion of(String number) {
        for (StormVersion version : values()) {
            if (version.number.equals(number)) {
                return version;
            }
        }
        throw new IllegalArgumentException("there is no class path for Storm " + number + "; 2.8.3 and 1.1.3 can be started");
    }

    String number() {
        return number;
    }

    /** Jars of Nimbus, Supervisor and the commands. */
    Path daemonLib(Path topology) {
        return topology.resolve("cluster").resolve(daemonModule).resolve("target/lib");
    }

    /** Jars of the workers. */
    Path workerLib(Path topology) {
        return topology.resolve("cluster").resolve(topologyModule).resolve("target/lib");
    }

    /** The classes of the topology. */
    Path topologyJar(Path topology) {
        return workerLib(topology).resolveSibling("cluster-" + topologyModule + ".jar");
    }

    /** What the supervisor calls the workers' jars, below storm.home. */
    String workerLibName() {
        return workerLibName;
    }

    String nimbus() {
        return this == V1_1_3 ? "org.apache.storm.daemon.nimbus" : "org.apache.storm.daemon.nimbus.Nimbus";
    }

    String supervisor() {
        return "org.apache.storm.daemon.supervisor.Supervisor";
    }

    /** Main class of a worker. */
    String worker() {
        return this == V1_1_3 ? "org.apache.storm.daemon.worker" : "org.apache.storm.daemon.worker.Worker";
    }

    /** The class of a command of {@code bin/storm}, such as {@code kill_topology}. */
    String command(String name) {
        if (this == V1_1_3) {
            return "org.apache.storm.command." + name;
        }
        StringBuilder className = new StringBuilder("org.apache.storm.command.");
        for (String word : name.split("_")) {
            className.append(Character.toUpperCase(word.charAt(0))).append(word.substring(1));
        }
        return className.toString();
    }
}
