// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.bench;

import java.time.Instant;
import java.util.Arrays;

/** When values were made, and how old they were when they came; every one, so that percentiles are exact. */
final class Ages {
    /** Decimal digits of the nanoseconds since the epoch that a value begins with. */
    private static final int DIGITS = 19;

    private long[] pairs = new long[2 << 12];
    private int used;

    /** Notes a value that has come just now. */
    void add(String value) {
        Instant now = Instant.now();
        long made = made(value);
        note(made, now.getEpochSecond() * 1_000_000_000L + now.getNano() - made);
    }

    private static long made(String value) {
        long made = 0;
        for (int i = 0; i < DIGITS; i++) {
            made = made * 10 + (value.charAt(i) - '0');
        }
        return made;
    }

    private synchronized void note(long made, long age) {
        if (used == pairs.length) {
            pairs = Arrays.copyOf(pairs, 2 * used);
        }
        pairs[used++] = made;
        pairs[used++] = age;
    }

    /** All since the last call: made, age, made, age, in nanoseconds. */
    synchronized long[] take() {
        long[] taken = Arrays.copyOf(pairs, used);
        used = 0;
        return taken;
    }
}
