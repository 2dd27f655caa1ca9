// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The launcher's command line. */
final class ClusterOptions {
    static final String HELP = """
            Starts a real Storm: Nimbus and Supervisor in JVMs of their own, workers as the supervisor starts them, and with
            them a Kafka and a ZooKeeper. Prints one line when all answer:
              {"kafka":"127.0.0.1:PORT","zookeeper":"127.0.0.1:PORT","nimbus":"127.0.0.1:PORT","storm":"2.8.3","dir":"DIR",
               "pids":{"kafka":PID,"zookeeper":PID,"nimbus":PID,"supervisor":PID}}
            Then it takes commands on stdin, one a line, and answers each with one JSON line, "ok" or "error":
              submit NAME KEY=VALUE...                   the spout, component kafka, and a bolt that notes what it saw
              submit-jar JAR MAIN ARGUMENT...            what `storm jar` does
              flux YAML PROPERTIES                       what "storm jar TOPOLOGY.jar org.apache.storm.flux.Flux --remote
                                                         --filter PROPERTIES YAML" does; the jar is Flux and the spout
              kill-topology NAME WAIT                    seconds between the spout's deactivation and its end
              rebalance NAME WORKERS EXECUTORS           executors of the spout
              deactivate NAME
              activate NAME
              processes                                  pids of servers (null: not running), workers, workers' children
              stop|kill|start nimbus|supervisor|kafka|zookeeper
                                                         SIGTERM, SIGKILL, and the same ports and data again
              freeze|thaw nimbus|supervisor|kafka|zookeeper
                                                         SIGSTOP, SIGCONT
            At the end of stdin, or at SIGTERM or SIGINT, everything is stopped, workers too.

            Options:
              --storm VERSION        2.8.3 (default) or 1.1.3
              --dir DIR              where data and logs go; default: a temporary directory, removed at the end
              --tls                  Kafka has listeners with TLS, too, as Stack --help tells
              --kafka HOST:PORT      use this one and start none
              --zookeeper HOST:PORT  the same
              --spout PROGRAM        what goes into the topology's jar; default: target/release or else target/debug
              --slots N              most workers there can be; default 4
              --help
            Exit codes: 0 stopped as told, 2 could not start, 64 wrong command line.""";

    StormVersion storm = StormVersion.V2_8_3;
    Path dir;
    String kafka;
    String zookeeper;
    Path spout;
    int slots = 4;
    boolean tls;
    boolean help;

    static ClusterOptions parse(String[] args) {
        ClusterOptions options = new ClusterOptions();
        for (int i = 0; i < args.length; i++) {
            if (args[i].equals("--help")) {
                options.help = true;
                continue;
            }
            if (args[i].equals("--tls")) {
                options.tls = true;
                continue;
            }
            if (i + 1 == args.length) {
                throw new IllegalArgumentException(args[i] + " is unknown or needs a value");
            }
            options.set(args[i], args[++i]);
        }
        if (options.tls && options.kafka != null) {
            throw new IllegalArgumentException("--tls is for a Kafka that is started here, not for one of --kafka");
        }
        return options;
    }

    private void set(String option, String value) {
        switch (option) {
            case "--storm" -> storm = StormVersion.of(value);
            case "--dir" -> dir = Path.of(value);
            case "--kafka" -> kafka = address(option, value);
            case "--zookeeper" -> zookeeper = address(option, value);
            case "--spout" -> spout = Path.of(value);
            case "--slots" -> slots = count(option, value);
            default -> throw new IllegalArgumentException("unknown option " + option);
        }
    }

    private static String address(String option, String value) {
        if (!value.matches("[^:,/]+:\\d+")) {
            throw new IllegalArgumentException(option + ": " + value + " is not HOST:PORT");
        }
        return value;
    }

    private static int count(String option, String value) {
        if (!value.matches("[1-9]\\d?")) {
            throw new IllegalArgumentException(option + ": " + value + " is not a number from 1 to 99");
        }
        return Integer.parseInt(value);
    }

    /** The program that goes into the topology's jar. */
    Path spoutProgram() {
        if (spout != null) {
            return spout;
        }
        Path target = topologyDir().resolve("../target").normalize();
        Path release = target.resolve("release/kafka-shell-spout");
        return Files.exists(release) ? release : target.resolve("debug/kafka-shell-spout");
    }

    /** Storm's Flux with all that it needs. */
    Path fluxJar() {
        return topologyDir().resolve("flux/target/lib/flux-core.jar");
    }

    /** The classes of NativeKafkaSpout: the same for every Storm. */
    static Path companionJar() {
        return topologyDir().resolve("companion/target/companion.jar");
    }

    Path launcherScript() {
        return topologyDir().resolve("../resources/launcher.sh").normalize();
    }

    /** The repository's topology/, in which the launcher was built. */
    static Path topologyDir() {
        return ownCode().resolve("../../../..").normalize();
    }

    /** The launcher's jar, topology/cluster/launcher/target/*.jar. */
    static Path ownCode() {
        try {
            return Path.of(Cluster.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
