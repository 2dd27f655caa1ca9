// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SettingsTest {
    @Test
    void fields_are_a_list_or_a_text_however_written() {
        assertEquals(List.of("value"), Settings.fields(Map.of()));
        for (Object same : List.of(List.of("key", "value"), "key, value", "[\"key\",\"value\"]")) {
            assertEquals(List.of("key", "value"), Settings.fields(Map.of("kafka.spout.fields", same)));
        }
    }

    @Test
    void streams_are_a_map_or_pairs() {
        assertEquals(Set.of(), Settings.streams(Map.of()));
        String key = "kafka.spout.stream.by.topic";
        assertEquals(Set.of("left", "right"), Settings.streams(Map.of(key, Map.of("a", "left", "b", "right"))));
        assertEquals(Set.of("left", "right"), Settings.streams(Map.of(key, "a=left,b=right,c=left")));
        assertThrows(IllegalArgumentException.class, () -> Settings.streams(Map.of(key, "left")));
    }

    @Test
    void the_user_interface_finds_the_lag_by_our_keys_unless_its_own_are_given() {
        Map<String, Object> ours = Map.of(
                "kafka.spout.topics", List.of("a", "b"), "kafka.spout.group.id", "g", "config.groupid", "other");
        Map<String, Object> all = Settings.withLagKeys(ours);
        assertEquals("a,b", all.get("config.topics"));
        assertEquals("other", all.get("config.groupid"));
        assertFalse(all.containsKey("config.bootstrap.servers"));
    }

    @Test
    void numbers_are_numbers_or_their_text() {
        assertEquals(3, Settings.number(Map.of("n", 3L), "n"));
        assertEquals(3, Settings.number(Map.of("n", " 3"), "n"));
        assertNull(Settings.number(Map.of(), "n"));
    }
}
