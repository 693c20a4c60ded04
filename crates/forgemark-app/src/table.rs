//! Tables for summaries.
//!
//! Cells may hold text that a model wrote; every cell is made safe for the terminal here, so no
//! caller can forget it.

use comfy_table::{CellAlignment, ContentArrangement};
use comfy_table::{LineStyle, TableStyle};

use crate::escape;

/// A rule below the header and nothing else.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Where a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table with a header, built row by row.
#[derive(Debug)]
pub struct Table {
    inner: comfy_table::Table,
    aligns: Vec<Align>,
}

impl Table {
    /// A table with these columns. Columns without a title make a table without a header.
    pub fn new(columns: &[(&str, Align)]) -> Self {
        let mut inner = comfy_table::Table::new();
        inner.load_style(STYLE);
        inner.set_content_arrangement(ContentArrangement::Disabled);
        if columns.iter().any(|(title, _)| !title.is_empty()) {
            inner.set_header(columns.iter().map(|(title, align)| cell(title, *align)));
        }
        Self {
            inner,
            aligns: columns.iter().map(|(_, align)| *align).collect(),
        }
    }

    /// Adds a row; what goes beyond the columns is left out, what is missing is empty.
    pub fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let cells = cells
            .into_iter()
            .zip(&self.aligns)
            .map(|(text, align)| cell(text.as_ref(), *align));
        self.inner.add_row(cells.collect::<Vec<_>>());
    }

    /// Wraps cells so that the table is at most this wide.
    pub fn set_width(&mut self, columns: u16) {
        self.inner
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(columns);
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, line) in self.inner.lines().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(line.trim_end())?;
        }
        Ok(())
    }
}

fn cell(text: &str, align: Align) -> comfy_table::Cell {
    let alignment = match align {
        Align::Left => CellAlignment::Left,
        Align::Right => CellAlignment::Right,
    };
    comfy_table::Cell::new(escape::for_line(text)).set_alignment(alignment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_aligned_and_safe() {
        let mut table = Table::new(&[("drop", Align::Left), ("n", Align::Right)]);
        table.row(["duplicate", "12"]);
        table.row(["\u{1b}[31mred\nline", "3"]);
        table.row(["日本語", "1,024"]);
        insta::assert_snapshot!(table.to_string(), @r"
         drop                     n
        ────────────────────────────
         duplicate               12
         \u{1b}[31mred⏎line       3
         日本語               1,024
        ");
    }

    #[test]
    fn a_table_without_titles_has_no_header() {
        let mut table = Table::new(&[("", Align::Left), ("", Align::Right)]);
        assert!(table.is_empty());
        table.row(["turns", "7"]);
        insta::assert_snapshot!(table.to_string(), @" turns   7");
    }
}
