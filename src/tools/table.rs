//! Tables as people read them: names on the left, numbers on the right.

use std::fmt;

use comfy_table::{CellAlignment, presets};

/// A table. The first column is text, all others are numbers.
pub struct Table(comfy_table::Table);

impl Table {
    /// With these heads.
    pub fn new(head: Vec<String>) -> Self {
        let columns = head.len();
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_header(head);
        for column in 1..columns {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        Self(table)
    }

    /// One row more.
    pub fn row(&mut self, cells: Vec<String>) {
        self.0.add_row(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.0.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
