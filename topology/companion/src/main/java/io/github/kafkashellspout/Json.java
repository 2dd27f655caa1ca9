// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.util.Iterator;
import java.util.Map;

/** Writes JSON. Storm's own library has another name in each of its lines. */
final class Json {
    private final StringBuilder out = new StringBuilder();

    private Json() {
    }

    /** Maps, lists and scalars; anything else as its text. */
    static String write(Object value) {
        Json json = new Json();
        json.append(value);
        return json.out.toString();
    }

    private void append(Object value) {
        if (value instanceof Map) {
            appendMap((Map<?, ?>) value);
        } else if (value instanceof Iterable) {
            appendList((Iterable<?>) value);
        } else if (value == null || value instanceof Boolean || value instanceof Number && isFinite((Number) value)) {
            out.append(value);
        } else {
            appendText(value.toString());
        }
    }

    private static boolean isFinite(Number number) {
        return !Double.isNaN(number.doubleValue()) && !Double.isInfinite(number.doubleValue());
    }

    private void appendMap(Map<?, ?> map) {
        String separator = "{";
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            out.append(separator);
            appendText(String.valueOf(entry.getKey()));
            out.append(':');
            append(entry.getValue());
            separator = ",";
        }
        out.append(map.isEmpty() ? "{}" : "}");
    }

    private void appendList(Iterable<?> list) {
        out.append('[');
        for (Iterator<?> values = list.iterator(); values.hasNext();) {
            append(values.next());
            if (values.hasNext()) {
                out.append(',');
            }
        }
        out.append(']');
    }

    private void appendText(String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ' || Character.isSurrogate(c)) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }
}
