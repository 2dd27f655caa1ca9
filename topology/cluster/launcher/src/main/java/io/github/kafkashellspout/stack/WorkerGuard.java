// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

/**
 * What {@link Guard} is for servers, as an agent in a worker's JVM: a worker is meant to outlive its supervisor, and
 * would outlive the launcher, too. It halts, so that a spout's process sees no more than the end of its stdin.
 */
public final class WorkerGuard {
    private WorkerGuard() {
    }

    /** @param launcher the launcher's process id */
    public static void premain(String launcher) {
        Thread watch = new Thread(() -> haltAfter(Long.parseLong(launcher)), "worker-guard");
        watch.setDaemon(true);
        watch.start();
    }

    private static void haltAfter(long pid) {
        ProcessHandle.of(pid).ifPresent(launcher -> launcher.onExit().join());
        Runtime.getRuntime().halt(1);
    }
}
