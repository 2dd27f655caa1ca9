// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.ReentrantLock;

/** Writes commands to the program: each a frame, a frame one write. The executor and the watchdog share it. */
final class CommandWriter {
    private static final int ID_BYTES = 12;

    private final OutputStream out;
    private final ReentrantLock lock = new ReentrantLock();

    CommandWriter(OutputStream out) {
        this.out = out;
    }

    /** Sends the first {@code count} ids of a list. */
    void sendIds(byte kind, Emit[] ids, int count) throws IOException {
        ByteBuffer frame = frame(kind, count * ID_BYTES);
        for (int i = 0; i < count; i++) {
            frame.putInt(ids[i].slot).putLong(ids[i].offset);
        }
        send(frame);
    }

    void send(byte kind) throws IOException {
        send(frame(kind, 0));
    }

    void sendEmitted(long count) throws IOException {
        send(frame(Wire.EMITTED, Long.BYTES).putLong(count));
    }

    /** Asks whether the program is there; not if somebody is writing just now, maybe to a program that does not read. */
    void ping(boolean wantsStatus) throws IOException {
        if (lock.tryLock()) {
            try {
                send(frame(Wire.PING, 1).put((byte) (wantsStatus ? 1 : 0)));
            } finally {
                lock.unlock();
            }
        }
    }

    private static ByteBuffer frame(byte kind, int body) {
        return ByteBuffer.allocate(Wire.HEADER_BYTES + body).putInt(body + 1).put(kind);
    }

    private void send(ByteBuffer frame) throws IOException {
        lock.lock();
        try {
            out.write(frame.array(), 0, frame.position());
            out.flush();
        } finally {
            lock.unlock();
        }
    }
}
