// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Frames as docs/wire.md has them, written here by hand. */
class FrameReaderTest {
    private final Said said = new Said();

    /** What was no tuple. */
    private static final class Said implements FrameReader.Listener {
        final List<String> all = new ArrayList<>();

        @Override
        public void log(int level, String text) {
            all.add("log " + level + ": " + text);
        }

        @Override
        public void error(String text) {
            all.add("error: " + text);
        }

        @Override
        public void status(List<Object> pairs) {
            all.add("status: " + pairs);
        }
    }

    /** Something that is written down. */
    private interface Body {
        void to(DataOutputStream out) throws IOException;
    }

    private static byte[] written(Body body) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        body.to(new DataOutputStream(bytes));
        return bytes.toByteArray();
    }

    private static byte[] frame(int kind, Body body) throws IOException {
        byte[] bytes = written(body);
        return written(out -> {
            out.writeInt(bytes.length + 1);
            out.writeByte(kind);
            out.write(bytes);
        });
    }

    private static void text(DataOutputStream out, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.writeByte(1);
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    private static byte[] emit(int stream, String value) throws IOException {
        return frame(1, out -> {
            out.writeByte(1);
            out.writeShort(stream);
            out.writeInt(7);
            out.writeLong(1L << 40);
            out.writeShort(1);
            text(out, value);
        });
    }

    private static byte[] joined(byte[]... frames) throws IOException {
        return written(out -> {
            for (byte[] frame : frames) {
                out.write(frame);
            }
        });
    }

    /** Gives so many bytes a read, whatever is asked for. */
    private static InputStream inPieces(byte[] all, int bytes) {
        return new ByteArrayInputStream(all) {
            @Override
            public synchronized int read(byte[] buffer, int at, int length) {
                return super.read(buffer, at, Math.min(length, bytes));
            }
        };
    }

    private List<Emit> readAll(InputStream in) throws IOException {
        FrameReader reader = new FrameReader(in);
        List<Emit> emits = new ArrayList<>();
        try {
            while (true) {
                emits.addAll(reader.read(said));
            }
        } catch (EOFException end) {
            return emits;
        }
    }

    @Test
    void frames_that_come_in_pieces_of_any_size_are_read_the_same() throws IOException {
        byte[] streams = frame(6, out -> {
            out.writeInt(2);
            text(out, "default");
            text(out, "übrige");
        });
        byte[] log = frame(2, out -> {
            out.writeByte(3);
            out.write("warning".getBytes(StandardCharsets.UTF_8));
        });
        byte[] all = joined(streams, emit(0, "first"), log, emit(1, "𝄞 second"), frame(4, out -> { }));
        for (int bytes = 1; bytes <= all.length; bytes++) {
            said.all.clear();
            List<Emit> emits = readAll(inPieces(all, bytes));
            assertEquals(2, emits.size(), bytes + " bytes a read");
            assertEquals("7:1099511627776", emits.get(1).toString());
            assertEquals(List.of("default", "übrige"), List.of(emits.get(0).stream, emits.get(1).stream));
            assertEquals(List.of("𝄞 second"), emits.get(1).take());
            assertEquals(List.of("log 3: warning"), said.all);
        }
    }

    @Test
    void a_frame_larger_than_the_buffer_is_read_and_what_follows_it() throws IOException {
        String large = "x".repeat(3 << 20);
        byte[] all = joined(emit(0, "before"), emit(0, large), emit(0, "after"));
        List<Emit> emits = readAll(inPieces(all, 100_000));
        assertEquals(3, emits.size());
        assertEquals(large, emits.get(1).take().get(0));
        assertEquals("after", emits.get(2).take().get(0));
    }

    @Test
    void each_kind_of_value_is_what_java_has_for_it() throws IOException {
        byte[] all = frame(1, out -> {
            out.writeByte(0);
            out.writeShort(0);
            out.writeShort(4);
            out.writeByte(0);
            out.writeByte(2);
            out.writeLong(-5);
            out.writeByte(3);
            out.writeInt(2);
            out.write(new byte[] {0, (byte) 0xff});
            out.writeByte(4);
            out.writeInt(1);
            text(out, "inner");
        });
        Emit emit = readAll(new ByteArrayInputStream(all)).get(0);
        assertFalse(emit.isTracked());
        List<Object> values = emit.take();
        assertNull(values.get(0));
        assertEquals(-5L, values.get(1));
        assertArrayEquals(new byte[] {0, (byte) 0xff}, (byte[]) values.get(2));
        assertEquals(List.of("inner"), values.get(3));
        assertNull(emit.take(), "Storm keeps the id, not the values");
    }

    @Test
    void the_state_and_an_error_are_told() throws IOException {
        byte[] state = frame(5, out -> {
            out.writeInt(1);
            out.writeByte(4);
            out.writeInt(2);
            text(out, "lag");
            out.writeByte(2);
            out.writeLong(12);
        });
        byte[] error = frame(3, out -> out.write("no broker".getBytes(StandardCharsets.UTF_8)));
        readAll(new ByteArrayInputStream(joined(state, error)));
        assertEquals(List.of("status: [[lag, 12]]", "error: no broker"), said.all);
    }

    @Test
    void what_is_no_frame_is_told_apart_at_once() {
        FrameReader reader = new FrameReader(new ByteArrayInputStream("Segmentation fault\n".getBytes(StandardCharsets.UTF_8)));
        IOException error = assertThrows(IOException.class, () -> reader.read(said));
        assertTrue(error.getMessage().contains("something else"), error.getMessage());
    }

    @Test
    void a_value_of_a_later_version_is_named() throws IOException {
        byte[] all = frame(1, out -> {
            out.writeByte(0);
            out.writeShort(0);
            out.writeShort(1);
            out.writeByte(9);
        });
        IllegalStateException error = assertThrows(IllegalStateException.class, () -> readAll(new ByteArrayInputStream(all)));
        assertTrue(error.getMessage().contains("unknown kind 9"), error.getMessage());
    }
}
