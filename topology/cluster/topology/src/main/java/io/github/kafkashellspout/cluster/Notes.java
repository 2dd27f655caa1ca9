// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.cluster;

import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file of one task in one of its lives. What was added stands there even if the worker is killed at once. */
final class Notes implements Closeable {
    private final OutputStream file;

    /** @param kind first part of the file's name */
    Notes(String dir, String kind, int task) {
        String name = kind + "-" + task + "-" + ProcessHandle.current().pid() + "-" + System.currentTimeMillis();
        try {
            file = Files.newOutputStream(Files.createDirectories(Path.of(dir)).resolve(name), StandardOpenOption.CREATE_NEW,
                    StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Adds a line with one write. */
    void add(String line) {
        try {
            file.write((line + '\n').getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
