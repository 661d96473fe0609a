// SPDX-License-Identifier: GPL-2.0

//! Tables for people.

use comfy_table::{presets::NOTHING, ContentArrangement, Table};

/// Rows as a table, its columns as wide as they need to be, or cells of several lines where it would be wider than `width`.
pub fn table<R: IntoIterator<Item = String>>(
    rows: impl IntoIterator<Item = R>,
    width: Option<usize>,
) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).add_rows(rows);
    if let Some(width) = width {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width.try_into().unwrap_or(u16::MAX));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_narrow_terminal_has_more_lines() {
        let rows = [
            [
                "target_complete_cmd",
                "target_core_mod_new",
                "function, optional",
            ],
            ["f", "vmlinux", ""],
        ];
        let rows = rows.map(|row| row.map(str::to_owned));
        expect![[r#"
            target_complete_cmd  target_core_mod_new  function, optional
            f                    vmlinux
        "#]]
        .assert_eq(&table(rows.clone(), None));
        expect![[r#"
            target_complete_  target_core_mod  function,
            cmd               _new             optional
            f                 vmlinux
        "#]]
        .assert_eq(&table(rows, Some(46)));
    }
}
