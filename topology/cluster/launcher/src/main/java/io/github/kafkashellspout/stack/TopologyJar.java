// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Enumeration;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.zip.Deflater;

/** Makes the jar that is submitted: the topology's classes, the launcher script and the program. */
final class TopologyJar {
    /** Main class in it. */
    static final String MAIN = "io.github.kafkashellspout.cluster.ClusterTopology";

    private TopologyJar() {
    }

    /**
     * @param jar to be written
     * @param classes jars with the topology's classes, and resources of its own
     * @param script goes to {@code resources/launcher.sh}
     * @param program goes to {@code resources/kafka-shell-spout}
     */
    static void make(Path jar, List<Path> classes, Path script, Path program) throws IOException {
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
            // A debug build has 90 MB, and the way to Nimbus and the supervisor is short.
            out.setLevel(Deflater.BEST_SPEED);
            for (Path one : classes) {
                addAll(out, one);
            }
            addFile(out, "resources/launcher.sh", script);
            addFile(out, "resources/kafka-shell-spout", program);
        }
    }

    private static void addAll(JarOutputStream out, Path classes) throws IOException {
        try (JarFile in = open(classes)) {
            for (Enumeration<JarEntry> entries = in.entries(); entries.hasMoreElements();) {
                JarEntry entry = entries.nextElement();
                if (!entry.isDirectory() && !entry.getName().startsWith("META-INF/")) {
                    try (InputStream content = in.getInputStream(entry)) {
                        add(out, entry.getName(), content);
                    }
                }
            }
        }
    }

    private static JarFile open(Path classes) throws IOException {
        if (!Files.exists(classes)) {
            throw new IOException("there is no " + classes + "; build it with: mvn -f topology/pom.xml package");
        }
        return new JarFile(classes.toFile());
    }

    private static void addFile(JarOutputStream out, String name, Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new IOException("there is no file " + file + " for " + name + " of the topology's jar");
        }
        try (InputStream content = Files.newInputStream(file)) {
            add(out, name, content);
        }
    }

    private static void add(JarOutputStream out, String name, InputStream content) throws IOException {
        out.putNextEntry(new JarEntry(name));
        content.transferTo(out);
        out.closeEntry();
    }
}
