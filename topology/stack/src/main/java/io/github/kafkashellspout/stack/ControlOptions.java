// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.nio.file.Path;

/** The command line of {@link StackControl}. */
final class ControlOptions {
    static final String HELP = """
            Usage: scripts/stack up|down|status [OPTION]...
                   scripts/stack run [--dir DIR] TOOL [ARGUMENT]...

            A local Kafka and ZooKeeper without Docker: the versions, ports and settings of docker-compose.yml.

              up        start both and come back when both answer; they run on until down
              down      stop both; topics and offsets stay for the next up
              status    what runs where
              run       a tool of Kafka's or ZooKeeper's on the servers that are up, or on 127.0.0.1:9092 and :2181:
                        kafka-topics kafka-configs kafka-console-producer kafka-console-consumer
                        kafka-consumer-groups kafka-get-offsets kafka-producer-perf-test zkCli

            Options:
              --kafka-port PORT        up: default 9092
              --zookeeper-port PORT    up: default 2181
              --dir DIR                data, logs and state; default:
                                       ${XDG_STATE_HOME:-~/.local/state}/kafka-shell-spout/stack
              --until-end-of PID       up: stop also when that process ends
              --delete                 down: remove the data, too
              --help
            Exit codes: 0 done, or up; 2 could not be done; 3 status: not up; 64 wrong command line.""";

    private static final int KAFKA_PORT = 9092;
    private static final int ZOOKEEPER_PORT = 2181;

    String command;
    Path dir;
    /** The script gives its default first. */
    boolean dirGiven;
    int kafkaPort = KAFKA_PORT;
    int zookeeperPort = ZOOKEEPER_PORT;
    /** Whether a port was asked for: otherwise one that runs elsewhere will do. */
    boolean portGiven;
    long untilEndOf;
    boolean delete;
    boolean help;

    static ControlOptions parse(String[] args) {
        ControlOptions options = new ControlOptions();
        for (int i = 0; i < args.length; i++) {
            switch (args[i]) {
                case "--help", "-h" -> options.help = true;
                case "--delete" -> options.delete = true;
                case "up", "down", "status" -> options.setCommand(args[i]);
                default -> {
                    if (i + 1 == args.length) {
                        throw new IllegalArgumentException(args[i] + " is unknown or needs a value");
                    }
                    options.set(args[i], args[++i]);
                }
            }
        }
        if (!options.help && (options.command == null || options.dir == null)) {
            throw new IllegalArgumentException("no command: up, down, status or run");
        }
        if (options.delete && !"down".equals(options.command)) {
            throw new IllegalArgumentException("--delete goes with down");
        }
        return options;
    }

    private void setCommand(String word) {
        if (command != null) {
            throw new IllegalArgumentException(command + " or " + word + "?");
        }
        command = word;
    }

    private void set(String option, String value) {
        switch (option) {
            case "--dir" -> {
                dirGiven = dir != null;
                dir = Path.of(value);
            }
            case "--kafka-port" -> kafkaPort = port(option, value);
            case "--zookeeper-port" -> zookeeperPort = port(option, value);
            case "--until-end-of" -> untilEndOf = StackOptions.pid(option, value);
            default -> throw new IllegalArgumentException("unknown option " + option);
        }
    }

    private int port(String option, String value) {
        portGiven = true;
        int port = StackOptions.port(option, value);
        if (port == 0) {
            throw new IllegalArgumentException(option + ": 0 is no port");
        }
        return port;
    }
}
