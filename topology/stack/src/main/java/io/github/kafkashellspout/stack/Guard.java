// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.io.IOException;

/**
 * Runs in the server's JVM: starts the server's own main class and ends the JVM when stdin ends. The launcher holds the
 * other end of that pipe, so a server cannot outlive it, not even if the launcher is killed with SIGKILL.
 */
public final class Guard {
    private static final long HALT_AFTER_MS = 10_000;

    private Guard() {
    }

    /** @param args the server's main class, then its arguments */
    public static void main(String[] args) throws ReflectiveOperationException {
        Thread watch = new Thread(Guard::exitAtEndOfInput, "guard");
        watch.setDaemon(true);
        watch.start();
        String[] rest = java.util.Arrays.copyOfRange(args, 1, args.length);
        Class.forName(args[0]).getMethod("main", String[].class).invoke(null, (Object) rest);
    }

    private static void exitAtEndOfInput() {
        try {
            while (System.in.read() >= 0) {
                // Nothing is ever said; only the end matters.
            }
        } catch (IOException e) {
            // A broken pipe is an end, too.
        }
        Thread halt = new Thread(Guard::haltLater, "guard-halt");
        halt.setDaemon(true);
        halt.start();
        System.exit(0);
    }

    private static void haltLater() {
        try {
            Thread.sleep(HALT_AFTER_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Runtime.getRuntime().halt(1);
    }
}
