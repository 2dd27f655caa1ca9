// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.storm.Config;

/** The component's configuration as far as Java has to understand it. */
final class Settings {
    static final String PREFIX = "kafka.spout.";

    private Settings() {
    }

    /** The names of a tuple's values, as {@code kafka.spout.fields} has them. */
    static List<String> fields(Map<String, Object> configuration) {
        List<String> fields = list(configuration.get(PREFIX + "fields"));
        if (fields.isEmpty()) {
            fields.add("value");
        }
        return fields;
    }

    /** The streams that {@code kafka.spout.stream.by.topic} names. */
    static Set<String> streams(Map<String, Object> configuration) {
        Object byTopic = configuration.get(PREFIX + "stream.by.topic");
        Set<String> streams = new LinkedHashSet<>();
        if (byTopic instanceof Map) {
            for (Object stream : ((Map<?, ?>) byTopic).values()) {
                streams.add(String.valueOf(stream));
            }
            return streams;
        }
        for (String pair : list(byTopic)) {
            int equals = pair.indexOf('=');
            if (equals < 0) {
                throw new IllegalArgumentException(
                        PREFIX + "stream.by.topic: " + byTopic + " is neither a map nor topic=stream with commas between");
            }
            streams.add(pair.substring(equals + 1).trim());
        }
        return streams;
    }

    /** The configuration, and the keys by which Storm UI finds the lag, from ours where they are not given. */
    static Map<String, Object> withLagKeys(Map<String, Object> configuration) {
        Map<String, Object> all = new LinkedHashMap<>(configuration);
        String[][] pairs = {{"topics", "config.topics"}, {"group.id", "config.groupid"}, {"bootstrap.servers", "config.bootstrap.servers"}};
        for (String[] pair : pairs) {
            Object ours = configuration.get(PREFIX + pair[0]);
            if (ours != null && !all.containsKey(pair[1])) {
                all.put(pair[1], String.join(",", list(ours)));
            }
        }
        return all;
    }

    /** The configuration, and our message ids among what Storm can serialize. Nimbus adds up those of all components. */
    static Map<String, Object> withSerializers(Map<String, Object> configuration) {
        List<Object> registered = new ArrayList<>();
        Object given = configuration.get(Config.TOPOLOGY_KRYO_REGISTER);
        if (given instanceof Collection) {
            registered.addAll((Collection<?>) given);
        }
        registered.add(Emit.class.getName());
        Map<String, Object> all = new LinkedHashMap<>(configuration);
        all.put(Config.TOPOLOGY_KRYO_REGISTER, registered);
        return all;
    }

    /** A number of the merged configuration, or null. */
    static Integer number(Map<?, ?> conf, String key) {
        Object value = conf.get(key);
        if (value == null) {
            return null;
        }
        return value instanceof Number ? ((Number) value).intValue() : Integer.valueOf(value.toString().trim());
    }

    private static List<String> list(Object value) {
        List<String> items = new ArrayList<>();
        if (value instanceof Collection) {
            for (Object item : (Collection<?>) value) {
                items.add(String.valueOf(item));
            }
        } else if (value != null) {
            for (String item : value.toString().replaceAll("^\\[|\\]$|\"", "").split(",")) {
                if (!item.trim().isEmpty()) {
                    items.add(item.trim());
                }
            }
        }
        return items;
    }
}
