// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.UserPrincipal;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Where a run keeps data and logs. A lock on a file in it says that the run lives: the kernel takes it back at any death,
 * so the next run can tell what is left of one that was killed, and removes it.
 */
final class RunDirectory {
    private static final String PREFIX = "kafka-shell-spout-demo-";
    private static final String LOCK = "lock";

    private final Path path;
    private final UserPrincipal owner;
    private final FileChannel lock;

    private RunDirectory(Path path, FileChannel lock) throws IOException {
        this.path = path;
        this.lock = lock;
        owner = Files.getOwner(path);
    }

    static RunDirectory make() throws IOException {
        Path path = Files.createTempDirectory(PREFIX);
        // Locked before it has the name that others look for.
        Path unnamed = path.resolve("new-" + LOCK);
        FileChannel lock = FileChannel.open(unnamed, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        lock.lock();
        Files.move(unnamed, path.resolve(LOCK));
        return new RunDirectory(path, lock);
    }

    Path path() {
        return path;
    }

    /** Removes what runs have left that were killed; gives their directories. */
    List<Path> removeLeftovers() throws IOException {
        List<Path> removed = new ArrayList<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(path.getParent(), PREFIX + "*")) {
            for (Path other : found) {
                if (!other.equals(path) && isOurs(other) && isAbandoned(other) && !isLivedIn(other) && remove(other)) {
                    removed.add(other);
                }
            }
        }
        return removed;
    }

    /** Of the same user, and no link: this may be root's run in a directory where everybody writes. */
    private boolean isOurs(Path other) throws IOException {
        return Files.isDirectory(other, LinkOption.NOFOLLOW_LINKS)
                && Files.getOwner(other, LinkOption.NOFOLLOW_LINKS).equals(owner);
    }

    /** One without the file is kept on purpose. */
    private static boolean isAbandoned(Path other) {
        try (FileChannel file = FileChannel.open(other.resolve(LOCK), StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
                FileLock taken = file.tryLock()) {
            return taken != null;
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Whether a process of that run still ends: each works in the directory, and would make it anew to write its last words.
     */
    private static boolean isLivedIn(Path other) throws IOException {
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                try {
                    if (Files.readSymbolicLink(process.resolve("cwd")).startsWith(other.toRealPath())) {
                        return true;
                    }
                } catch (IOException e) {
                    // It has ended, or is another user's.
                }
            }
        }
        return false;
    }

    /** The next run will not remove it. */
    void keep() throws IOException {
        Files.deleteIfExists(path.resolve(LOCK));
        lock.close();
    }

    void remove() throws IOException {
        if (!remove(path)) {
            throw new IOException(path + " could not be removed");
        }
        lock.close();
    }

    /** False if somebody still writes into it, or it is not ours to remove. */
    private static boolean remove(Path dir) {
        try (Stream<Path> files = Files.walk(dir)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                // Last, so that what is left over from here on still counts as such.
                if (!file.equals(dir) && !file.equals(dir.resolve(LOCK))) {
                    Files.deleteIfExists(file);
                }
            }
            Files.deleteIfExists(dir.resolve(LOCK));
            Files.delete(dir);
            return true;
        } catch (IOException | UncheckedIOException e) {
            return false;
        }
    }
}
