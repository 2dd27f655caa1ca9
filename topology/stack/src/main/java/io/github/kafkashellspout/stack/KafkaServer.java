// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.UUID;

/** One Kafka node, broker and KRaft controller in one: alone, or one of several with a quorum of all their controllers. */
final class KafkaServer extends Server {
    /** More brokers need not make more copies, of which each one costs time. */
    private static final int MAX_COPIES = 3;
    private static final int TIMEOUT_MS = 1000;
    private static final int MAX_RECORD_BYTES = 16 << 20;
    private static final short METADATA = 3;
    private static final short METADATA_VERSION = 4;

    private final int nodeId;
    private final Quorum quorum;
    private final List<String> properties;
    private final PlainListeners plain;
    /** May be null. */
    private final SecureListeners secure;

    /**
     * The only node.
     *
     * @param secure more listeners; null for none
     */
    KafkaServer(Path lib, Path dir, int port, int controllerPort, List<String> properties, SecureListeners secure) {
        this(lib, dir, port, controllerPort, properties, PlainListeners.NONE, secure);
    }

    /** The same with more listeners of the plain kind, too. */
    KafkaServer(Path lib, Path dir, int port, int controllerPort, List<String> properties, PlainListeners plain,
            SecureListeners secure) {
        this("kafka", 1, lib, dir, port, new Quorum(newClusterId(), List.of(controllerPort)), properties, plain, secure);
    }

    private KafkaServer(String name, int nodeId, Path lib, Path dir, int port, Quorum quorum, List<String> properties,
            PlainListeners plain, SecureListeners secure) {
        super(name, lib, dir, port);
        this.nodeId = nodeId;
        this.quorum = quorum;
        this.properties = properties;
        this.plain = plain;
        this.secure = secure;
    }

    /** As many nodes as ports, {@code kafka-1} and so on; none is ready before most of them run. */
    static List<KafkaServer> several(Path lib, Path dir, List<Integer> ports, List<Integer> controllerPorts, List<String> properties) {
        Quorum quorum = new Quorum(newClusterId(), controllerPorts);
        List<KafkaServer> nodes = new ArrayList<>();
        for (int port : ports) {
            int id = nodes.size() + 1;
            nodes.add(new KafkaServer("kafka-" + id, id, lib, dir, port, quorum, properties, PlainListeners.NONE, null));
        }
        return nodes;
    }

    /** The controllers, which are one cluster: node n listens on the n-th port. */
    private record Quorum(String clusterId, List<Integer> ports) {
        private String voters() {
            List<String> voters = new ArrayList<>();
            for (int port : ports) {
                voters.add((voters.size() + 1) + "@127.0.0.1:" + port);
            }
            return String.join(",", voters);
        }

        private int port(int nodeId) {
            return ports.get(nodeId - 1);
        }

        private int copies() {
            return Math.min(MAX_COPIES, ports.size());
        }
    }

    @Override
    void prepare() throws IOException, InterruptedException {
        Path data = dir().resolve(name() + "-data");
        List<String> advertised = new ArrayList<>(List.of("PLAINTEXT://127.0.0.1:" + port()));
        List<String> protocols = new ArrayList<>(List.of("PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT"));
        advertised.addAll(plain.addresses());
        protocols.addAll(plain.protocols());
        if (secure != null) {
            secure.prepare();
            advertised.addAll(secure.addresses());
            protocols.addAll(secure.protocols());
        }
        List<String> lines = new ArrayList<>(List.of(
                "process.roles=broker,controller",
                "node.id=" + nodeId,
                "controller.quorum.voters=" + quorum.voters(),
                "listeners=" + String.join(",", advertised) + ",CONTROLLER://127.0.0.1:" + quorum.port(nodeId),
                "advertised.listeners=" + String.join(",", advertised),
                "controller.listener.names=CONTROLLER",
                "inter.broker.listener.name=PLAINTEXT",
                "listener.security.protocol.map=" + String.join(",", protocols),
                "log.dirs=" + data,
                "auto.create.topics.enable=false",
                "unclean.leader.election.enable=false",
                "offsets.topic.replication.factor=" + quorum.copies(),
                "offsets.topic.num.partitions=3",
                "transaction.state.log.replication.factor=" + quorum.copies(),
                "transaction.state.log.min.isr=1",
                "transaction.state.log.num.partitions=3",
                "share.coordinator.state.topic.replication.factor=" + quorum.copies(),
                "share.coordinator.state.topic.min.isr=1",
                "group.initial.rebalance.delay.ms=0",
                "message.max.bytes=" + MAX_RECORD_BYTES,
                "replica.fetch.max.bytes=" + MAX_RECORD_BYTES));
        List<String> format = new ArrayList<>(List.of("-Xmx128m", "kafka.tools.StorageTool", "format", "-t", quorum.clusterId(),
                "-c", config().toString()));
        if (secure != null) {
            lines.addAll(secure.properties());
            format.addAll(secure.formatArguments());
        }
        lines.addAll(properties);
        lines.add("");
        Files.writeString(config(), String.join("\n", lines));
        if (!Files.exists(data.resolve("meta.properties"))) {
            runTool(format);
        }
    }

    @Override
    List<String> command() {
        return List.of("-Xmx512m", "-Dorg.apache.logging.log4j.level=INFO", Guard.class.getName(), "kafka.Kafka",
                config().toString());
    }

    /** A Metadata request (for no topic): the node lists itself once it is registered and unfenced. */
    @Override
    boolean isReady() throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress("127.0.0.1", port()), TIMEOUT_MS);
            socket.setSoTimeout(TIMEOUT_MS);
            ByteArrayOutputStream request = new ByteArrayOutputStream();
            DataOutputStream out = new DataOutputStream(request);
            out.writeShort(METADATA);
            out.writeShort(METADATA_VERSION);
            int correlation = 1;
            out.writeInt(correlation);
            out.writeShort(-1); // no client id
            out.writeInt(0); // no topics
            out.writeBoolean(false); // make none
            DataOutputStream wire = new DataOutputStream(socket.getOutputStream());
            wire.writeInt(request.size());
            request.writeTo(wire);
            wire.flush();
            DataInputStream in = new DataInputStream(socket.getInputStream());
            int size = in.readInt();
            boolean ours = size > 12 && in.readInt() == correlation;
            in.readInt(); // throttle time
            return ours && isListed(in);
        }
    }

    private boolean isListed(DataInputStream brokers) throws IOException {
        for (int count = brokers.readInt(); count > 0; count--) {
            int id = brokers.readInt();
            if (id == nodeId) {
                return true;
            }
            brokers.skipNBytes(brokers.readShort()); // host
            brokers.readInt(); // port
            brokers.skipNBytes(Math.max(0, brokers.readShort())); // rack, which is mostly null
        }
        return false;
    }

    private Path config() {
        return dir().resolve(name() + ".properties");
    }

    /** Kafka's own form of an id: 16 bytes in URL-safe base64 that do not begin with a dash. */
    private static String newClusterId() {
        while (true) {
            UUID uuid = UUID.randomUUID();
            ByteBuffer bytes = ByteBuffer.allocate(16);
            bytes.putLong(uuid.getMostSignificantBits()).putLong(uuid.getLeastSignificantBits());
            String id = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes.array());
            if (!id.startsWith("-")) {
                return id;
            }
        }
    }
}
