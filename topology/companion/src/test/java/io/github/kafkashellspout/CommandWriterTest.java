// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class CommandWriterTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final CommandWriter writer = new CommandWriter(bytes);

    @Test
    void ids_are_slot_and_offset_as_many_as_were_asked_for() throws IOException {
        Emit[] ids = {new Emit(3, 1L << 33, "default", List.of()), new Emit(-2, -1, "default", List.of()), null};
        writer.sendIds(Wire.ACK, ids, 2);
        ByteArrayOutputStream expected = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(expected);
        out.writeInt(1 + 24);
        out.writeByte(1);
        out.writeInt(3);
        out.writeLong(1L << 33);
        out.writeInt(-2);
        out.writeLong(-1);
        assertArrayEquals(expected.toByteArray(), bytes.toByteArray());
    }

    @Test
    void commands_without_a_body_are_five_bytes() throws IOException {
        writer.send(Wire.DEACTIVATE);
        assertArrayEquals(new byte[] {0, 0, 0, 1, 4}, bytes.toByteArray());
    }

    @Test
    void nobody_pings_while_another_thread_is_stuck_in_a_write() throws Exception {
        CountDownLatch writing = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        CommandWriter stuck = new CommandWriter(new ByteArrayOutputStream() {
            @Override
            public synchronized void write(byte[] all, int at, int length) {
                writing.countDown();
                try {
                    goOn.await();
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                }
                super.write(all, at, length);
                bytes.write(all, at, length);
            }
        });
        Thread thread = new Thread(() -> {
            try {
                stuck.send(Wire.ACTIVATE);
            } catch (IOException impossible) {
                throw new AssertionError(impossible);
            }
        });
        thread.start();
        writing.await();
        stuck.ping(true);
        goOn.countDown();
        thread.join();
        assertEquals(5, bytes.size(), "the command alone");
    }
}
