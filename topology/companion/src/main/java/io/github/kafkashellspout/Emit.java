// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.util.List;

/** A tuple on its way to Storm; once it is there, its message id. */
final class Emit {
    /** A tuple that Storm does not track. */
    static final int NO_SLOT = -1;

    // Kryo sets them: with debugging on in Storm UI the id travels to the event logger, maybe in another worker.
    int slot;
    long offset;
    String stream;
    private List<Object> tuple;

    private Emit() {
    }

    /**
     * @param slot number of the partition in the program's hands, {@link #NO_SLOT} if the tuple has no id
     * @param offset of the record
     */
    Emit(int slot, long offset, String stream, List<Object> tuple) {
        this.slot = slot;
        this.offset = offset;
        this.stream = stream;
        this.tuple = tuple;
    }

    boolean isTracked() {
        return slot != NO_SLOT;
    }

    /** The values, once: Storm keeps the id until the tuple is acked, and must not keep them with it. */
    List<Object> take() {
        List<Object> values = tuple;
        tuple = null;
        return values;
    }

    /** As the program writes ids in multilang. */
    @Override
    public String toString() {
        return slot + ":" + offset;
    }
}
