// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collections;
import java.util.List;

/** Finds the program, and makes it executable: Storm takes it out of the topology's jar without its exec bit. */
final class Program {
    /** Its name in the jar's resources/. */
    static final String NAME = "kafka-shell-spout";

    private final List<String> command;
    private final Path copy;

    private Program(List<String> command, Path copy) {
        this.command = command;
        this.copy = copy;
    }

    /**
     * @param given the command; empty for the program of the jar
     * @param resources where Storm has put the jar's resources/
     */
    static Program find(List<String> given, File resources) throws IOException {
        if (!given.isEmpty()) {
            return new Program(given, null);
        }
        File extracted = new File(resources, NAME);
        if (extracted.isFile()) {
            // Fails if the worker runs as another user than the one who owns the file.
            if (extracted.canExecute() || extracted.setExecutable(true)) {
                return new Program(Collections.singletonList(extracted.getAbsolutePath()), null);
            }
            try (InputStream program = Files.newInputStream(extracted.toPath())) {
                return copied(program);
            }
        }
        // LocalCluster extracts nothing.
        try (InputStream program = Program.class.getResourceAsStream("/resources/" + NAME)) {
            if (program == null) {
                throw new IOException("there is no " + NAME + " in " + resources + " nor resources/" + NAME + " on the class path; put it"
                        + " into resources/ of the topology's jar, or give the command to the constructor");
            }
            return copied(program);
        }
    }

    private static Program copied(InputStream program) throws IOException {
        Path copy = Files.createTempFile(NAME + "-", "");
        Files.copy(program, copy, StandardCopyOption.REPLACE_EXISTING);
        if (!copy.toFile().setExecutable(true, true) || !copy.toFile().canExecute()) {
            Files.delete(copy);
            throw new IOException(copy + " cannot be made executable; is it on a file system that is mounted noexec? Set java.io.tmpdir");
        }
        return new Program(Collections.singletonList(copy.toString()), copy);
    }

    List<String> command() {
        return command;
    }

    /** A copy needs no name any more once it runs, and is of no use if it does not. */
    void forget() throws IOException {
        if (copy != null) {
            Files.deleteIfExists(copy);
        }
    }
}
