// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.IOException;
import java.net.ServerSocket;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** Ports to listen on. */
final class Ports {
    /** Below what the kernel gives to clients: a worker takes its port long after we looked, and again after that. */
    private static final int FIRST = 20_000;
    private static final int COUNT = 12_000;
    private static final int ATTEMPTS = 1000;

    private Ports() {
    }

    /** That many, all different and free now. */
    static List<Integer> free(int count) throws IOException {
        Random random = new Random();
        Set<Integer> ports = new LinkedHashSet<>();
        for (int attempt = 0; attempt < ATTEMPTS && ports.size() < count; attempt++) {
            int port = FIRST + random.nextInt(COUNT);
            if (isFree(port)) {
                ports.add(port);
            }
        }
        if (ports.size() < count) {
            throw new IOException("fewer than " + count + " ports are free from " + FIRST + " to " + (FIRST + COUNT - 1));
        }
        return List.copyOf(ports);
    }

    private static boolean isFree(int port) {
        // All addresses: that is what workers listen on.
        try (ServerSocket socket = new ServerSocket(port, 1)) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }
}
