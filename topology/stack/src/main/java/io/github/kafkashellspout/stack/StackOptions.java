// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The command line of {@link Stack}. */
final class StackOptions {
    static final String HELP = """
            Starts a Kafka (KRaft) and a ZooKeeper, each in a JVM of its own, and prints one line when both answer:
              {"kafka":"127.0.0.1:PORT","zookeeper":"127.0.0.1:PORT","dir":"DIR","pids":{"kafka":PID,"zookeeper":PID}}
            Then it takes commands on stdin, one a line, and answers each with one JSON line:
              stop|kill|start kafka|zookeeper     SIGTERM, SIGKILL, and the same ports and data again
              freeze|thaw kafka|zookeeper         SIGSTOP, SIGCONT: a server that hangs, its sockets open
            At the end of stdin, or at SIGTERM or SIGINT, both are stopped.

            With --brokers N, N > 1, Kafka is N nodes, kafka-1 to kafka-N, each in a JVM of its own and each broker and
            controller in one. They are told apart by these names in commands and pids; "kafka" lists all addresses with
            commas between. Kafka's own topics have up to three copies. The controllers need more than half of the nodes:
            of three, one at a time may be stopped, killed or frozen.

            Options:
              --dir DIR                where data and logs go; default: a temporary directory, removed at the end
              --brokers N              1 to 9; default: 1
              --kafka-port PORT        the first broker's, the others have the next ones; default: free ones
              --zookeeper-port PORT    default: a free one
              --tls                    two more listeners of the one broker; the line has then, too
                                       "kafkaTls":"127.0.0.1:PORT","kafkaSasl":"127.0.0.1:PORT","tlsDir":"DIR"
                                       with the addresses for clients with a certificate and for the user spout, password
                                       spout-secret, by SCRAM-SHA-256, and where certificates are: ca.pem, client.pem,
                                       client.key, client.p12 (password client-secret); other-ca.pem has signed nothing
              --listeners N            1 to 9 more listeners of the one broker, without TLS; each one gives its clients its
                                       own address and no other. The line has then, too
                                       "kafkaListeners":["127.0.0.1:PORT",...]
              --listener-port PORT     the first one's, the others have the next ones; default: free ones
              --broker-property K=V    a line of the broker's configuration; may come more than once
              --kafka-module NAME      which Kafka, by the module of topology/ that has its jars: kafka, kafka39;
                                       default: kafka. A --dir is for one of them: storage of another is not read
              --kafka-lib DIR          the same by the directory of the jars; default: topology/kafka/target/lib
              --zookeeper-lib DIR      ZooKeeper's jars; default: topology/zookeeper/target/lib
              --detached               take no commands and outlive stdin, as scripts/stack has it: DIR/stack.properties
                                       says what runs while it runs, and SIGTERM stops it. Needs --dir; one broker
              --until-end-of PID       detached: stop also when that process ends
              --help
            Exit codes: 0 stopped as told, 2 could not start, 64 wrong command line.""";

    private static final List<String> KAFKA_MODULES = List.of("kafka", "kafka39");

    Path dir;
    int kafkaPort;
    int zookeeperPort;
    int brokers = 1;
    final List<String> brokerProperties = new ArrayList<>();
    Path kafkaLib = module("kafka");
    Path zookeeperLib = module("zookeeper");
    boolean tls;
    int listeners;
    int listenerPort;
    boolean detached;
    long untilEndOf;
    boolean help;

    static StackOptions parse(String[] args) {
        StackOptions options = new StackOptions();
        for (int i = 0; i < args.length; i++) {
            String option = args[i];
            switch (option) {
                case "--help" -> options.help = true;
                case "--tls" -> options.tls = true;
                case "--detached" -> options.detached = true;
                default -> {
                    if (i + 1 == args.length) {
                        throw new IllegalArgumentException(option + " is unknown or needs a value");
                    }
                    options.set(option, args[++i]);
                }
            }
        }
        if (options.detached && (options.dir == null || options.brokers != 1)) {
            throw new IllegalArgumentException("--detached needs --dir, and has one broker");
        }
        if ((options.tls || options.listeners > 0) && options.brokers > 1) {
            throw new IllegalArgumentException("--tls and --listeners are for one broker");
        }
        if (options.listenerPort != 0 && options.listeners == 0) {
            throw new IllegalArgumentException("--listener-port goes with --listeners");
        }
        return options;
    }

    private void set(String option, String value) {
        switch (option) {
            case "--dir" -> dir = Path.of(value);
            case "--brokers" -> brokers = number(option, value);
            case "--kafka-port" -> kafkaPort = port(option, value);
            case "--zookeeper-port" -> zookeeperPort = port(option, value);
            case "--listeners" -> listeners = number(option, value);
            case "--listener-port" -> listenerPort = port(option, value);
            case "--broker-property" -> brokerProperties.add(value);
            case "--kafka-module" -> kafkaLib = module(kafkaModule(value));
            case "--kafka-lib" -> kafkaLib = Path.of(value);
            case "--zookeeper-lib" -> zookeeperLib = Path.of(value);
            case "--until-end-of" -> untilEndOf = pid(option, value);
            default -> throw new IllegalArgumentException("unknown option " + option);
        }
    }

    private static String kafkaModule(String value) {
        if (!KAFKA_MODULES.contains(value)) {
            throw new IllegalArgumentException("--kafka-module: " + value + " is none of " + String.join(", ", KAFKA_MODULES));
        }
        return value;
    }

    private static int number(String option, String value) {
        if (!value.matches("[1-9]")) {
            throw new IllegalArgumentException(option + ": " + value + " is not 1 to 9");
        }
        return Integer.parseInt(value);
    }

    static int port(String option, String value) {
        try {
            int port = Integer.parseInt(value);
            if (port >= 0 && port <= 65535) {
                return port;
            }
        } catch (NumberFormatException e) {
            // Falls through to the one message for both.
        }
        throw new IllegalArgumentException(option + ": " + value + " is no port");
    }

    static long pid(String option, String value) {
        if (!value.matches("[1-9][0-9]{0,9}")) {
            throw new IllegalArgumentException(option + ": " + value + " is no process id");
        }
        return Long.parseLong(value);
    }

    private static Path module(String name) {
        return Stack.ownCode().resolve("../../../" + name + "/target/lib").normalize();
    }
}
