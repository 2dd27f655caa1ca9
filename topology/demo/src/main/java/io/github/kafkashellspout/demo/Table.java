// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A moment as lines that fit into so many columns and rows. */
final class Table {
    /** As they stand; narrow tables lose those of the highest rank first. */
    private static final List<Column> COLUMNS = List.of(
            new Column("partition", 11, 0, row -> row.status().name()),
            new Column("produced", 10, 4, row -> Moment.text(row.status().end())),
            new Column("read", 10, 6, row -> Moment.text(row.status().position())),
            new Column("acked", 10, 3, row -> Moment.text(row.status().acked())),
            new Column("per s", 9, 5, row -> String.format(Locale.ROOT, "%.0f", row.ackedPerSecond())),
            new Column("lag", 10, 1, row -> Moment.text(row.status().lag())),
            new Column("committed", 11, 2, row -> Moment.text(row.status().committed())));
    private static final int BAR_AT_MOST = 60;
    private static final int NUMBER = 11;

    private final int width;
    private final int height;
    private final List<Column> columns;
    private final List<Line> lines = new ArrayList<>();

    private Table(int columns, int rows) {
        // The last column would wrap on some terminals, and the cursor needs the last row.
        width = Math.max(1, columns - 1);
        height = Math.max(1, rows - 1);
        this.columns = columns(width);
    }

    /** How a line stands out. */
    enum Style { PLAIN, HEAD, FAINT, GOOD, BAD }

    /**
     * One line.
     *
     * @param text without its end
     * @param style for terminals that show any
     */
    record Line(String text, Style style) {
    }

    private record Column(String name, int width, int rank, Function<Moment.Row, String> value) {
        /** What stands first, stands on the left. */
        private String pad(String text) {
            return String.format("%" + (rank == 0 ? -width : width) + "s", text);
        }
    }

    static List<Line> lay(Moment moment, int columns, int rows) {
        Table table = new Table(columns, rows);
        table.head(moment);
        table.partitions(moment);
        return table.lines.subList(0, Math.min(table.lines.size(), table.height));
    }

    private void head(Moment moment) {
        TopologyStatus topology = moment.topology();
        add(Style.HEAD, "%s", bar(moment));
        numbers(new String[] {"produced", "received", "per s", "lag", "committed", "failed", "repeated"},
                moment.produced(), topology.received(), Math.round(moment.rate()), moment.lag(), moment.committed(), topology.failed(),
                topology.duplicates());
        if (moment.processes() == 0) {
            add(Style.FAINT, "the spout has not told its status yet");
            return;
        }
        boolean leaking = moment.sockets().containsKey("CLOSE_WAIT");
        add(leaking ? Style.BAD : Style.GOOD, "spout's sockets: %s", moment.socketsText());
        add(Style.PLAIN, "spout: %d %s, %.1f MiB RSS, %.0f%% CPU", moment.processes(), moment.processes() == 1 ? "process" : "processes",
                moment.rssBytes() / View.MIB, moment.cpuShare() * 100);
    }

    /** As many as there is room for. */
    private void numbers(String[] names, Long... values) {
        StringBuilder head = new StringBuilder();
        StringBuilder row = new StringBuilder();
        for (int i = 0; i < names.length && row.length() + NUMBER < width; i++) {
            head.append(String.format("%" + NUMBER + "s", names[i]));
            row.append(String.format("%" + NUMBER + "s", Moment.text(values[i])));
        }
        add(Style.PLAIN, "%s", head);
        add(Style.PLAIN, "%s", row);
    }

    private String bar(Moment moment) {
        int inside = Math.min(BAR_AT_MOST, width - moment.goal().length() - 4);
        if (inside < 5) {
            return moment.goal();
        }
        int done = (int) Math.round(inside * Math.min(1, moment.progress()));
        return "[" + "#".repeat(done) + "-".repeat(inside - done) + "]  " + moment.goal();
    }

    /** All of them in their order, or, if there is no room, those with the most lag. */
    private void partitions(Moment moment) {
        List<Moment.Row> rows = moment.partitions();
        if (rows.isEmpty()) {
            return;
        }
        add(Style.PLAIN, "");
        add(Style.HEAD, "%s", row(Column::name));
        int room = height - lines.size();
        boolean all = moment.unlisted() == 0 && rows.size() <= room;
        int shown = all ? rows.size() : Math.max(0, Math.min(rows.size(), room - 1));
        if (!all) {
            rows = new ArrayList<>(rows);
            rows.sort(Comparator.comparing(Moment.Row::lag).reversed());
        }
        for (Moment.Row partition : rows.subList(0, shown)) {
            add(Style.PLAIN, "%s", row(column -> column.value().apply(partition)));
        }
        if (!all) {
            int more = rows.size() - shown + moment.unlisted();
            long most = rows.get(Math.min(shown, rows.size() - 1)).lag();
            add(Style.FAINT, "%d more %s with a lag of at most %d", more, more == 1 ? "partition" : "partitions", most);
        }
    }

    private static List<Column> columns(int width) {
        List<Column> fitting = new ArrayList<>(COLUMNS);
        while (fitting.size() > 1 && fitting.stream().mapToInt(Column::width).sum() > width) {
            fitting.remove(fitting.stream().max(Comparator.comparing(Column::rank)).orElseThrow());
        }
        return fitting;
    }

    private String row(Function<Column, String> cell) {
        return columns.stream().map(column -> column.pad(cell.apply(column))).collect(Collectors.joining());
    }

    private void add(Style style, String format, Object... values) {
        String text = String.format(Locale.ROOT, format, values);
        lines.add(new Line(text.length() > width ? text.substring(0, width) : text, style));
    }
}
