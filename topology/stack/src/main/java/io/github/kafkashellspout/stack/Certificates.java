// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * A certificate authority, and certificates by it for the broker and a client, as the files that Kafka and librdkafka
 * read. The JDK's keytool makes them, so no OpenSSL is needed.
 */
final class Certificates {
    /** Of {@code client.p12}. */
    static final String PASSWORD = "client-secret";

    private static final String STORE = "all.p12";
    private static final Base64.Encoder LINES = Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII));

    private final Path dir;

    private Certificates(Path dir) {
        this.dir = dir;
    }

    /**
     * Writes {@code ca.pem}, {@code broker.pem} (key and certificates), {@code client.pem}, {@code client.key},
     * {@code client.p12} (the same two), and {@code other-ca.pem}, which has signed nothing. The broker's certificate
     * names the address 127.0.0.1 and no host, not even localhost.
     */
    static void make(Path dir) throws IOException, InterruptedException {
        Certificates certificates = new Certificates(Files.createDirectories(dir));
        certificates.generate("ca", "-ext", "bc:c");
        certificates.generate("other-ca", "-ext", "bc:c");
        certificates.generate("broker", "-signer", "ca", "-ext", "san=ip:127.0.0.1");
        certificates.generate("client", "-signer", "ca");
        try {
            certificates.export();
        } catch (GeneralSecurityException e) {
            throw new IOException("the certificates in " + dir + ": " + e.getMessage(), e);
        }
    }

    private void generate(String name, String... more) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC", "-genkeypair", "-keystore", STORE, "-storepass", PASSWORD,
                "-alias", name, "-dname", "CN=" + name, "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "3650"));
        command.addAll(List.of(more));
        Path log = dir.resolve("keytool.log");
        ProcessBuilder builder = new ProcessBuilder(command).directory(dir.toFile()).redirectErrorStream(true);
        int code = builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile())).start().waitFor();
        if (code != 0) {
            throw new IOException("keytool ended with code " + code + ": " + Files.readString(log).strip());
        }
    }

    private void export() throws IOException, GeneralSecurityException {
        KeyStore all = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(dir.resolve(STORE))) {
            all.load(in, PASSWORD.toCharArray());
        }
        write("ca.pem", certificates(all, "ca"));
        write("other-ca.pem", certificates(all, "other-ca"));
        write("broker.pem", key(all, "broker") + certificates(all, "broker"));
        write("client.pem", certificates(all, "client"));
        write("client.key", key(all, "client"));
        KeyStore client = KeyStore.getInstance("PKCS12");
        client.load(null, null);
        client.setKeyEntry("client", all.getKey("client", PASSWORD.toCharArray()), PASSWORD.toCharArray(),
                all.getCertificateChain("client"));
        try (OutputStream out = Files.newOutputStream(dir.resolve("client.p12"))) {
            client.store(out, PASSWORD.toCharArray());
        }
    }

    private void write(String file, String text) throws IOException {
        Files.writeString(dir.resolve(file), text);
    }

    /** Its own first, then those that have signed it. */
    private static String certificates(KeyStore store, String name) throws GeneralSecurityException {
        StringBuilder text = new StringBuilder();
        for (Certificate certificate : store.getCertificateChain(name)) {
            text.append(pem("CERTIFICATE", certificate.getEncoded()));
        }
        return text.toString();
    }

    private static String key(KeyStore store, String name) throws GeneralSecurityException {
        Key key = store.getKey(name, PASSWORD.toCharArray());
        // PKCS #8, and not encrypted.
        return pem("PRIVATE KEY", key.getEncoded());
    }

    private static String pem(String type, byte[] content) {
        return "-----BEGIN " + type + "-----\n" + LINES.encodeToString(content) + "\n-----END " + type + "-----\n";
    }
}
