// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.leak;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * What the spout is told in the handshake, by the native spout's own keys:
 * <ul>
 * <li>{@code kafka.spout.bootstrap.servers}: the first {@code host:port} is the leader of all partitions; nobody is asked
 * <li>{@code kafka.spout.topics}: one topic, a string or a list
 * <li>{@code kafka.spout.zookeeper.connect}: {@code host:port,host:port/chroot}
 * <li>{@code kafka.spout.zookeeper.root}, by default {@code /kafka-spout}, and {@code kafka.spout.zookeeper.id}, by default
 * {@code <topology name>-<component>}
 * </ul>
 *
 * @param offsets the node above {@code partition_<n>}
 */
record Settings(String host, int port, String topic, String zookeeper, String offsets) {
    private static final String PREFIX = "kafka.spout.";
    private static final String DEFAULT_ROOT = "/kafka-spout";
    private static final String ADDRESS = "[^:]+:[0-9]{1,5}";

    /** @throws IllegalArgumentException for a key that is missing or wrong, which it names */
    static Settings of(JsonNode handshake) {
        JsonNode conf = handshake.path("conf");
        String broker = required(conf, "bootstrap.servers").split(",")[0].strip();
        if (!broker.matches(ADDRESS)) {
            throw new IllegalArgumentException(PREFIX + "bootstrap.servers: " + broker + " is not host:port");
        }
        String topic = required(conf, "topics");
        if (topic.contains(",")) {
            throw new IllegalArgumentException(PREFIX + "topics: the bad example reads one topic, not " + topic);
        }
        String root = text(conf, "zookeeper.root", DEFAULT_ROOT);
        String id = text(conf, "zookeeper.id",
                conf.path("topology.name").asText() + "-" + handshake.path("context").path("componentid").asText());
        int colon = broker.indexOf(':');
        return new Settings(broker.substring(0, colon), Integer.parseInt(broker.substring(colon + 1)), topic,
                required(conf, "zookeeper.connect"), path(root, id));
    }

    /** The same for all connections but for the partition's number behind it. */
    String clientId() {
        return "leaky-spout-";
    }

    private static String required(JsonNode conf, String key) {
        String value = text(conf, key, "");
        if (value.isEmpty()) {
            throw new IllegalArgumentException(PREFIX + key + " is missing");
        }
        return value;
    }

    /** A list's items with commas between, as the string would have them. */
    private static String text(JsonNode conf, String key, String otherwise) {
        JsonNode value = conf.path(PREFIX + key);
        if (!value.isArray()) {
            return value.asText(otherwise).strip();
        }
        StringBuilder items = new StringBuilder();
        for (JsonNode item : value) {
            items.append(items.length() == 0 ? "" : ",").append(item.asText().strip());
        }
        return items.toString();
    }

    private static String path(String root, String id) {
        String path = ("/" + root + "/" + id).replaceAll("/+", "/");
        return path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
    }
}
