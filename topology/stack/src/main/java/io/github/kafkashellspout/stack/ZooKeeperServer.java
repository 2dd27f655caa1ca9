// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A standalone ZooKeeper. */
final class ZooKeeperServer extends Server {
    private static final int TIMEOUT_MS = 1000;

    ZooKeeperServer(Path lib, Path dir, int port) {
        super("zookeeper", lib, dir, port);
    }

    @Override
    void prepare() throws IOException {
        Files.writeString(config(), String.join("\n",
                "tickTime=500",
                "dataDir=" + dir().resolve("zookeeper-data"),
                "clientPort=" + port(),
                "clientPortAddress=127.0.0.1",
                "maxClientCnxns=0",
                "admin.enableServer=false",
                "4lw.commands.whitelist=*",
                // Sessions of 1 s to 60 s: what a client asks for is what it gets.
                "minSessionTimeout=1000",
                "maxSessionTimeout=60000",
                ""));
    }

    @Override
    List<String> command() {
        return List.of("-Xmx128m", "-Dorg.slf4j.simpleLogger.showDateTime=true", Guard.class.getName(),
                "org.apache.zookeeper.server.quorum.QuorumPeerMain", config().toString());
    }

    /** Four letter word {@code ruok}. */
    @Override
    boolean isReady() throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress("127.0.0.1", port()), TIMEOUT_MS);
            socket.setSoTimeout(TIMEOUT_MS);
            socket.getOutputStream().write("ruok".getBytes(StandardCharsets.US_ASCII));
            InputStream in = socket.getInputStream();
            return new String(in.readAllBytes(), StandardCharsets.US_ASCII).equals("imok");
        }
    }

    private Path config() {
        return dir().resolve("zookeeper.properties");
    }
}
