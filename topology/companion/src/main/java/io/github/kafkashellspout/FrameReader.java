// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;

/** Reads frames; each read's tuples together. One thread's. */
final class FrameReader {
    private static final int BUFFER_BYTES = 256 << 10;
    private static final String DEFAULT_STREAM = "default";

    private final InputStream in;
    private byte[] buffer = new byte[BUFFER_BYTES];
    private int begin;
    private int end;
    private String[] streams = {DEFAULT_STREAM};

    /** Takes what is no tuple. */
    interface Listener {
        void log(int level, String text);

        void error(String text);

        /** @param pairs lists of a name and a number */
        void status(List<Object> pairs);
    }

    FrameReader(InputStream in) {
        this.in = in;
    }

    /**
     * Waits for frames.
     *
     * @return the tuples among them, maybe none
     * @throws EOFException the program has closed its stdout
     */
    List<Emit> read(Listener listener) throws IOException {
        fill();
        List<Emit> emits = new ArrayList<>();
        while (end - begin >= Wire.HEADER_BYTES) {
            int length = Decoder.intAt(buffer, begin);
            if (length < 1 || length > Wire.MAX_FRAME_BYTES) {
                throw new IOException("a frame of " + length + " bytes: something else than the program writes to its stdout");
            }
            int next = begin + Integer.BYTES + length;
            if (next > end) {
                reserve(Integer.BYTES + length);
                break;
            }
            decode(buffer[begin + Integer.BYTES], next, emits, listener);
            begin = next;
        }
        return emits;
    }

    private void fill() throws IOException {
        if (begin == end) {
            begin = 0;
            end = 0;
            if (buffer.length > BUFFER_BYTES) {
                // One large record must not keep its memory for ever.
                buffer = new byte[BUFFER_BYTES];
            }
        } else if (end == buffer.length) {
            reserve(end - begin + 1);
        }
        int count = in.read(buffer, end, buffer.length - end);
        if (count < 0) {
            throw new EOFException();
        }
        end += count;
    }

    /** Makes room for a frame of so many bytes from {@link #begin} on. */
    private void reserve(int bytes) {
        if (begin + bytes <= buffer.length) {
            return;
        }
        byte[] larger = bytes <= buffer.length ? buffer : new byte[Math.max(bytes, 2 * buffer.length)];
        System.arraycopy(buffer, begin, larger, 0, end - begin);
        buffer = larger;
        end -= begin;
        begin = 0;
    }

    private void decode(byte kind, int next, List<Emit> emits, Listener listener) {
        Decoder body = new Decoder(buffer, begin + Wire.HEADER_BYTES);
        switch (kind) {
            case Wire.EMIT:
                emits.add(emit(body));
                break;
            case Wire.LOG:
                int level = body.readByte();
                listener.log(level, body.readText(next - body.position()));
                break;
            case Wire.ERROR:
                listener.error(body.readText(next - body.position()));
                break;
            case Wire.STATUS:
                listener.status(body.readValues(body.readInt()));
                break;
            case Wire.STREAMS:
                streams = body.readValues(body.readInt()).toArray(new String[0]);
                break;
            default:
                // A pong, or what a later version may say beside: that something came is enough.
                break;
        }
    }

    private Emit emit(Decoder body) {
        boolean hasId = (body.readByte() & Wire.HAS_ID) != 0;
        String stream = streams[body.readShort()];
        int slot = hasId ? body.readInt() : Emit.NO_SLOT;
        long offset = hasId ? body.readLong() : 0;
        return new Emit(slot, offset, stream, body.readValues(body.readShort()));
    }
}
