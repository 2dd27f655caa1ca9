// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.stack;

import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * More listeners of a broker without TLS. Each advertises itself, so a client stays with the port it came to, and its
 * sockets can be told from another client's by the port alone.
 *
 * @param ports one each
 */
record PlainListeners(List<Integer> ports) {
    static final PlainListeners NONE = new PlainListeners(List.of());

    /** {@code NAME://HOST:PORT} of each. */
    List<String> addresses() {
        return numbered(i -> name(i) + "://" + address(i));
    }

    /** {@code NAME:PROTOCOL} of each. */
    List<String> protocols() {
        return numbered(i -> name(i) + ":PLAINTEXT");
    }

    /** What the launcher says of them, with a comma before it; nothing if there are none. */
    String json() {
        if (ports.isEmpty()) {
            return "";
        }
        return ",\"kafkaListeners\":[" + String.join(",", numbered(i -> Json.quote(address(i)))) + "]";
    }

    private List<String> numbered(IntFunction<String> text) {
        return IntStream.range(0, ports.size()).mapToObj(text).toList();
    }

    private static String name(int i) {
        return "PLAINTEXT" + (i + 1);
    }

    private String address(int i) {
        return "127.0.0.1:" + ports.get(i);
    }
}
