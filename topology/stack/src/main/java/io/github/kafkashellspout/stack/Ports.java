// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/** The ports of one stack's servers: wanted ones that are free, and free ones, none of them twice. */
final class Ports {
    /** Below what the kernel gives to clients, so that none takes a port between our look and the server's start. */
    private static final int FIRST = 10_000;
    private static final int END = 32_000;
    private static final int LOOKS = 1000;

    private final Set<Integer> given = new HashSet<>();

    /** @param wanted 0 for a free one @throws IOException if another process has it; says which */
    int get(int wanted) throws IOException {
        if (wanted == 0) {
            return free();
        }
        checkFree(wanted);
        return wanted;
    }

    /** {@code count} of them from the first one on, or free ones if it is 0. */
    List<Integer> get(int first, int count) throws IOException {
        List<Integer> ports = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            ports.add(get(first == 0 ? 0 : first + i));
        }
        return ports;
    }

    private int free() throws IOException {
        for (int look = 0; look < LOOKS; look++) {
            int port = ThreadLocalRandom.current().nextInt(FIRST, END);
            if (!given.contains(port) && isFree(port)) {
                given.add(port);
                return port;
            }
        }
        throw new IOException("found no free port from " + FIRST + " to " + END + " in " + LOOKS + " looks");
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = listen(port)) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }

    /** An error that says who has the port. */
    static void checkFree(int wanted) throws IOException {
        try (ServerSocket socket = listen(wanted)) {
            assert socket.isBound();
        } catch (IOException e) {
            throw new IOException("port " + wanted + " is taken by " + PortOwner.describe(wanted) + "; choose another one, or 0 for a free one", e);
        }
    }

    private static ServerSocket listen(int port) throws IOException {
        return new ServerSocket(port, 1, InetAddress.getLoopbackAddress());
    }
}
