// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** The command: one {@link Run} in a directory of its own, and an end in order, by itself or by Ctrl-C. */
public final class Demo {
    private static final int END_TIMEOUT_S = 90;

    private final DemoOptions options;
    private final Thread worker = Thread.currentThread();
    private final CountDownLatch done = new CountDownLatch(1);
    private Run run;
    private boolean interrupted;
    /** From here on nothing is to be interrupted any more. */
    private boolean ending;

    private Demo(DemoOptions options) {
        this.options = options;
    }

    /** @param args see {@code --help} */
    public static void main(String[] args) {
        DemoOptions options;
        try {
            options = DemoOptions.parse(args);
        } catch (IllegalArgumentException e) {
            System.err.println("demo: " + e.getMessage() + "; see --help");
            System.exit(64);
            return;
        }
        if (options.help) {
            System.out.println(DemoOptions.HELP);
            return;
        }
        Demo demo = new Demo(options);
        Runtime.getRuntime().addShutdownHook(new Thread(demo::interrupt, "interrupt"));
        int code = 2;
        try {
            code = demo.run();
        } finally {
            demo.done.countDown();
        }
        System.exit(code);
    }

    /** SIGINT, SIGTERM, SIGHUP: the main thread hears of it and ends all; the JVM's exit waits for that. */
    private void interrupt() {
        synchronized (this) {
            interrupted = true;
            if (!ending) {
                if (run != null) {
                    run.abort();
                }
                worker.interrupt();
            }
        }
        try {
            done.await(END_TIMEOUT_S, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private int run() {
        RunDirectory directory;
        try {
            directory = RunDirectory.make();
            removeLeftovers(directory);
        } catch (IOException e) {
            System.err.println("demo: no temporary directory can be made: " + e);
            return 2;
        }
        // slf4j-simple reads them before the first logger is made.
        System.setProperty("org.slf4j.simpleLogger.logFile", directory.path().resolve("demo.log").toString());
        try {
            return run(directory.path());
        } catch (Exception e) {
            options.keep |= !isInterrupted();
            if (!isInterrupted()) {
                System.err.println("demo: " + (e.getMessage() == null ? e : e.getMessage()) + "\ndemo: logs are in " + directory.path());
            }
            return 2;
        } finally {
            leave(directory);
        }
    }

    private int run(Path dir) throws Exception {
        try {
            goAndEnd(dir);
            return run.summary(System.out, isInterrupted()) ? 0 : 1;
        } finally {
            if (run != null) {
                run.stopServers();
            }
        }
    }

    private void goAndEnd(Path dir) throws Exception {
        try (View view = options.live ? new LiveView(System.out, new Terminal(options.columns, options.lines), hasColours())
                : new View.Plain(System.out)) {
            synchronized (this) {
                if (interrupted) {
                    throw new InterruptedException();
                }
                run = new Run(options, dir, view);
            }
            try {
                run.go();
            } catch (Exception e) {
                if (!isInterrupted()) {
                    throw e;
                }
            } finally {
                synchronized (this) {
                    ending = true;
                    // It may have come too late to throw anything.
                    Thread.interrupted();
                }
                run.end();
            }
        }
    }

    private synchronized boolean isInterrupted() {
        return interrupted;
    }

    private static void removeLeftovers(RunDirectory directory) throws IOException {
        for (Path removed : directory.removeLeftovers()) {
            System.out.println("removed " + removed + ", left by a run that was killed");
        }
    }

    private static boolean hasColours() {
        String none = System.getenv("NO_COLOR");
        return none == null || none.isEmpty();
    }

    private void leave(RunDirectory directory) {
        try {
            if (options.keep) {
                directory.keep();
            } else {
                directory.remove();
            }
            // What another run's servers still wrote into at our start.
            removeLeftovers(directory);
        } catch (IOException e) {
            System.err.println("demo: " + e.getMessage());
        }
    }
}
