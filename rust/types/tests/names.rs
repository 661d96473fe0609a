// SPDX-License-Identifier: GPL-2.0

//! Tests of the names that compilers make, with the cases that hold for crate and command, and with
//! arbitrary names.

use kimport_types::{
    made_of,
    name_cases::{Answer, CASES},
    Made,
};
use proptest::prelude::*;

#[test]
fn the_cases_follow_from_what_each_symbol_is() {
    for case in CASES {
        let made: Vec<_> = case
            .symbols
            .iter()
            .map(|symbol| made_of(symbol.as_bytes(), b"f"))
            .collect();
        let renames = made.iter().filter(|made| **made == Some(Made::Renamed));
        let renamed = made.iter().position(|made| *made == Some(Made::Renamed));
        let answer = match case.symbols.iter().position(|symbol| *symbol == "f") {
            Some(index) => Answer::Found(index),
            None => match (renames.count(), renamed) {
                (1, Some(index)) => Answer::Found(index),
                (0, _) if made.contains(&Some(Made::Clone)) => Answer::OnlyClone,
                (0, _) => Answer::Missing,
                (count, _) => Answer::SeveralRenames(count as u32),
            },
        };
        assert_eq!(answer, case.answer, "{:?}", case.symbols);
    }
}

proptest! {
    #[test]
    fn nothing_is_made_of_another_name(name in "[a-z_]{1,8}", symbol in "[a-z_.$0-9]{0,24}") {
        let made = made_of(symbol.as_bytes(), name.as_bytes());
        prop_assert!(made.is_none() || symbol.starts_with(&name) && symbol != name);
    }

    #[test]
    fn suffixes_add_up(name in "[a-z_]{1,8}", renames in prop::collection::vec(
        prop_oneof![
            "\\.llvm\\.[0-9]{1,20}",
            "\\.lto_priv\\.[0-9]{1,3}",
            "\\.__uniq\\.[0-9]{1,39}",
            "[.$][0-9a-f]{32}",
        ],
        1..4,
    )) {
        let renamed = format!("{name}{}", renames.concat());
        prop_assert_eq!(made_of(renamed.as_bytes(), name.as_bytes()), Some(Made::Renamed));
        for part in [".cold", ".isra.0", ".constprop.3", ".part.0", ".cfi_jt"] {
            let part = format!("{renamed}{part}");
            prop_assert_eq!(made_of(part.as_bytes(), name.as_bytes()), Some(Made::Clone));
            // It is a clone of the renamed function, too.
            prop_assert_eq!(made_of(part.as_bytes(), renamed.as_bytes()), Some(Made::Clone));
        }
    }
}
