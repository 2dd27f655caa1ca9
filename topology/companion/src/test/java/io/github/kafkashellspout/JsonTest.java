// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.storm.shade.org.json.simple.JSONValue;
import org.junit.jupiter.api.Test;

/** Compared with what the library that Storm 1.x brings along reads. */
class JsonTest {
    @Test
    void a_library_reads_what_was_written() {
        StringBuilder text = new StringBuilder();
        for (char c = 0; c < 0x180; c++) {
            text.append(c);
        }
        text.append("𝄞");
        Object value = Map.of(
                text.toString(), List.of(1L, -2.5, true, "", List.of(), Map.of()),
                "nothing", Arrays.asList(null, text.toString()));
        assertEquals(value, JSONValue.parse(Json.write(value)));
    }

    @Test
    void what_json_has_not_is_its_text() {
        assertEquals("[\"NaN\",\"-Infinity\"]", Json.write(List.of(Double.NaN, Double.NEGATIVE_INFINITY)));
        assertEquals("\"a:b\"", Json.write(new StringBuilder("a:b")));
    }

    @Test
    void half_a_pair_is_escaped() {
        assertEquals("\"\\ud834x\"", Json.write("\ud834x"));
    }
}
