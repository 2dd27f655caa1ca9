// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Asks the program each second whether it is there, while the topology is active. Seconds are counted, not looked up: a
 * pause of this JVM is not the program's silence.
 */
final class Watchdog {
    private static final long PERIOD_S = 1;

    private final ScheduledExecutorService timer;
    private final int patience;
    private final Ask ask;
    private final Runnable die;
    private volatile boolean active;
    private volatile int silent;

    /** Sends a ping. */
    interface Ask {
        void ping();
    }

    /**
     * @param patience seconds without a word until {@code die}
     */
    Watchdog(String name, int patience, Ask ask, Runnable die) {
        this.patience = patience;
        this.ask = ask;
        this.die = die;
        timer = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, name + "-watchdog");
            thread.setDaemon(true);
            return thread;
        });
        // Not at a fixed rate: after a pause all looks that were missed would come at once.
        timer.scheduleWithFixedDelay(this::look, PERIOD_S, PERIOD_S, TimeUnit.SECONDS);
    }

    void watch(boolean watched) {
        silent = 0;
        active = watched;
    }

    /** The program has said something. */
    void heard() {
        if (silent != 0) {
            silent = 0;
        }
    }

    // Only this thread counts up; a word that comes at the same moment is asked for again.
    private void look() {
        if (!active) {
            return;
        }
        int seconds = silent + 1;
        silent = seconds;
        if (seconds > patience) {
            timer.shutdown();
            die.run();
        } else {
            ask.ping();
        }
    }

    void stop() {
        timer.shutdownNow();
    }
}
