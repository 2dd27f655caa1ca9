// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The program's process, from its start to its last words. */
final class Child {
    private static final Logger LOG = LoggerFactory.getLogger(NativeKafkaSpout.class);
    private static final Pattern PID = Pattern.compile("\"pid\"\\s*:\\s*(\\d+)");
    private static final Pattern VERSION = Pattern.compile("\"wire\"\\s*:\\s*(\\d+)");
    private static final String END = "\nend\n";
    /** More than an answer to a handshake ever has. */
    private static final int MAX_ANSWER_BYTES = 64 << 10;
    private static final int LAST_WORDS = 10;
    private static final long END_MILLIS = 1000;

    private final Process process;
    private final String name;
    private final Thread stderr;
    private final Deque<String> lastWords = new ArrayDeque<>();
    private String pid = "?";

    private Child(Process process, String name) {
        this.process = process;
        this.name = name;
        stderr = new Thread(this::drainStderr, name + "-stderr");
        stderr.setDaemon(true);
        stderr.start();
    }

    /**
     * Starts the program and shakes hands.
     *
     * @param name of the component and task, for people
     * @param handshake Storm's, with the versions of the wire
     */
    static Child start(Program program, File resources, String name, String handshake) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(program.command());
        if (resources.isDirectory()) {
            builder.directory(resources);
        }
        try {
            Child child = new Child(builder.start(), name);
            try {
                child.shakeHands(handshake);
            } catch (IOException e) {
                child.close();
                throw e;
            }
            return child;
        } finally {
            program.forget();
        }
    }

    private void shakeHands(String handshake) throws IOException {
        OutputStream stdin = process.getOutputStream();
        String answer;
        try {
            stdin.write((handshake + END).getBytes(StandardCharsets.UTF_8));
            stdin.flush();
            answer = readAnswer();
        } catch (IOException e) {
            throw new IOException(account("did not answer the handshake"), e);
        }
        Matcher found = PID.matcher(answer);
        if (!found.find()) {
            throw new IOException(name + ": the answer to the handshake is " + answer + "; is it kafka-shell-spout?");
        }
        pid = found.group(1);
        Matcher version = VERSION.matcher(answer);
        if (!version.find() || Integer.parseInt(version.group(1)) != Wire.VERSION) {
            throw new IOException(name + ": the program does not speak version " + Wire.VERSION + " of the wire, it answers " + answer
                    + "; use the program and this class of the same release");
        }
    }

    /** Byte by byte: what follows is not for us. */
    private String readAnswer() throws IOException {
        InputStream stdout = process.getInputStream();
        ByteArrayOutputStream answer = new ByteArrayOutputStream();
        while (answer.size() < MAX_ANSWER_BYTES) {
            int next = stdout.read();
            if (next < 0) {
                throw new IOException("its stdout has ended");
            }
            answer.write(next);
            if (next == '\n' && answer.toString("UTF-8").endsWith(END)) {
                return answer.toString("UTF-8").substring(0, answer.size() - END.length());
            }
        }
        throw new IOException("it says " + answer.toString("UTF-8").substring(0, 200));
    }

    InputStream stdout() {
        return process.getInputStream();
    }

    OutputStream stdin() {
        return process.getOutputStream();
    }

    String pid() {
        return pid;
    }

    /** Its stderr goes to the worker's log at once: a full pipe would stop it. */
    private void drainStderr() {
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                LOG.info("{} pid {}: {}", name, pid, line);
                synchronized (lastWords) {
                    lastWords.addLast(line);
                    if (lastWords.size() > LAST_WORDS) {
                        lastWords.removeFirst();
                    }
                }
            }
        } catch (IOException e) {
            // The process has been destroyed.
            LOG.debug("{}: stderr", name, e);
        }
    }

    /** What became of it, for people: how it ended, and its last words. */
    String account(String what) {
        StringBuilder account = new StringBuilder(name + ": the Kafka spout's process " + pid + " " + what);
        try {
            if (process.waitFor(END_MILLIS, TimeUnit.MILLISECONDS)) {
                account.append("; it ended with exit code ").append(process.exitValue());
            } else {
                account.append("; it still runs");
            }
            stderr.join(END_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        synchronized (lastWords) {
            return account.append(lastWords.isEmpty() ? "; it said nothing on stderr" : "; last words: " + String.join(" | ", lastWords))
                    .toString();
        }
    }

    /** Ends one that hangs. Its stdin is not closed: a write to it may be stuck, and the close would wait for that. */
    void kill() {
        process.destroyForcibly();
    }

    /** Tells it to end, as ShellSpout does: SIGTERM, then the end of its stdin. Its offsets are committed by itself. */
    void close() {
        process.destroy();
        try {
            process.getOutputStream().close();
        } catch (IOException e) {
            // It is gone already.
            LOG.debug("{}: stdin", name, e);
        }
    }
}
