// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.leak;

import java.util.Locale;

/** What becomes of the connection of a fetch. */
enum Form {
    LEAK("opens a connection for each fetch and never closes it"),
    CLOSE("opens a connection for each fetch and closes it"),
    REUSE("opens one connection for each partition and keeps it");

    private final String meaning;

    Form(String meaning) {
        this.meaning = meaning;
    }

    /** Null if there is none. */
    static Form named(String name) {
        for (Form form : values()) {
            if (form.toString().equals(name)) {
                return form;
            }
        }
        return null;
    }

    String meaning() {
        return meaning;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
