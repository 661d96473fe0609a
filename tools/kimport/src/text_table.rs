// SPDX-License-Identifier: GPL-2.0

//! Tables for people.

use comfy_table::{presets::NOTHING, ContentArrangement, Table};

/// The longest cell that a column is widened for: a symbol may have 511 characters.
const MAX_WIDTH: usize = 60;

/// Formats rows as a table for a terminal of `width` columns, and wraps cells where the table would
/// be wider. `None` is for a file: each row is one line, and each column is as wide as nearly all
/// of its cells need.
pub fn text_table<R: IntoIterator<Item = String>>(
    rows: impl IntoIterator<Item = R>,
    width: Option<usize>,
) -> String {
    let Some(width) = width else {
        return lines(rows);
    };
    let mut table = Table::new();
    table
        .load_preset(NOTHING)
        .add_rows(rows)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width.try_into().unwrap_or(u16::MAX));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt() + "\n"
}

fn lines<R: IntoIterator<Item = String>>(rows: impl IntoIterator<Item = R>) -> String {
    let rows: Vec<Vec<String>> = rows.into_iter().map(Vec::from_iter).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let widths: Vec<usize> = (0..columns).map(|column| width_of(cells(column))).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, &width) in row.iter().zip(&widths) {
            line += &format!("{cell:width$}  ");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Returns the width of a column: that of its widest cell, ignoring cells that are far too wide.
pub fn width_of(cells: impl IntoIterator<Item = impl AsRef<str>>) -> usize {
    let widths = cells.into_iter().map(|cell| cell.as_ref().chars().count());
    let widths = widths.filter(|&width| width <= MAX_WIDTH);
    widths.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_narrow_terminal_has_more_lines() {
        let long = [
            "target_complete_cmd",
            "target_core_mod_new",
            "function, optional",
        ];
        let rows = [long, ["f", "vmlinux", ""]];
        let rows = rows.map(|row| row.map(str::to_owned));
        expect![[r#"
            target_complete_cmd  target_core_mod_new  function, optional
            f                    vmlinux
        "#]]
        .assert_eq(&text_table(rows.clone(), None));
        expect![[r#"
            target_complete_  target_core_mod  function,
            cmd               _new             optional
            f                 vmlinux
        "#]]
        .assert_eq(&text_table(rows, Some(46)));
    }

    #[test]
    fn one_long_name_widens_no_other_line() {
        let long = "x".repeat(511);
        let rows = [["f", "vmlinux"], [&long, "vmlinux"], ["longer", "core"]];
        let text = text_table(rows.map(|row| row.map(str::to_owned)), None);
        let expected = format!("f       vmlinux\n{long}  vmlinux\nlonger  core\n");
        assert_eq!(text, expected);
    }
}
