// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.leak;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Storm's multilang protocol, the child's end: a JSON text, then a line {@code end}. What is said waits in memory for the next
 * {@link #sync()}, which is when the parent wants all of it; so nothing that says something can fail.
 */
final class Multilang {
    static final int WARN = 3;

    private static final String END = "end";

    private final ObjectMapper mapper = new ObjectMapper();
    private final BufferedReader in;
    private final OutputStream out;
    private final ByteArrayOutputStream unsent = new ByteArrayOutputStream();

    private Multilang(BufferedReader in, OutputStream out) {
        this.in = in;
        this.out = out;
    }

    /** From now on what a library prints to stdout goes to stderr: a stray line there ends the worker. */
    static Multilang onStdio() {
        OutputStream out = new FileOutputStream(FileDescriptor.out);
        System.setOut(System.err);
        return new Multilang(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)), out);
    }

    /** Null at the end of stdin, if it comes in the middle of a message, too. */
    JsonNode read() throws IOException {
        StringBuilder text = new StringBuilder();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.equals(END)) {
                return mapper.readTree(text.toString());
            }
            text.append(line).append('\n');
        }
        return null;
    }

    /** The empty file in {@code pidDir} is how the supervisor knows whom to signal. */
    void answerHandshake(JsonNode handshake) throws IOException {
        long pid = ProcessHandle.current().pid();
        if (handshake.hasNonNull("pidDir")) {
            Files.write(Path.of(handshake.get("pidDir").asText(), String.valueOf(pid)), new byte[0]);
        }
        say(mapper.createObjectNode().put("pid", pid));
        flush();
    }

    /** @param value the only field; null is null */
    void emit(String id, String value) {
        ObjectNode emit = command("emit").put("id", id).put("need_task_ids", false);
        emit.putArray("tuple").add(value);
        say(emit);
    }

    void log(int level, String message) {
        say(command("log").put("level", level).put("msg", message));
    }

    /** For Storm UI. */
    void error(String message) {
        say(command("error").put("msg", message));
    }

    void sync() throws IOException {
        say(command("sync"));
        flush();
    }

    private ObjectNode command(String name) {
        return mapper.createObjectNode().put("command", name);
    }

    private void say(JsonNode message) {
        try {
            unsent.writeBytes(mapper.writeValueAsBytes(message));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of strings and numbers has no JSON?", e);
        }
        unsent.writeBytes(("\n" + END + "\n").getBytes(StandardCharsets.UTF_8));
    }

    private void flush() throws IOException {
        unsent.writeTo(out);
        unsent.reset();
    }
}
