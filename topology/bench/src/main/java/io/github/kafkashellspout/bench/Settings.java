// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Lines {@code KEY=VALUE} of a file. Values may have spaces, which arguments of the launcher's commands may not. */
final class Settings {
    private final Map<String, String> values = new TreeMap<>();

    static Settings read(Path file) throws IOException {
        Settings settings = new Settings();
        for (String line : Files.readAllLines(file)) {
            int equals = line.indexOf('=');
            if (equals <= 0) {
                throw new IllegalArgumentException(file + ": '" + line + "' is not KEY=VALUE");
            }
            settings.values.put(line.substring(0, equals), line.substring(equals + 1));
        }
        return settings;
    }

    String text(String key) {
        String value = values.get(key);
        if (value == null) {
            throw new IllegalArgumentException(key + " is missing");
        }
        return value;
    }

    int number(String key, int otherwise) {
        String text = values.get(key);
        try {
            return text == null ? otherwise : Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(key + ": " + text + " is no number", e);
        }
    }

    /** KEY.0, KEY.1 and so on. */
    List<String> list(String key) {
        List<String> list = new ArrayList<>();
        for (String value = values.get(key + ".0"); value != null; value = values.get(key + "." + list.size())) {
            list.add(value);
        }
        if (list.isEmpty()) {
            throw new IllegalArgumentException(key + ".0 is missing");
        }
        return list;
    }

    /** All whose keys begin so. */
    Map<String, String> with(String prefix) {
        Map<String, String> found = new TreeMap<>();
        values.forEach((key, value) -> {
            if (key.startsWith(prefix)) {
                found.put(key, value);
            }
        });
        return found;
    }
}
