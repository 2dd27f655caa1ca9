// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.cluster;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.storm.spout.SpoutOutputCollector;

/**
 * Notes what passes between a spout and Storm: {@code with-id} and {@code without-id} when the first such tuple is emitted,
 * {@code in-flight N} and {@code nested N} when there are more of them than ever, {@code twice ID} when a tuple comes again
 * that Storm has neither acked nor failed, {@code activate MILLIS} and {@code deactivate MILLIS} when Storm says so, and
 * after that {@code inactive N} when there have been more tuples than ever until the next {@code activate}, and
 * {@code gap MILLIS} when Storm has let more time pass than ever between two {@code nextTuple}.
 */
final class Watch {
    private final Notes notes;
    private final Set<String> inFlight = new HashSet<>();
    private int mostInFlight;
    private int depth;
    private int deepest;
    private boolean withId;
    private boolean withoutId;
    private boolean active;
    private int inactive;
    private int mostInactive;
    private long lastNext;
    private long longestGap;

    /** @param dir where its file goes */
    Watch(String dir, int task) {
        notes = new Notes(dir, "watch", task);
    }

    /** Emits to the one given, and notes what passes. */
    SpoutOutputCollector around(SpoutOutputCollector collector) {
        return new SpoutOutputCollector(collector) {
            @Override
            public List<Integer> emit(String stream, List<Object> tuple, Object id) {
                begin(id);
                // Without ackers Storm acks in here, and what the spout answers to that is read in here, too.
                List<Integer> tasks = super.emit(stream, tuple, id);
                depth--;
                return tasks;
            }
        };
    }

    private void begin(Object id) {
        if (id == null) {
            if (!withoutId) {
                notes.add("without-id");
            }
            withoutId = true;
        } else {
            if (!withId) {
                notes.add("with-id");
            }
            withId = true;
            if (!inFlight.add(id.toString())) {
                notes.add("twice " + id);
            }
        }
        if (inFlight.size() > mostInFlight) {
            mostInFlight = inFlight.size();
            notes.add("in-flight " + mostInFlight);
        }
        depth++;
        if (depth > deepest) {
            deepest = depth;
            notes.add("nested " + (deepest - 1));
        }
        if (!active && ++inactive > mostInactive) {
            mostInactive = inactive;
            notes.add("inactive " + inactive);
        }
    }

    /** Storm has acked or failed it. */
    void done(Object id) {
        inFlight.remove(id.toString());
    }

    void next() {
        long now = System.currentTimeMillis();
        if (lastNext != 0 && now - lastNext > longestGap) {
            longestGap = now - lastNext;
            notes.add("gap " + longestGap);
        }
        lastNext = now;
    }

    void activate() {
        active = true;
        lastNext = 0;
        notes.add("activate " + System.currentTimeMillis());
    }

    void deactivate() {
        active = false;
        inactive = 0;
        notes.add("deactivate " + System.currentTimeMillis());
    }
}
