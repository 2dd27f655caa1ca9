// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A broker's listeners that speak TLS: one takes clients with a certificate, the other clients with a password. */
final class SecureListeners {
    private static final String USER = "spout";
    private static final String PASSWORD = "spout-secret";

    private final Path dir;
    private final int tlsPort;
    private final int saslPort;

    /** @param dir for the certificates */
    SecureListeners(Path dir, int tlsPort, int saslPort) {
        this.dir = dir;
        this.tlsPort = tlsPort;
        this.saslPort = saslPort;
    }

    /** Makes the certificates. */
    void prepare() throws IOException, InterruptedException {
        Certificates.make(dir);
    }

    /** {@code NAME://HOST:PORT} of each. */
    List<String> addresses() {
        return List.of("TLS://127.0.0.1:" + tlsPort, "SASL://127.0.0.1:" + saslPort);
    }

    /** {@code NAME:PROTOCOL} of each. */
    List<String> protocols() {
        return List.of("TLS:SSL", "SASL:SASL_SSL");
    }

    /** Lines of the broker's configuration. */
    List<String> properties() {
        List<String> lines = new ArrayList<>(List.of(
                "listener.name.tls.ssl.client.auth=required",
                "listener.name.sasl.sasl.enabled.mechanisms=SCRAM-SHA-256",
                "listener.name.sasl.scram-sha-256.sasl.jaas.config="
                        + "org.apache.kafka.common.security.scram.ScramLoginModule required;"));
        for (String listener : List.of("tls", "sasl")) {
            String prefix = "listener.name." + listener + ".ssl.";
            lines.addAll(List.of(
                    prefix + "keystore.type=PEM",
                    prefix + "keystore.location=" + dir.resolve("broker.pem"),
                    prefix + "truststore.type=PEM",
                    prefix + "truststore.location=" + dir.resolve("ca.pem")));
        }
        return lines;
    }

    /** Arguments of {@code kafka-storage format}, which makes the user. */
    List<String> formatArguments() {
        return List.of("--add-scram", "SCRAM-SHA-256=[name=" + USER + ",password=" + PASSWORD + "]");
    }

    /** What the launcher says of them, with a comma before it. */
    String json() {
        return ",\"kafkaTls\":" + Json.quote("127.0.0.1:" + tlsPort) + ",\"kafkaSasl\":" + Json.quote("127.0.0.1:" + saslPort)
                + ",\"tlsDir\":" + Json.quote(dir.toString());
    }
}
