// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.io.PrintStream;
import java.util.List;

/** A table that is drawn again over itself, with the control sequences that every terminal of today knows. */
final class LiveView implements View {
    private static final String ESCAPE = "\033[";
    private static final String HIDE_CURSOR = ESCAPE + "?25l";
    private static final String SHOW_CURSOR = ESCAPE + "?25h";
    private static final String TO_END_OF_LINE = ESCAPE + "K";
    private static final String TO_END_OF_SCREEN = ESCAPE + "J";
    private static final String CLEAR = ESCAPE + "H" + ESCAPE + "2J";

    private final PrintStream out;
    private final Terminal terminal;
    private final boolean colours;
    private Terminal.Size size;
    private Moment last;
    /** Lines of the table that stand above the cursor. */
    private int drawn;

    LiveView(PrintStream out, Terminal terminal, boolean colours) {
        this.out = out;
        this.terminal = terminal;
        this.colours = colours;
    }

    @Override
    public void say(String line) {
        write(back() + TO_END_OF_SCREEN + line + "\n");
        drawn = 0;
        if (last != null) {
            show(last);
        }
    }

    /** One write for all, and nothing is cleared before it is drawn over: so it does not flicker. */
    @Override
    public void show(Moment moment) {
        last = moment;
        StringBuilder frame = new StringBuilder(HIDE_CURSOR);
        Terminal.Size now = terminal.size();
        if (size != null && !now.equals(size)) {
            // Lines that were drawn may have wrapped, and nobody knows where the table begins.
            frame.append(CLEAR);
            drawn = 0;
        }
        size = now;
        frame.append(back());
        List<Table.Line> lines = Table.lay(moment, now.columns(), now.lines());
        for (Table.Line line : lines) {
            frame.append(styled(line)).append(TO_END_OF_LINE).append('\n');
        }
        write(frame.append(TO_END_OF_SCREEN).toString());
        drawn = lines.size();
    }

    private String back() {
        return drawn == 0 ? "\r" : "\r" + ESCAPE + drawn + "A";
    }

    private String styled(Table.Line line) {
        String code = switch (line.style()) {
            case PLAIN -> "";
            case HEAD -> "1";
            case FAINT -> "2";
            case GOOD -> "32";
            case BAD -> "31";
        };
        return !colours || code.isEmpty() ? line.text() : ESCAPE + code + "m" + line.text() + ESCAPE + "0m";
    }

    private void write(String text) {
        out.print(text);
        out.flush();
    }

    /** The last table stays where it is. */
    @Override
    public void close() {
        last = null;
        drawn = 0;
        write(SHOW_CURSOR);
    }
}
