// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How large the terminal is, which may change; Java does not tell, stty does. */
final class Terminal {
    private static final Pattern ROWS_AND_COLUMNS = Pattern.compile("(\\d+) (\\d+)\\s*");
    private static final Size USUAL = new Size(80, 24);

    private final int columns;
    private final int lines;

    /** @param columns 0 to ask @param lines 0 to ask */
    Terminal(int columns, int lines) {
        this.columns = columns;
        this.lines = lines;
    }

    /**
     * A size.
     *
     * @param columns characters in a line
     * @param lines lines
     */
    record Size(int columns, int lines) {
    }

    Size size() {
        Size asked = columns > 0 && lines > 0 ? USUAL : ask();
        return new Size(columns > 0 ? columns : asked.columns(), lines > 0 ? lines : asked.lines());
    }

    private static Size ask() {
        try {
            Process stty = new ProcessBuilder("stty", "size").redirectInput(new File("/dev/tty"))
                    .redirectError(ProcessBuilder.Redirect.DISCARD).start();
            Matcher size = ROWS_AND_COLUMNS.matcher(new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII));
            if (size.matches()) {
                Size found = new Size(Integer.parseInt(size.group(2)), Integer.parseInt(size.group(1)));
                // Some that are no real terminal say 0.
                return found.columns() > 0 && found.lines() > 0 ? found : USUAL;
            }
        } catch (IOException e) {
            // No terminal of ours, or no stty.
        }
        return USUAL;
    }
}
