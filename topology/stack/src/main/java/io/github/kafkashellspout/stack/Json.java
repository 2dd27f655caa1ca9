// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

/** Strings for the launcher's few JSON lines; a library would be its only dependency. */
final class Json {
    private Json() {
    }

    static String quote(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (char c : String.valueOf(text).toCharArray()) {
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < ' ') {
                json.append(String.format("\\u%04x", (int) c));
            } else {
                json.append(c);
            }
        }
        return json.append('"').toString();
    }
}
