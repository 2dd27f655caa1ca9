// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.io.IOException;
import java.util.Arrays;

/** Ids of tuples that were acked, or that failed, until they are told to the program. */
final class Answers {
    private final byte kind;
    private final Emit[] ids;
    private int count;

    /** @param kind of their frame, see {@link Wire} @param capacity ids of one frame */
    Answers(byte kind, int capacity) {
        this.kind = kind;
        ids = new Emit[capacity];
    }

    /** There is room if {@link #send} was called whenever {@link #isFull}. */
    void add(Emit id) {
        ids[count++] = id;
    }

    boolean isFull() {
        return count == ids.length;
    }

    void send(CommandWriter writer) throws IOException {
        if (count > 0) {
            writer.sendIds(kind, ids, count);
            Arrays.fill(ids, 0, count, null);
            count = 0;
        }
    }
}
